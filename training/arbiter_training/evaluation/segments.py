"""Policies on parts of the traffic, with allowance for their number."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from arbiter.deciding import Outlook
from arbiter.ope import LoggedFeedback, OffPolicyEstimate, SegmentPlan, evaluate_segments
from arbiter_training.evaluation.records import Measured, Segment

FloatArray = NDArray[np.float64]
Labels = Mapping[str, Sequence[str]]

OUTCOMES = ("quality", "cost_usd")

MOST_LABELS, LEAST_REQUESTS = 24, 5
"""Segments of one dimension that are asked apart, and requests that each must have; the rest is one segment."""

OTHERS = "(others)"


def segments_of(outlook: Outlook) -> dict[str, tuple[str, ...]]:
    """Give the segments that a gatekeeper sees: domain, complexity and risk of each request."""
    return {head: tuple(str(getattr(p, head)) for p in outlook.profiles) for head in ("domain", "complexity", "risk")}


def pooled(values: Sequence[str]) -> tuple[str, ...]:
    """Give labels with all but the most frequent ones together: a thousand tenants are no thousand questions."""
    counts = Counter(values)
    kept = {label for label, count in counts.most_common(MOST_LABELS) if count >= LEAST_REQUESTS}
    rare = set(counts) - kept
    return tuple(values) if len(rare) < 2 else tuple(OTHERS if value in rare else value for value in values)


def segment_rows(
    name: str,
    log: LoggedFeedback,
    pair: tuple[FloatArray, FloatArray],
    q_hat: Mapping[str, FloatArray],
    labels: Labels,
    models: tuple[str, ...],
) -> tuple[Segment, ...]:
    """Compare a policy with the baseline on each part of the traffic.

    Parameters
    ----------
    name : of the policy.
    log : logged outcomes.
    pair : (n, K) action probabilities of policy and baseline.
    q_hat : outcome to (n, K) predictions.
    labels : dimension to (n,) label.
    models : K names.

    Returns
    -------
    segments : in each outcome the intervals hold together at 95 % over all segments (Holm, 1979).
    """
    if not labels:
        return ()
    present = [outcome for outcome in OUTCOMES if outcome in log.outcomes]
    tables = {
        outcome: evaluate_segments(log, pair, labels, q_hat, SegmentPlan(outcome=outcome)).results
        for outcome in present
    }
    return tuple(
        Segment(
            policy=name,
            dimension=result.dimension,
            value=result.label,
            n_requests=result.n,
            differences={o: _measured(tables[o][i].difference) for o in present},
            shares=_shares(pair[0], models, labels[result.dimension], result.label),
            adjusted_p_value=result.adjusted_p_value,
        )
        for i, result in enumerate(tables[present[0]])
    )


def _shares(probs: FloatArray, models: tuple[str, ...], labels: Sequence[str], label: str) -> dict[str, float]:
    rows = np.array([str(each) == label for each in labels])
    return dict(zip(models, probs[rows].mean(axis=0).tolist(), strict=True))


def _measured(estimate: OffPolicyEstimate | None) -> Measured | None:
    return None if estimate is None else Measured.of(estimate)
