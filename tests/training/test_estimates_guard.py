"""Laws of the guard's fit: means among relatives, the anchor, the slope."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder
from arbiter.features import Features
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter_training.estimates import OutcomeData
from arbiter_training.estimates.guard import CAUTION, LIKE_CAUTION, fit_guard, means_among_relatives

N = 400


@pytest.fixture(scope="module")
def data() -> OutcomeData:
    """Three candidates; the first is best at nine of ten requests, the second at the others."""
    rng = np.random.default_rng(0)
    queries = [read_request(f"hello {i}") for i in range(N)]
    batch = Features(HashingEncoder(8), HashedNgrams(16)).fit(queries).transform(queries)
    heads = np.concatenate([np.full((N, len(labels)), 1 / len(labels)) for labels in HEADS.values()], axis=1)
    return OutcomeData(
        batch=batch,
        heads=HeadProbabilities(stacked=heads),
        quality=(rng.random((N, 3)) < chances()).astype(float),
        inclusion=np.ones((N, 3)),
        folds=np.arange(N) % 4,
    )


def chances() -> np.ndarray:
    """Give the true quality of the requests."""
    special = (np.arange(N) % 10 == 0)[:, None]
    return np.where(special, [0.5, 0.9, 0.3], [0.9, 0.5, 0.3])


def test_means_of_many_outcomes_are_means() -> None:
    """Relatives say little against 400 outcomes."""
    y = np.random.default_rng(1).random((N, 3))
    mean, error = means_among_relatives(y, np.ones((N, 3)), np.eye(3))
    np.testing.assert_allclose(mean, y.mean(axis=0), atol=0.01)
    assert (error < 0.02).all()


def test_without_outcomes_the_relatives_speak() -> None:
    """A candidate like the first takes its side, with a wide error."""
    y = np.tile([0.9, 0.3, 0.0], (N, 1)) + np.random.default_rng(2).normal(size=(N, 3)) * 0.05
    weights = np.ones((N, 3)) * np.array([1.0, 1.0, 0.0])
    kin = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.9, 0.0, 1.0]])
    mean, error = means_among_relatives(y, weights, kin)
    alone, _ = means_among_relatives(y, weights, np.eye(3))
    assert mean[2] > alone[2] + 0.1
    assert error[2] > 5 * error[0]


def test_thirty_outcomes_and_relatives_err_less_than_thirty_outcomes() -> None:
    """Two families apart by .3: over 200 draws the mean of a new member is nearer the truth (seen: .041 to .057)."""
    rng = np.random.default_rng(3)
    kin = np.kron(np.eye(2), np.ones((4, 4)))
    plain, borrowed = [], []
    for _ in range(200):
        truth = np.repeat([0.75, 0.45], 4) + rng.normal(size=8) * 0.03
        weights = np.ones((N, 8))
        weights[30:, 0] = 0.0
        y = (rng.random((N, 8)) < truth) * weights
        plain.append(y[:30, 0].mean() - truth[0])
        borrowed.append(means_among_relatives(y, weights, kin)[0][0] - truth[0])
    assert np.std(borrowed) < 0.8 * np.std(plain)


def test_true_predictions_are_believed(data: OutcomeData) -> None:
    """The slope stays near 1 and the special requests go to the second candidate."""
    guard = fit_guard(chances(), data, np.eye(3))
    assert guard.anchor == 0
    assert guard.slope == pytest.approx(1.0, abs=0.15)
    np.testing.assert_array_equal(guard.apply(chances()).argmax(axis=1) == 1, np.arange(N) % 10 == 0)


def test_noise_is_not_believed(data: OutcomeData) -> None:
    """Predictions that hold for nobody leave the best constant choice nearly everywhere (slope 0 but for its error)."""
    noise = chances().mean(axis=0) + 0.3 * np.random.default_rng(4).normal(size=(N, 3))
    guard = fit_guard(noise, data, np.eye(3))
    assert guard.slope < 0.2
    assert (guard.apply(noise).argmax(axis=1) == 0).mean() > 0.95


def test_luck_on_few_outcomes_does_not_depose_the_best(data: OutcomeData) -> None:
    """Four good outcomes of four: its mean is 1, and the anchor stays."""
    quality = data.quality.copy()
    quality[:, 2] = np.nan
    quality[:4, 2] = 1.0
    guard = fit_guard(np.tile(chances().mean(axis=0), (N, 1)), replace(data, quality=quality), np.eye(3))
    assert guard.anchor == 0
    assert (guard.apply(np.tile(chances().mean(axis=0), (N, 1))).argmax(axis=1) == 0).all()


def test_constant_predictions_give_the_cautious_means(data: OutcomeData) -> None:
    """Of a blend that tells no requests apart the means remain, less the caution but for the anchor."""
    guard = fit_guard(np.full((N, 3), 0.4), data, np.eye(3))
    mean, error = means_among_relatives(data.quality, data.weights, np.eye(3))
    expected = mean - np.minimum(CAUTION * error**3, LIKE_CAUTION * error**2) * np.array([0, 1, 1])
    np.testing.assert_allclose(guard.apply(np.full((1, 3), 0.4))[0], expected)


def test_unpaired_outcomes_are_met_with_more_caution(data: OutcomeData) -> None:
    """Thirty outcomes of the second candidate: two errors off; ten error squares where the first has as many beside."""
    beside = data.quality.copy()
    beside[30:, 1] = np.nan
    apart = beside.copy()
    apart[:30, 0] = np.nan
    constant = np.full((N, 3), 0.4)
    found = {}
    for name, quality in (("beside", beside), ("apart", apart)):
        own = replace(data, quality=quality)
        mean, error = means_among_relatives(np.nan_to_num(quality), own.weights, np.eye(3))
        guard = fit_guard(constant, own, np.eye(3))
        assert guard.anchor == 0
        found[name] = mean[1] - guard.apply(constant)[0, 1], error[1]
    off, error_beside = found["beside"]
    assert off == pytest.approx(LIKE_CAUTION * error_beside**2)
    off, error_apart = found["apart"]
    assert off == pytest.approx(2.0 * error_apart)


def test_where_all_are_known_alike_few_unpaired_outcomes_are_no_reproach(data: OutcomeData) -> None:
    """A third of the outcomes of each, never two of one request: caution as if they were paired."""
    quality = np.where(np.arange(N)[:, None] % 3 == np.arange(3), data.quality, np.nan)
    own = replace(data, quality=quality)
    mean, error = means_among_relatives(np.nan_to_num(quality), own.weights, np.eye(3))
    constant = np.full((N, 3), 0.4)
    expected = mean - np.minimum(CAUTION * error**3, LIKE_CAUTION * error**2) * np.array([0, 1, 1])
    np.testing.assert_allclose(fit_guard(constant, own, np.eye(3)).apply(constant)[0], expected)
