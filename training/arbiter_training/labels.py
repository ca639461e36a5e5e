"""Labels of logged requests: those that the log carries, and complexity as its outcomes define it.

Sources are ranked, never averaged: a label in the log goes before the outcomes. Where both speak and differ, the
difference is reported.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.gatekeeper.heads import HEADS
from arbiter_training.difficulty import difficulty_of
from arbiter_training.traffic import OutcomeMatrix
from arbiter_training.traffic.columns import is_none

IntArray = NDArray[np.int64]

UNKNOWN = -1

LEAST_LABELS = 200
"""Labelled requests below which a head is not fitted anew: the shipped one knows more."""

LEAST_OF_A_KIND = 20
"""Requests of a kind below which the log's name for it is not used."""

LEAST_NAMED = 0.5
"""Share of the requests whose kind the log must name; else kinds are found, not taken."""

LEAST_JUDGED = 3
"""Models that must have been judged on a request for its outcomes to tell its complexity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflict:
    """Where two sources of one head's labels disagree.

    Attributes
    ----------
    head : which.
    kept, other : names of the sources; the labels of ``kept`` are used.
    both : requests that both label.
    differ : of these, those with two labels.
    far : of these, those whose labels lie two levels apart or more; 0 for a head without an order.
    request_ids : the requests that differ, the farthest apart first, at most 20.
    """

    head: str
    kept: str
    other: str
    both: int
    differ: int
    far: int
    request_ids: tuple[str, ...]


def labels_of(outcomes: OutcomeMatrix) -> dict[str, IntArray]:
    """Give the labels that a head can be fitted on.

    A column ``domain`` or ``complexity`` labels the head of that name; ``risk`` labels the stake, since a log's owner
    marks what is at stake for him. Complexity is told by the outcomes where the log has no label for it and three
    models or more were judged on the request. Values outside the vocabulary are unknown, not errors: logs carry labels
    of their own making.

    Returns
    -------
    labels : head to (n,) index, -1 where unknown; only heads with 200 known labels of two kinds or more.
    """
    named = {"domain": "domain", "complexity": "complexity", "stake": "risk"}
    found = {head: _indexed(head, outcomes, column) for head, column in named.items() if column in outcomes.labels}
    shown = complexity_from_outcomes(outcomes)
    stated = found.get("complexity", np.full(outcomes.n, UNKNOWN, dtype=np.int64))
    found["complexity"] = np.where(stated >= 0, stated, shown)
    return {head: y for head, y in found.items() if (y >= 0).sum() >= LEAST_LABELS and len(np.unique(y[y >= 0])) > 1}


def kinds_of(outcomes: OutcomeMatrix, column: str) -> IntArray | None:
    """Give the kind of request that a column of the log names; any values will do, they are the log's own.

    Parameters
    ----------
    outcomes : n requests.
    column : a label column or an extra one; empty asks for none.

    Returns
    -------
    kinds : (n,) numbers from 0, -1 where no value is given or fewer than ``LEAST_OF_A_KIND`` requests have it; None
        where there is no such column, or it has not two kinds on half of the requests or more.
    """
    values = {**outcomes.extras, **outcomes.labels}.get(column)
    if values is None:
        return None
    known = ~is_none(values)
    _, place, count = np.unique(values[known].astype(str), return_inverse=True, return_counts=True)
    kept = count >= LEAST_OF_A_KIND
    number = np.where(kept, np.cumsum(kept) - 1, UNKNOWN)
    kinds = np.full(outcomes.n, UNKNOWN, dtype=np.int64)
    kinds[known] = number[place]
    return kinds if kept.sum() > 1 and (kinds >= 0).mean() >= LEAST_NAMED else None


def complexity_from_outcomes(outcomes: OutcomeMatrix) -> IntArray:
    """Give the (n,) complexity by the share of the models that fail, -1 where fewer than three were judged."""
    return difficulty_of(outcomes.quality).levels(LEAST_JUDGED)


def conflicts_of(outcomes: OutcomeMatrix) -> tuple[LabelConflict, ...]:
    """Compare the complexity in the log with that in its outcomes; empty where one of them is missing."""
    if "complexity" not in outcomes.labels:
        return ()
    stated = _indexed("complexity", outcomes, "complexity")
    found = conflict("complexity", ("log", stated), ("outcomes", complexity_from_outcomes(outcomes)), outcomes)
    return (found,) if found.both else ()


def conflict(
    head: str, kept: tuple[str, IntArray], other: tuple[str, IntArray], outcomes: OutcomeMatrix
) -> LabelConflict:
    """Compare two sources of one head's labels.

    Parameters
    ----------
    head : which.
    kept, other : name of a source and its (n,) labels, -1 where unknown.
    outcomes : the requests.
    """
    both = (kept[1] >= 0) & (other[1] >= 0)
    apart = np.where(both, np.abs(kept[1] - other[1]), 0)
    worst = np.argsort(-apart, kind="stable")[: min(20, int((apart > 0).sum()))]
    return LabelConflict(
        head=head,
        kept=kept[0],
        other=other[0],
        both=int(both.sum()),
        differ=int((apart > 0).sum()),
        far=0 if head == "domain" else int((apart > 1).sum()),
        request_ids=tuple(str(outcomes.request_ids[i]) for i in worst),
    )


def _indexed(head: str, outcomes: OutcomeMatrix, column: str) -> IntArray:
    place = {label: i for i, label in enumerate(HEADS[head])}
    return np.array([place.get(value, UNKNOWN) for value in outcomes.labels[column]], dtype=np.int64)
