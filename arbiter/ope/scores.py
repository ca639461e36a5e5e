"""Scores of a router: against fixed models, the oracle, chance, and a strong-weak pair.

Full information is assumed: per request and model a quality in [0, 1] and a cost in dollars.
`score_columns` with `bootstrap_means` gives each score an interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.ope.arrays import FloatArray
from arbiter.ope.bootstrap import BootstrapPlan, bootstrap_means, percentile_interval

# RouteLLM evaluates at the edges of ten equal-count bins of the win rate.
DEFAULT_THRESHOLDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StrongWeakCurve:
    """A two-model router at a run of thresholds.

    Parameters
    ----------
    strong_share : ndarray, shape (m,)
        Share of requests sent to the strong model, increasing from 0 to 1.
    quality : ndarray, shape (m,)
        Mean quality at each.
    weak, strong : float
        Mean quality of the two models alone.
    """

    strong_share: FloatArray
    quality: FloatArray
    weak: float
    strong: float

    @property
    def apgr(self) -> float:
        """Average performance gap recovered (Ong et al. 2024, RouteLLM).

        (area under quality over strong share - weak) / (strong - weak), by the trapezoid rule;
        0.5 for a random router; NaN where both models are equally good, and there is no gap.
        """
        if self.strong == self.weak:
            return float("nan")
        area = float(np.trapezoid(self.quality, self.strong_share))
        return (area - self.weak) / (self.strong - self.weak)

    def cpt(self, level: float) -> float:
        """Return the call-performance threshold CPT(level) (Ong et al. 2024, RouteLLM).

        Parameters
        ----------
        level : float
            Share of the gap to recover, such as 0.5 or 0.8.

        Returns
        -------
        float
            Least strong share at which quality reaches weak + level (strong - weak), interpolated;
            NaN if never. The published code interpolates without asking whether quality rises;
            where it does not, this takes the first crossing.
        """
        wanted = self.weak + level * (self.strong - self.weak)
        rising = np.maximum.accumulate(self.quality)
        if wanted > rising[-1]:
            return float("nan")
        at = int(np.searchsorted(rising, wanted, side="left"))
        if at == 0:
            return float(self.strong_share[0])
        share, quality = self.strong_share[at - 1 : at + 1], rising[at - 1 : at + 1]
        return float(share[0] + (wanted - quality[0]) / (quality[1] - quality[0]) * (share[1] - share[0]))


def strong_weak_masks(win_rate: ArrayLike, thresholds: int = DEFAULT_THRESHOLDS) -> FloatArray:
    """Return who goes to the strong model at each threshold, least to most.

    Parameters
    ----------
    win_rate : array-like, shape (n,)
        The router's score that the strong model is needed.
    thresholds : int
        Number of equal-count bins, whose edges are the thresholds.

    Returns
    -------
    ndarray, shape (m, n)
        1.0 where strong. Rule of RouteLLM: score >= edge, but above the last edge nobody, so that
        the curve runs from all weak to all strong. Equal edges are merged.
    """
    score = np.asarray(win_rate, dtype=np.float64)
    edges = np.unique(np.quantile(score, np.linspace(0.0, 1.0, thresholds + 1)))
    masks = [np.zeros(score.size)] + [(score >= edge).astype(np.float64) for edge in edges[:-1][::-1]]
    if masks[-1].min() < 1.0 or len(masks) == 1:
        masks.append(np.ones(score.size))
    return np.stack(masks)


def strong_weak_curve(
    win_rate: ArrayLike, weak: ArrayLike, strong: ArrayLike, thresholds: int = DEFAULT_THRESHOLDS
) -> StrongWeakCurve:
    """Evaluate a strong-weak router over its thresholds.

    Parameters
    ----------
    win_rate : array-like, shape (n,)
        The router's score per request.
    weak, strong : array-like, shape (n,)
        Quality of the two models per request.
    thresholds : int
        Number of equal-count bins of the score.

    Returns
    -------
    StrongWeakCurve
        With APGR and CPT.
    """
    masks = strong_weak_masks(win_rate, thresholds)
    low, high = np.asarray(weak, dtype=np.float64), np.asarray(strong, dtype=np.float64)
    return StrongWeakCurve(
        strong_share=masks.mean(axis=1),
        quality=low.mean() + masks @ (high - low) / low.size,
        weak=float(low.mean()),
        strong=float(high.mean()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterScores:
    """One router against the usual yardsticks, all in mean utility (or quality) per request.

    Parameters
    ----------
    value : float
        Of the router.
    best_single : float
        Of the best constant model, chosen on the same requests.
    random : float
        Of the uniform random router.
    oracle : float
        Of the best model per request, chosen with hindsight.
    """

    value: float
    best_single: float
    random: float
    oracle: float

    @property
    def gain_over_best_single(self) -> float:
        """Router minus best constant model; below zero means "use the constant model"."""
        return self.value - self.best_single

    @property
    def gap_to_oracle(self) -> float:
        """Oracle minus router, which is the mean regret per request."""
        return self.oracle - self.value

    @property
    def regret(self) -> float:
        """Mean regret per request against the best action in hindsight (same as the gap)."""
        return self.gap_to_oracle

    @property
    def headroom_recovered(self) -> float:
        """(router - best single)/(oracle - best single); NaN without headroom."""
        room = self.oracle - self.best_single
        return self.gain_over_best_single / room if room > 0.0 else float("nan")


def score_columns(action_probs: ArrayLike, utility: ArrayLike) -> FloatArray:
    """Return the per-request figures whose means make the scores.

    Parameters
    ----------
    action_probs, utility : array-like, shape (n, K)
        The router, and the utility (or quality) of each model on each request.

    Returns
    -------
    ndarray, shape (n, K + 2)
        Router, oracle, and each constant model.
    """
    probs, table = np.asarray(action_probs, dtype=np.float64), np.asarray(utility, dtype=np.float64)
    return np.column_stack([(probs * table).sum(axis=1), table.max(axis=1), table])


def scores_of_means(means: FloatArray) -> RouterScores:
    """Return the scores from the means of `score_columns`, of the data or of one replicate."""
    value, oracle, models = float(means[0]), float(means[1]), means[2:]
    return RouterScores(value=value, best_single=float(models.max()), random=float(models.mean()), oracle=oracle)


def router_scores(action_probs: ArrayLike, utility: ArrayLike) -> RouterScores:
    """Score a router on full information.

    Parameters
    ----------
    action_probs, utility : array-like, shape (n, K)
        The router, and the utility (or quality) of each model on each request.

    Returns
    -------
    RouterScores
        Value, yardsticks and differences. The best single model is chosen on these requests,
        which favours it by a little: the honest direction.
    """
    return scores_of_means(score_columns(action_probs, utility).mean(axis=0))


def score_interval(
    columns: FloatArray,
    score: Callable[[FloatArray], float],
    clusters: ArrayLike | None = None,
    plan: BootstrapPlan | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return a bootstrap interval of any score that is a function of column means.

    Parameters
    ----------
    columns : ndarray, shape (n, d)
        Per-request figures, such as `score_columns`, or cost and quality of each policy of a curve.
    score : callable
        Takes means of shape (d,), returns the score.
    clusters : array-like, shape (n,), optional
        Session ids.
    plan : BootstrapPlan, optional
        How to resample.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        Percentile interval. Maxima over models or corners of a hull are not smooth; where two
        are nearly tied the interval is somewhat too wide to the upper side.
    """
    means = bootstrap_means(columns, clusters, plan)
    values = np.array([score(row) for row in means])
    return percentile_interval(values[~np.isnan(values)], level)
