"""Cells of a neighbour index, found by k-means on the sphere."""

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.cells import Cells
from arbiter_training.estimates.data import IntArray

ROUNDS = 6
SAMPLE_PER_CELL = 40
"""Keys per cell that the centres are fitted on; more do not move them."""

ASSIGNED_AT_ONCE = 8_192


def cells_of(keys: NDArray[np.float32], seed: int = 0) -> tuple[IntArray, Cells]:
    """Divide keys into about 2 sqrt(N) cells.

    Parameters
    ----------
    keys : (N, d) unit length.
    seed : of the first centres and of the sample.

    Returns
    -------
    order : (N,) positions, cell by cell: the order in which the keys must be stored.
    cells : none of them empty.
    """
    n_cells = max(1, int(2.0 * np.sqrt(len(keys))))
    rng = np.random.default_rng(seed)
    sample = keys[rng.choice(len(keys), min(len(keys), SAMPLE_PER_CELL * n_cells), replace=False)]
    centres = sample[:n_cells].astype(np.float32)
    for _ in range(ROUNDS):
        centres = _moved(sample, centres)
    cell = _nearest(keys, centres)
    used, cell = np.unique(cell, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell))])
    rounded = centres[used].astype(np.float16).astype(np.float32)  # as a bundle keeps them
    return np.argsort(cell, kind="stable"), Cells(centres=rounded, starts=starts.astype(np.int64))


def _nearest(x: NDArray[np.float32], centres: NDArray[np.float32]) -> IntArray:
    parts = [(x[i : i + ASSIGNED_AT_ONCE] @ centres.T).argmax(axis=1) for i in range(0, len(x), ASSIGNED_AT_ONCE)]
    return np.concatenate(parts)


def _moved(x: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move each centre to the direction of the sum of its keys; one without keys stays (Dhillon and Modha, 2001)."""
    cell = _nearest(x, centres)
    order = np.argsort(cell, kind="stable")
    used, first = np.unique(cell[order], return_index=True)
    moved = centres.copy()
    moved[used] = np.add.reduceat(x[order], first, axis=0)
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12), dtype=np.float32)
