"""Looking at growing data several times without raising the chance of a false finding."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from arbiter.errors import InvalidInputError
from arbiter.ope.confidence_sequence import boundary, tightest_rho

FloatArray = NDArray[np.float64]

METHODS = ("spending", "anytime", "fixed")

NODES = 128
"""Points of Gauss and Legendre per look; critical values then agree with published ones in all printed digits."""

REACH = 8.0
"""Standard deviations below zero at which the integration begins; what is left out has probability 1e-15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPlan:
    """How often one will look, planned before the first look.

    Attributes
    ----------
    planned_units : requests (or sessions, where the log has them) at the last look.
    alpha : chance of a false promotion over ALL looks, one-sided.
    method : ``spending`` (needs the plan, loses little power), ``anytime`` (any number of looks, for ever) or ``fixed``
        (valid for one look only; with five its error was measured at two and a half times ``alpha``).
    """

    planned_units: int
    alpha: float = 0.05
    method: str = "spending"

    def __post_init__(self) -> None:
        """Check the plan."""
        if self.planned_units < 1 or not 0.0 < self.alpha < 0.5 or self.method not in METHODS:
            raise InvalidInputError(
                f"planned_units {self.planned_units}, alpha {self.alpha}, method {self.method!r}: expected 1 or more, "
                f"a chance below 0.5, one of {list(METHODS)}"
            )

    def critical_value(self, units: int, earlier: tuple[int, ...] = ()) -> float:
        """Give how many standard errors a lower bound lies below its estimate at this look.

        Parameters
        ----------
        units : requests or sessions now.
        earlier : those at each earlier look, in order.

        Returns
        -------
        z : infinity where the plan has no error left to spend: a look after the last.

        Raises
        ------
        InvalidInputError
            If the looks do not grow.
        """
        looks = (*earlier, units)
        if looks[0] < 1 or any(b <= a for a, b in pairwise(looks)):
            raise InvalidInputError(f"looks at {looks} units: each must hold more than the one before")
        if self.method == "fixed":
            return float(ndtri(1.0 - self.alpha))
        if self.method == "anytime":
            # The two-sided sequence at 2 alpha: each side is crossed with a chance of about alpha.
            rho = tightest_rho(self.planned_units, 2.0 * self.alpha)
            return float(boundary(np.array(float(units)), rho, 2.0 * self.alpha)) * math.sqrt(units)
        return float(spending_boundary(tuple(look / self.planned_units for look in looks), self.alpha)[-1])


def spent(fraction: float, alpha: float) -> float:
    """Give the error that may be spent up to a fraction of the plan.

    2 - 2 Phi(z_{1 - alpha/2} / sqrt(t)) (Lan and DeMets 1983, after O'Brien and Fleming): almost nothing early, so
    that the last look is nearly as sharp as a single one.
    """
    t = min(fraction, 1.0)
    return float(2.0 * ndtr(-ndtri(1.0 - alpha / 2.0) / math.sqrt(t)))


def spending_boundary(fractions: tuple[float, ...], alpha: float) -> FloatArray:
    """Give the one-sided critical value of each look under :func:`spent`.

    Parameters
    ----------
    fractions : rising, above 0; what lies above 1 spends nothing.
    alpha : over all looks, in (0, 0.5).

    Returns
    -------
    z : (looks,) infinity where nothing is left to spend.

    Notes
    -----
    The estimates at the looks, scaled, are a Brownian motion seen at times t (independent increments hold for means of
    influence functions in the limit). The density of paths that have not crossed is carried from look to look
    (Armitage, McPherson and Rowe 1969) on nodes of Gauss and Legendre.
    """
    found: list[float] = []
    place, mass, before, used = np.zeros(1), np.ones(1), 0.0, 0.0
    for fraction in fractions:
        step = math.sqrt(fraction - before)
        share = spent(fraction, alpha) - used
        cut = _cut(place, mass, step, share) if share > 1e-12 else math.inf
        found.append(cut / math.sqrt(fraction))
        place, mass = _surviving(place, mass, step, min(cut, REACH * math.sqrt(fraction)), math.sqrt(fraction))
        before, used = fraction, used + max(share, 0.0)
    return np.array(found)


def _cut(place: FloatArray, mass: FloatArray, step: float, share: float) -> float:
    """Return c with P(not crossed before, now above c) = share, by bisection."""
    low, high = -REACH, float(place.max()) + REACH * step
    for _ in range(100):
        middle = 0.5 * (low + high)
        above = float(mass @ ndtr((place - middle) / step))
        low, high = (middle, high) if above > share else (low, middle)
    return high


@lru_cache
def _rule() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def _surviving(
    place: FloatArray, mass: FloatArray, step: float, cut: float, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Return nodes below the cut with the probability that each stands for."""
    nodes, weights = _rule()
    low = -REACH * scale
    half = 0.5 * (cut - low)
    at = low + half * (nodes + 1.0)
    density = np.exp(-0.5 * ((at[:, None] - place) / step) ** 2) @ mass / (step * math.sqrt(2.0 * math.pi))
    return at, density * weights * half
