"""Laws of the nearest neighbours."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.estimates import neighbours
from arbiter.estimates.neighbours import NeighbourIndex


def index(n: int = 30, d: int = 8, k: int = 5, seed: int = 0) -> NeighbourIndex:
    rng = np.random.default_rng(seed)
    keys = rng.normal(size=(n, d)).astype(np.float32)
    observed = rng.random((n, 3)) < 0.5
    return NeighbourIndex(
        keys=keys / np.linalg.norm(keys, axis=1, keepdims=True),
        rewards=np.where(observed, rng.random((n, 3)), 0).astype(np.float32),
        observed=observed,
        means=np.array([0.3, 0.5, 0.7]),
        k=k,
        sharpness=4.0,
        prior_strength=2.0,
    )


def questions(n: int = 20, d: int = 8) -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_three_points_worked_by_hand() -> None:
    """Of keys at cosine 1, .5 and -1 two count, with weights 1 and e^-1; the second saw one candidate only."""
    hand = NeighbourIndex(
        keys=np.array([[1, 0], [0.5, np.sqrt(0.75)], [-1, 0]], dtype=np.float32),
        rewards=np.array([[1, 0], [0.2, 0], [0.9, 0.9]], dtype=np.float32),
        observed=np.array([[True, True], [True, False], [True, True]]),
        means=np.array([0.5, 0.4]),
        k=2,
        sharpness=2.0,
        prior_strength=1.0,
    )
    mean, n_effective = hand.predict(np.array([[1, 0]], dtype=np.float32))
    w = np.exp(-1.0)
    np.testing.assert_allclose(n_effective, [[1 + w, 1.0]], rtol=1e-6)
    np.testing.assert_allclose(mean, [[(1 + 0.2 * w + 0.5) / (2 + w), (0 + 0.4) / 2]], rtol=1e-6)


def test_what_was_not_observed_never_counts() -> None:
    """Whatever stands in an unobserved cell, the predictions are the same to the bit."""
    one = index()
    junk = replace(one, rewards=np.where(one.observed, one.rewards, np.float32(77.0)))
    for a, b in zip(one.predict(questions()), junk.predict(questions()), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_observations_the_mean_stands() -> None:
    """A candidate that no neighbour tried has its mean, and an effective number of 0."""
    blind = replace(index(), observed=np.zeros((30, 3), dtype=bool))
    mean, n_effective = blind.predict(questions())
    np.testing.assert_allclose(mean, np.broadcast_to(blind.means, mean.shape))
    assert (n_effective == 0).all()


def test_all_neighbours_of_no_sharpness_are_the_shrunken_mean() -> None:
    """With k beyond the number of keys it takes all of them, evenly."""
    even = replace(index(), k=1000, sharpness=0.0)
    mean, n_effective = even.predict(questions())
    count = even.observed.sum(axis=0)
    np.testing.assert_allclose(n_effective, np.broadcast_to(count, mean.shape))
    expected = ((even.rewards * even.observed).sum(axis=0) + 2.0 * even.means) / (count + 2.0)
    np.testing.assert_allclose(mean, np.broadcast_to(expected, mean.shape), rtol=1e-6)


def test_a_row_alone_equals_the_row_in_a_batch_however_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the rounding of single precision; an empty batch gives no rows."""
    one, x = index(), questions()
    whole = one.predict(x)
    for i in range(len(x)):
        for alone, row in zip(one.predict(x[i : i + 1]), whole, strict=True):
            np.testing.assert_allclose(alone[0], row[i], rtol=1e-5)
    monkeypatch.setattr(neighbours, "MAX_CELLS", 100)
    for cut, row in zip(one.predict(x), whole, strict=True):
        np.testing.assert_allclose(cut, row, rtol=1e-5)
    assert one.predict(x[:0])[0].shape == (0, 3)


def test_an_index_read_back_is_the_same_once_rounded() -> None:
    """Keys are kept in half precision: the first reading rounds, the second changes nothing."""
    rounded = NeighbourIndex.from_state(index().to_state())
    again = NeighbourIndex.from_state(rounded.to_state())
    for a, b in zip(rounded.predict(questions()), again.predict(questions()), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(rounded.predict(questions())[0], index().predict(questions())[0], atol=2e-3)
