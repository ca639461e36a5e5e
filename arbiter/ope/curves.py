"""Cost-quality curves: frontier, hull, area and volume.

A curve is a set of points (cost, quality), one per policy of a family (or per fixed model): mean
cost per request in dollars and mean quality in [0, 1]. All functions here see the data through
those means only, so `bootstrap_means` gives each of them an interval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Hull:
    """A non-decreasing concave curve of quality over cost.

    Parameters
    ----------
    cost : ndarray, shape (m,)
        Strictly increasing, dollars per request.
    quality : ndarray, shape (m,)
        Strictly increasing, with falling slopes.
    index : ndarray of int, shape (m,)
        Which of the given points are the corners.
    """

    cost: FloatArray
    quality: FloatArray
    index: IntArray

    def quality_at(self, cost: ArrayLike) -> FloatArray:
        """Return the quality that a budget buys.

        Parameters
        ----------
        cost : array-like
            Dollars per request.

        Returns
        -------
        ndarray
            Interpolated: between two corners by mixing their policies at random. Flat beyond the
            dearest corner. NaN below the cheapest: no mixture is that cheap.
        """
        budget = np.asarray(cost, dtype=np.float64)
        value = np.interp(budget, self.cost, self.quality)
        return np.asarray(np.where(budget < self.cost[0], np.nan, value))

    def cost_at(self, quality: ArrayLike) -> FloatArray:
        """Return the least cost that reaches a quality.

        Parameters
        ----------
        quality : array-like
            Wanted mean quality.

        Returns
        -------
        ndarray
            Dollars per request; NaN where the quality is out of reach.
        """
        wanted = np.asarray(quality, dtype=np.float64)
        value = np.interp(wanted, self.quality, self.cost)
        return np.asarray(np.where(wanted > self.quality[-1], np.nan, value))


def pareto_frontier(cost: ArrayLike, quality: ArrayLike) -> IntArray:
    """Return the points that no other point beats.

    Parameters
    ----------
    cost, quality : array-like, shape (m,)
        Points.

    Returns
    -------
    ndarray of int
        Indices in order of cost. A point is kept if no other is at most as dear and at least as
        good, and better in one of the two; of equal points the first is kept.

    Raises
    ------
    InvalidInputError
        If the points are empty, not finite, or of unequal number.
    """
    costs, qualities = _points(cost, quality)
    order = np.lexsort((-qualities, costs))
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(qualities[order])[:-1]])
    return np.asarray(order[qualities[order] > best_before])


def nondecreasing_hull(cost: ArrayLike, quality: ArrayLike) -> Hull:
    """Return the non-decreasing concave hull of some points.

    Parameters
    ----------
    cost, quality : array-like, shape (m,)
        Points.

    Returns
    -------
    Hull
        The best that random mixtures of the points reach at each cost: the "non-decreasing convex
        hull" of RouterBench (Hu et al. 2024), by the monotone chain of Andrew (1979).

    Raises
    ------
    InvalidInputError
        If the points are empty, not finite, or of unequal number.
    """
    costs, qualities = _points(cost, quality)
    corners: list[int] = []
    for i in pareto_frontier(costs, qualities):
        while len(corners) >= 2 and _is_below(costs, qualities, corners[-2], corners[-1], int(i)):
            corners.pop()
        corners.append(int(i))
    index = np.array(corners, dtype=np.int64)
    return Hull(cost=costs[index], quality=qualities[index], index=index)


def _is_below(x: FloatArray, y: FloatArray, left: int, middle: int, right: int) -> bool:
    """Tell whether the middle point lies on or below the chord of its neighbours."""
    return bool((y[middle] - y[left]) * (x[right] - x[left]) <= (y[right] - y[left]) * (x[middle] - x[left]))


def _points(cost: ArrayLike, quality: ArrayLike) -> tuple[FloatArray, FloatArray]:
    costs, qualities = np.asarray(cost, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    if costs.ndim != 1 or costs.size == 0 or costs.shape != qualities.shape:
        raise InvalidInputError(
            f"cost has shape {costs.shape} and quality {qualities.shape}: expected the same (m,), m > 0"
        )
    if not (np.isfinite(costs).all() and np.isfinite(qualities).all()):
        bad = int(np.argmin(np.isfinite(costs) & np.isfinite(qualities)))
        raise InvalidInputError(f"point {bad} is ({costs[bad]}, {qualities[bad]}): expected finite numbers")
    return costs, qualities


def fixed_model_hull(cost: ArrayLike, quality: ArrayLike) -> Hull:
    """Return the hull of the constant policies, the baseline that needs no router.

    Parameters
    ----------
    cost, quality : array-like, shape (n, K)
        Full information: dollars and quality of each model on each request.

    Returns
    -------
    Hull
        Called the Zero router by RouterBench (Hu et al. 2024). From a bandit log, estimate each
        constant policy and pass the values to `nondecreasing_hull`.
    """
    return nondecreasing_hull(np.asarray(cost, dtype=np.float64).mean(0), np.asarray(quality, dtype=np.float64).mean(0))


def aiq(hull: Hull, low: float, high: float) -> float:
    """Return the average improvement in quality: the mean height of a hull over a cost range.

    Parameters
    ----------
    hull : Hull
        Of a family of policies.
    low, high : float
        Cost range in dollars per request. Compare routers over one range, such as that of the
        fixed models; AIQ over each router's own range cannot be compared.

    Returns
    -------
    float
        1/(high - low) * integral of quality (Hu et al. 2024, RouterBench). Below its cheapest
        point a hull counts as 0 (a request nobody can pay for is not answered), beyond its
        dearest as flat.

    Raises
    ------
    InvalidInputError
        If the range is empty.
    """
    if not low < high:
        raise InvalidInputError(f"the cost range is {low} to {high}: expected low < high")
    start = min(max(low, float(hull.cost[0])), high)
    inner = hull.cost[(hull.cost > start) & (hull.cost < high)]
    x = np.concatenate([[start], inner, [high]])
    y = np.interp(x, hull.cost, hull.quality)
    return float(np.trapezoid(y, x) / (high - low))


def hypervolume(cost: ArrayLike, quality: ArrayLike, reference: tuple[float, float]) -> float:
    """Return the area that a set of policies dominates.

    Parameters
    ----------
    cost, quality : array-like, shape (m,)
        Points.
    reference : tuple of float
        (cost, quality) of the worst corner, such as (dearest fixed model, 0).

    Returns
    -------
    float
        Area of {(c, q): some point is at most as dear and at least as good} up to the corner
        (Zitzler and Thiele 1998), in dollars times quality. Mixtures do not count: steps, not a hull.

    Raises
    ------
    InvalidInputError
        If the points are empty, not finite, or of unequal number.
    """
    costs, qualities = _points(cost, quality)
    worst_cost, worst_quality = reference
    inside = (costs < worst_cost) & (qualities > worst_quality)
    if not inside.any():
        return 0.0
    costs, qualities = costs[inside], qualities[inside]
    index = pareto_frontier(costs, qualities)
    steps = np.diff(np.append(costs[index], worst_cost))
    return float((steps * (qualities[index] - worst_quality)).sum())
