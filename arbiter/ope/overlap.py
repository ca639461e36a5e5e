"""How much of a policy the log can see: counts and maxima that add."""

from dataclasses import dataclass

import numpy as np

from arbiter.ope.arrays import FloatArray

# One bin per power of two of the weight, from 2^-32 to 2^31, for the overlap plot.
HISTOGRAM_BINS = 64
_HISTOGRAM_ZERO = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapSums:
    """What the diagnostics of one policy and outcome need, in a form that merges.

    Parameters
    ----------
    n : int
        Requests.
    max_weight : float
        Largest weight of one cell.
    max_row_weight : float
        Largest weight of one request, which is what one request can do to the estimate.
    min_inclusion, max_inclusion : float
        Extremes of the logged probabilities (infinity and 0 before any cell).
    certain_mass : float
        sum of pi(a|x) over cells that were scored with probability one.
    outside_mass : float
        sum of pi(a|x) over cells that the log declares impossible; NaN if it declares nothing.
    target_mass : ndarray, shape (K,)
        sum of pi(a|x) over requests: the policy's traffic per action.
    logged, answered : ndarray, shape (K,)
        Cells logged per action, and those among them with this outcome known.
    inverse, inverse_squared : ndarray, shape (K,)
        sum of 1/rho and 1/rho^2 over the logged cells of an action.
    histogram, histogram_mass : ndarray, shape (64,)
        Number and total weight of the cells whose weight lies in [2^(j-33), 2^(j-32)); weight zero
        is not counted.
    observational : bool
        Whether the propensities were estimated from the log.
    """

    n: int
    max_weight: float
    max_row_weight: float
    min_inclusion: float
    max_inclusion: float
    certain_mass: float
    outside_mass: float
    target_mass: FloatArray
    logged: FloatArray
    answered: FloatArray
    inverse: FloatArray
    inverse_squared: FloatArray
    histogram: FloatArray
    histogram_mass: FloatArray
    observational: bool = False

    def __add__(self, other: "OverlapSums") -> "OverlapSums":
        """Return the figures of both parts together."""
        return OverlapSums(
            n=self.n + other.n,
            max_weight=max(self.max_weight, other.max_weight),
            max_row_weight=max(self.max_row_weight, other.max_row_weight),
            min_inclusion=min(self.min_inclusion, other.min_inclusion),
            max_inclusion=max(self.max_inclusion, other.max_inclusion),
            certain_mass=self.certain_mass + other.certain_mass,
            outside_mass=self.outside_mass + other.outside_mass,
            target_mass=self.target_mass + other.target_mass,
            logged=self.logged + other.logged,
            answered=self.answered + other.answered,
            inverse=self.inverse + other.inverse,
            inverse_squared=self.inverse_squared + other.inverse_squared,
            histogram=self.histogram + other.histogram,
            histogram_mass=self.histogram_mass + other.histogram_mass,
            observational=self.observational or other.observational,
        )


def weight_histogram(weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Count and sum weights by power of two.

    Parameters
    ----------
    weight : ndarray, shape (m,)
        Non-negative weights.

    Returns
    -------
    counts, mass : ndarray, shape (64,)
        Number and total of the weights; weights of zero are left out.
    """
    exponent = np.frexp(weight)[1]
    place = np.clip(exponent + _HISTOGRAM_ZERO, 0, HISTOGRAM_BINS - 1)
    counts = np.bincount(place, minlength=HISTOGRAM_BINS).astype(np.float64)
    # frexp gives a weight of zero the exponent of [0.5, 1).
    counts[_HISTOGRAM_ZERO] -= np.count_nonzero(weight == 0.0)
    return counts, np.bincount(place, weights=weight, minlength=HISTOGRAM_BINS).astype(np.float64)


def heaviest_share(counts: FloatArray, mass: FloatArray, share: float, n: int) -> float:
    """Return the part of all weight that the heaviest cells carry.

    Parameters
    ----------
    counts, mass : ndarray, shape (64,)
        From `weight_histogram`.
    share : float
        How many cells, as a share of `n`; 0.01 for the heaviest hundredth.
    n : int
        Requests.

    Returns
    -------
    float
        In [0, 1]; the last bin that is reached counts with its mean weight, which is within a
        factor of two of each weight in it. 1 where there is no weight.
    """
    wanted = share * n
    before = np.concatenate([[0.0], np.cumsum(counts[::-1])[:-1]])
    taken = np.clip(wanted - before, 0.0, counts[::-1])
    mean = np.divide(mass, counts, out=np.zeros_like(mass), where=counts > 0.0)[::-1]
    total = float(mass.sum())
    return min(float(taken @ mean) / total, 1.0) if total > 0.0 else 1.0
