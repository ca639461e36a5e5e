"""Laws of the cells of a neighbour index."""

import numpy as np
import pytest

from arbiter.estimates import cells as serving
from arbiter.estimates.cells import Cells
from arbiter_training.estimates.cells import cells_of


def vectors(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, 16))[rng.integers(20, size=n)] + 0.3 * rng.normal(size=(n, 16))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def test_every_key_lies_in_one_cell_and_none_is_empty() -> None:
    """The order is a permutation, the starts rise from 0 to N."""
    order, cells = cells_of(vectors(2_000, 0))
    np.testing.assert_array_equal(np.sort(order), np.arange(2_000))
    assert cells.starts[0] == 0
    assert cells.starts[-1] == 2_000
    assert (np.diff(cells.starts) > 0).all()


def test_looking_into_all_cells_is_the_exact_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same neighbours, at the same cosines."""
    keys, x = vectors(1_000, 0), vectors(30, 1)
    order, cells = cells_of(keys)
    monkeypatch.setattr(serving, "PROBES", 10_000)
    _, close = cells.search(keys[order], x, 7)
    exact = -np.sort(-(x @ keys.T), axis=1)[:, :7]
    np.testing.assert_allclose(-np.sort(-close, axis=1), exact, rtol=1e-5)


def test_few_cells_find_most_neighbours_and_a_state_keeps_them() -> None:
    """At least four of five of the true ten, before and after a bundle; a batch equals its rows."""
    keys, x = vectors(3_000, 0), vectors(40, 1)
    order, cells = cells_of(keys)
    again = Cells.from_state(cells.to_state())
    found, _ = again.search(keys[order], x, 10)
    true = np.argsort(-(x @ keys[order].T), axis=1)[:, :10]
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, true, strict=True)]) > 0.8
    alone, _ = cells.search(keys[order], x[:1], 10)
    assert set(alone[0]) == set(found[0])
