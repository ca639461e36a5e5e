"""The few numbers per request from which every estimator is computed."""

import math
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, IntArray

WEIGHT, MODEL, WEIGHTED, CLIPPED, RESIDUAL = range(5)
_FIXED = 5

# Fixed numbers and not quantiles of one log, so that the same sums come out of every part of a log.
# Weights run from 1 (on-policy) to 1 / (smallest propensity); beyond 1000 nothing is cut any more.
TAU_GRID = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0, math.inf)
LAM_GRID = (1.0, 4.0, 25.0, 100.0, 400.0, 2500.0, 10000.0, 1000000.0, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Which per-request numbers ("channels") are kept for one policy and one outcome.

    With cells a in S_i, weight w_ia = pi(a|x_i) / rho(a|x_i) and prediction q:

    ======== =======================================
    WEIGHT   sum_a w
    MODEL    sum_a pi(a|x) q(x,a), over all K actions
    WEIGHTED sum_a w r
    CLIPPED  sum_a min(w, clip) r
    RESIDUAL sum_a w (r - q)
    one/tau  sum_a w 1{w <= tau} (r - q)
    one/lam  sum_a lam w / (w^2 + lam) (r - q)
    ======== =======================================

    Parameters
    ----------
    clip : float
        Largest weight of clipped IPS.
    taus, lams : tuple of float
        Candidate thresholds of Switch-DR and DRos; infinity is the RESIDUAL channel.
    """

    clip: float
    taus: tuple[float, ...] = TAU_GRID
    lams: tuple[float, ...] = LAM_GRID

    def __post_init__(self) -> None:
        """Check that every threshold is usable."""
        for name, values in (("clip", (self.clip,)), ("tau", self.taus), ("lam", self.lams)):
            for value in values:
                if not value >= 0.0:
                    raise InvalidInputError(f"{name} is {value}: expected a number of at least 0 (infinity allowed)")

    @property
    def size(self) -> int:
        """Number of channels."""
        return _FIXED + len(self._finite(self.taus)) + len(self._finite(self.lams))

    @staticmethod
    def _finite(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(value for value in values if math.isfinite(value))

    def switch(self, tau: float) -> int:
        """Return the channel that holds the switched residual for a threshold."""
        return RESIDUAL if math.isinf(tau) else _FIXED + self._finite(self.taus).index(tau)

    def shrunk(self, lam: float) -> int:
        """Return the channel that holds the shrunk residual for a strength."""
        if math.isinf(lam):
            return RESIDUAL
        return _FIXED + len(self._finite(self.taus)) + self._finite(self.lams).index(lam)

    def fill(self, weight: FloatArray, reward: FloatArray, q_cell: FloatArray) -> FloatArray:
        """Compute all channels but MODEL for a run of cells.

        Parameters
        ----------
        weight, reward, q_cell : ndarray, shape (m,)
            Importance weight, outcome (0 where unknown, with weight 0) and prediction per cell.

        Returns
        -------
        ndarray, shape (size, m)
            One row per channel; the MODEL row is zero, because it is a sum over all actions.
        """
        out = np.empty((self.size, weight.size))
        out[WEIGHT] = weight
        out[MODEL] = 0.0
        np.multiply(weight, reward, out=out[WEIGHTED])
        np.multiply(np.minimum(weight, self.clip), reward, out=out[CLIPPED])
        residual = np.multiply(weight, reward - q_cell, out=out[RESIDUAL])
        for tau in self._finite(self.taus):
            np.multiply(residual, weight <= tau, out=out[self.switch(tau)])
        squared = weight * weight
        for lam in self._finite(self.lams):
            row = out[self.shrunk(lam)]
            # lam = 0 is the direct method; 0 / 0 at weight 0 would otherwise appear.
            if lam == 0.0:
                row[:] = 0.0
            else:
                np.multiply(residual, np.divide(lam, squared + lam), out=row)
        return out


def sum_cells(cells: FloatArray, counts: IntArray, per_row: int) -> FloatArray:
    """Add the cells of each request.

    Parameters
    ----------
    cells : ndarray, shape (d, m)
        Channels of a run of cells, ordered by request.
    counts : ndarray of int, shape (rows,)
        Cells per request.
    per_row : int
        The common count, or 0 where counts differ.

    Returns
    -------
    ndarray, shape (d, rows)
        Zero for a request without cells.
    """
    if per_row == 1:
        return cells
    if per_row > 1:
        return np.asarray(cells.reshape(cells.shape[0], -1, per_row).sum(axis=2))
    row = np.repeat(np.arange(counts.size), counts)
    # The cast is for a run without any cell, where bincount forgets its weights and returns integers.
    return np.stack([np.bincount(row, weights=c, minlength=counts.size) for c in cells]).astype(np.float64)
