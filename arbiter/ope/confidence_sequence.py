"""Intervals that stay valid however often one looks."""

import math

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray
from arbiter.ope.estimate import OffPolicyEstimate


def tightest_rho(at: float, alpha: float) -> float:
    """Return the rho that makes the sequence tightest at a sample size.

    Parameters
    ----------
    at : float
        Sample size to optimise for, above 0.
    alpha : float
        One minus the confidence, in (0, 1).

    Returns
    -------
    float
        sqrt((-2 log alpha + log(1 - 2 log alpha)) / at), the closed-form approximation to the
        minimiser of the boundary (Waudby-Smith et al. 2021, appendix on optimising rho).

    Raises
    ------
    InvalidInputError
        If `at` or `alpha` is out of range.
    """
    if not at > 0.0 or not 0.0 < alpha < 1.0:
        raise InvalidInputError(f"at is {at} and alpha {alpha}: expected at > 0 and 0 < alpha < 1")
    return math.sqrt((-2.0 * math.log(alpha) + math.log1p(-2.0 * math.log(alpha))) / at)


def boundary(n: FloatArray, rho: float, alpha: float) -> FloatArray:
    """Return the half-width of the asymptotic confidence sequence in standard deviations.

    Parameters
    ----------
    n : ndarray
        Sample sizes.
    rho : float
        Tuning constant, fixed before looking.
    alpha : float
        One minus the confidence.

    Returns
    -------
    ndarray
        sqrt(2 (n rho^2 + 1) / (n^2 rho^2) * log(sqrt(n rho^2 + 1) / alpha))
        (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, the two-sided Gaussian mixture).
    """
    scaled = n * rho**2 + 1.0
    return np.asarray(np.sqrt(2.0 * scaled / (n * n * rho**2) * np.log(np.sqrt(scaled) / alpha)))


def anytime_interval(estimate: OffPolicyEstimate, at: float, alpha: float = 0.05) -> tuple[float, float]:
    """Widen an estimate's interval so that it holds at every look at once.

    Parameters
    ----------
    estimate : OffPolicyEstimate
        With a standard error.
    at : float
        Number of units (requests, or sessions) at which the sequence should be tightest. Choose it
        before the first look and keep it for all.
    alpha : float
        One minus the confidence.

    Returns
    -------
    tuple of float
        Lower and upper end.

    Raises
    ------
    InvalidInputError
        If the estimate has no standard error, or a bias that its standard error does not show.

    Notes
    -----
    The guarantee is asymptotic: it holds for looks after a first one that is not too early (ESS
    of some hundreds), and about 1.5 times as wide as the interval of a single look at `at`.
    """
    if estimate.stderr is None:
        raise InvalidInputError(f"{estimate.estimator} has no standard error, so no confidence sequence either")
    if estimate.bias is not None:
        raise InvalidInputError(
            f"{estimate.estimator} is biased, so its sequence would settle beside the truth: use dr"
        )
    n = float(estimate.units)
    reach = estimate.stderr * math.sqrt(n) * float(boundary(np.array(n), tightest_rho(at, alpha), alpha))
    return estimate.value - reach, estimate.value + reach


def confidence_sequence(terms: FloatArray, at: float, alpha: float = 0.05) -> tuple[FloatArray, FloatArray]:
    """Follow the mean of a stream with an interval at every step.

    Parameters
    ----------
    terms : ndarray, shape (n,)
        Per-request terms in time order, such as the paired differences of a gate.
    at : float
        Sample size at which the sequence should be tightest.
    alpha : float
        One minus the confidence.

    Returns
    -------
    lower, upper : ndarray, shape (n,)
        After each request; infinite after the first, whose spread is not known.
    """
    n = np.arange(1, terms.size + 1, dtype=np.float64)
    # Centred on the first term: sums of squares of large equal numbers would cancel.
    centred = terms - terms[0]
    mean = np.cumsum(centred) / n
    variance = np.maximum(np.cumsum(centred * centred) / n - mean**2, 0.0)
    reach = np.sqrt(variance) * boundary(n, tightest_rho(at, alpha), alpha)
    reach[0] = np.inf
    return terms[0] + mean - reach, terms[0] + mean + reach
