"""Choosing the threshold of Switch-DR or DRos from the data, anew at every call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Constant of SLOPE++ (Tucker and Lee 2021): two intervals must overlap by this much.
_SLOPE_FACTOR = math.sqrt(6.0) - 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One value of a hyperparameter with what it would give.

    Parameters
    ----------
    hyperparameter : float
        tau or lam.
    value : float
        The estimate it gives.
    variance : float
        Estimated variance of that estimate.
    bias : float
        Estimated bias: mean((w - w_hat)(r - q)), which is DR minus this estimate.
    """

    hyperparameter: float
    value: float
    variance: float
    bias: float


def choose_by_mse(candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate with the least estimated mean squared error.

    Parameters
    ----------
    candidates : sequence of Candidate
        At least one; the grid starts at 1, not at 0: pure DM has no interval.

    Returns
    -------
    Candidate
        Minimises variance + bias^2, the larger hyperparameter (nearer to DR) on a tie.

    Notes
    -----
    The model selection of Su, Dimakopoulou, Krishnamurthy and Dudik (2020). They bound the bias from
    above; here its plain estimate is squared, whose own noise makes the choice lean to DR.
    """
    return min(candidates, key=lambda c: (c.variance + c.bias**2, -c.hyperparameter))


def choose_by_slope(candidates: Sequence[Candidate], z: float) -> Candidate:
    """Return the candidate that Lepski's principle selects.

    Parameters
    ----------
    candidates : sequence of Candidate
        At least one.
    z : float
        Normal quantile of the intervals.

    Returns
    -------
    Candidate
        From the widest interval to the narrowest, the last before the first i with
        abs(V_i - V_j) > cnf_i + (sqrt 6 - 1) cnf_j for some earlier j
        (Su, Srinath and Krishnamurthy 2020; constant of Tucker and Lee 2021).

    Notes
    -----
    The theory assumes that bias grows as the interval shrinks; on a finite grid ordered by
    estimated widths this holds only roughly.
    """
    ordered = sorted(candidates, key=lambda c: (-c.variance, -c.hyperparameter))
    for i, candidate in enumerate(ordered):
        width = z * math.sqrt(candidate.variance)
        for earlier in ordered[:i]:
            if abs(candidate.value - earlier.value) > width + _SLOPE_FACTOR * z * math.sqrt(earlier.variance):
                return ordered[i - 1]
    return ordered[-1]
