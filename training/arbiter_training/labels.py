"""Labels of logged requests, from up to four sources, and where these disagree.

Sources are ranked, never averaged: a label in the log goes before the outcomes, these before an LLM judge. The keyword
rules are asked too, but nothing is fitted on them: they speak for themselves while serving, and a head taught by them
would only forget their words. Wherever two sources speak of one request and differ, the difference is reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from arbiter.gatekeeper.heads import HEADS
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.reading import reading_text
from arbiter.records import Query
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

SHOWN = 20
"""Requests that a conflict names at most."""

RULES = "rules"

JUDGE_PREFIX = "judge:"
"""Begins the name of a label column that an LLM judge filled (see :mod:`arbiter_training.judge`)."""

LOG_COLUMNS = {"domain": "domain", "complexity": "complexity", "stake": "risk"}
"""Head to the column of the log that labels it; ``risk`` labels the stake, since a log's owner marks what is at stake
for him."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSource:
    """Whoever labels n requests.

    Attributes
    ----------
    name : ``log``, ``outcomes``, ``judge`` or ``rules``.
    labels : head to (n,) index in ``HEADS[head]``, -1 where unknown; heads it never speaks of are missing.
    """

    name: str
    labels: Mapping[str, IntArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflict:
    """Where two sources of one head's labels disagree.

    Attributes
    ----------
    head : which.
    kept, other : names of the sources; ``kept`` is ranked higher.
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

    def __str__(self) -> str:
        """Say it in one line."""
        far = "" if self.head == "domain" else f", by two levels or more on {self.far}"
        return f"{self.head}: {self.kept} and {self.other} differ on {self.differ} of {self.both} requests{far}"


def label_sources(outcomes: OutcomeMatrix) -> tuple[LabelSource, ...]:
    """Give every source, the highest ranked first.

    Values of the log outside the vocabulary are unknown, not errors: logs carry labels of their own making.
    """
    judged = {head: _indexed(head, outcomes, c) for head in HEADS if (c := JUDGE_PREFIX + head) in outcomes.labels}
    stated = {head: _indexed(head, outcomes, c) for head, c in LOG_COLUMNS.items() if c in outcomes.labels}
    return (
        LabelSource(name="log", labels=stated),
        LabelSource(name="outcomes", labels={"complexity": complexity_from_outcomes(outcomes)}),
        LabelSource(name="judge", labels=judged),
        LabelSource(name=RULES, labels=rule_labels(outcomes.queries, KeywordRules.default())),
    )


def labels_of(sources: Sequence[LabelSource]) -> dict[str, IntArray]:
    """Give the labels that a head can be fitted on: of each request, the highest ranked source's.

    Parameters
    ----------
    sources : ranked; the keyword rules are passed over.

    Returns
    -------
    labels : head to (n,) index, -1 where unknown; only heads with 200 known labels of two kinds or more.
    """
    found: dict[str, IntArray] = {}
    for source in sources:
        for head, labels in source.labels.items() if source.name != RULES else ():
            found[head] = np.where(found[head] >= 0, found[head], labels) if head in found else labels
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


def rule_labels(queries: Sequence[Query], rules: KeywordRules) -> dict[str, IntArray]:
    """Give what the keyword rules say, -1 where no term speaks on a head."""
    labels = {head: np.full(len(queries), UNKNOWN, dtype=np.int64) for head in HEADS}
    for i, query in enumerate(queries):
        heard = rules.scores(reading_text(query))
        profile = rules.profile(query)
        for head, found in labels.items():
            if np.any(getattr(heard, head)):
                found[i] = HEADS[head].index(getattr(profile, head))
    return labels


def conflicts_of(sources: Sequence[LabelSource], request_ids: Sequence[object]) -> tuple[LabelConflict, ...]:
    """Compare every two sources on every head that both speak of.

    Parameters
    ----------
    sources : ranked.
    request_ids : n names of the requests.
    """
    found = [
        _conflict(head, kept, other, request_ids)
        for kept, other in combinations(sources, 2)
        for head in HEADS
        if head in kept.labels and head in other.labels
    ]
    return tuple(conflict for conflict in found if conflict.differ)


def _conflict(head: str, kept: LabelSource, other: LabelSource, request_ids: Sequence[object]) -> LabelConflict:
    one, two = kept.labels[head], other.labels[head]
    both = (one >= 0) & (two >= 0)
    apart = np.where(both, np.abs(one - two), 0)
    worst = np.argsort(-apart, kind="stable")[: min(SHOWN, int((apart > 0).sum()))]
    return LabelConflict(
        head=head,
        kept=kept.name,
        other=other.name,
        both=int(both.sum()),
        differ=int((apart > 0).sum()),
        far=0 if head == "domain" else int((apart > 1).sum()),
        request_ids=tuple(str(request_ids[i]) for i in worst),
    )


def _indexed(head: str, outcomes: OutcomeMatrix, column: str) -> IntArray:
    place = {label: i for i, label in enumerate(HEADS[head])}
    return np.array([place.get(value, UNKNOWN) for value in outcomes.labels[column]], dtype=np.int64)
