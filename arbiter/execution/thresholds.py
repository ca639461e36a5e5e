"""From which score on a cheap answer will do, learned from a log in which both candidates' answers were judged."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError

FloatArray = NDArray[np.float64]

FOLDS = 5
LEAST_ROWS = 20
"""Judged requests below which nothing is learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedThreshold:
    """A cascade's threshold, and what it is worth.

    Attributes
    ----------
    threshold : score from which the cheap answer is given; 0 always gives it.
    escalated : share of the log's requests that would go on to the better candidate.
    gain, gain_se : mean utility per request, in quality points, over the better of always and never going on, and its
        standard error; on requests that the threshold was not chosen on.
    rows : requests that it was learned from.
    """

    threshold: float
    escalated: float
    gain: float
    gain_se: float
    rows: int


def learn_threshold(
    scores: FloatArray, quality: FloatArray, better_quality: FloatArray, better_cost_usd: FloatArray, worth: float
) -> LearnedThreshold:
    """Choose the threshold of the greatest mean utility on a log.

    A request whose score is below the threshold is worth the better candidate's quality less the price of its call,
    any other the cheap one's quality; what the cheap call and its check did cost is spent either way.

    Parameters
    ----------
    scores : (n,) what the check said of the cheap answers, in [0, 1].
    quality, better_quality : (n,) judged quality of both candidates' answers, in [0, 1]. A request of which one is not
        known (NaN) teaches nothing.
    better_cost_usd : (n,) what the better candidate's call did cost.
    worth : quality points that a dollar must buy, as ``decision.quality_per_usd`` has it.

    Returns
    -------
    learned : its ``gain`` should exceed its error by a few times before it is used: a threshold that was chosen on the
        requests it is measured on always gains, so it is chosen on four fifths and measured on the last, five times.

    Raises
    ------
    InvalidInputError
        If the lengths differ, a score lies outside [0, 1], or fewer than 20 requests have both qualities.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (scores, quality, better_quality, better_cost_usd)]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise InvalidInputError(f"the columns must be of one length, got {[column.shape for column in columns]}")
    known = np.isfinite(np.stack(columns)).all(axis=0)
    if known.sum() < LEAST_ROWS:
        raise InvalidInputError(f"{known.sum()} requests have both qualities; a threshold takes {LEAST_ROWS} or more")
    score, cheap, better, cost = (column[known] for column in columns)
    if not ((score >= 0.0) & (score <= 1.0)).all():
        raise InvalidInputError(f"scores must lie in [0, 1], got {score.min():.3g} to {score.max():.3g}")
    on = better - worth * cost  # (m,) utility of going on
    threshold = _best(score, cheap, on)
    gains = _out_of_fold(score, cheap, on)
    return LearnedThreshold(
        threshold=threshold,
        escalated=float((score < threshold).mean()),
        gain=float(gains.mean()),
        gain_se=float(gains.std(ddof=1) / np.sqrt(len(gains))),
        rows=len(score),
    )


def _best(score: FloatArray, cheap: FloatArray, on: FloatArray) -> float:
    """Give the threshold of the greatest sum; of equals the least, which spends least."""
    levels = np.unique(np.concatenate([[0.0], score, [1.0]]))
    order = np.argsort(score, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((on - cheap)[order])])  # by going on with the so many lowest
    below = np.searchsorted(score[order], levels, side="left")
    return float(levels[int(np.argmax(gained[below]))])


def _out_of_fold(score: FloatArray, cheap: FloatArray, on: FloatArray) -> FloatArray:
    """Give each request's utility under a threshold chosen without it, less that under the better constant."""
    gains = np.empty(len(score))
    fold = np.arange(len(score)) % FOLDS
    for k in range(FOLDS):
        rest, own = fold != k, fold == k
        chosen = np.where(score[own] < _best(score[rest], cheap[rest], on[rest]), on[own], cheap[own])
        constant = on if on[rest].sum() > cheap[rest].sum() else cheap
        gains[own] = chosen - constant[own]
    return gains
