"""Policies by what each can be sure to earn: the best of several estimates is too high, the best lower bound is not."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import EstimateOptions, LoggedFeedback, evaluate, rank_pessimistically
from arbiter_training.evaluation.records import Ranked

FloatArray = NDArray[np.float64]

QUALITY = "quality"


def ranked(
    log: LoggedFeedback, policies: Mapping[str, FloatArray], q_hat: FloatArray | None, options: EstimateOptions
) -> tuple[Ranked, ...]:
    """Rank policies by their lower bounds, which hold for all of them together.

    Parameters
    ----------
    log : with the outcome ``quality``.
    policies : name to (n, K) action probabilities.
    q_hat : (n, K) predicted quality.
    options : its confidence is that of all bounds together.

    Returns
    -------
    ranked : highest lower bound first, those that the log cannot tell last; empty for fewer than two policies. The
        bound is one-sided, of the leading estimate, at (1 - confidence) / policies each (Bonferroni). Beside it, where
        one model was asked per request, all were judged and none share a session, stands one that holds whatever the
        weights (Sakhi et al. 2024): wider, and blind to the model of the outcomes.
    """
    if len(policies) < 2:
        return ()
    alpha = 1.0 - options.confidence
    alone = replace(log, outcomes={QUALITY: log.outcomes[QUALITY]})
    sharp = replace(options, confidence=1.0 - 2.0 * alpha / len(policies))
    sure = _sure(alone, policies, alpha)
    found = []
    for name, probs in policies.items():
        best = evaluate(alone, probs, q_hat, sharp)[QUALITY].best
        low = None if best is None or best.interval is None else best.interval[0]
        known = best is not None
        value = best.value if best is not None else None
        found.append(Ranked(policy=name, value=value, lower=low, sure_lower=sure.get(name) if known else None))
    return tuple(sorted(found, key=lambda r: -np.inf if r.lower is None else r.lower, reverse=True))


def _sure(log: LoggedFeedback, policies: Mapping[str, FloatArray], alpha: float) -> dict[str, float]:
    """Return the bounds that hold whatever the weights; none where the log does not allow them."""
    judged = bool((log.outcomes[QUALITY] >= 0.0).all())
    if log.cells_per_row != 1 or log.units < log.n or not judged or log.observational:
        return {}
    return {each.name: each.lower for each in rank_pessimistically(log, policies, QUALITY, alpha)}
