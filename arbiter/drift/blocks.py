"""Blocks of decisions as sums, and what differs between two of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from arbiter.drift.means import SAME, FloatArray, MeanSums, p_values
from arbiter.drift.report import LEAST_PER_SIDE, Drift, DriftKind
from arbiter.gatekeeper.heads import HEADS
from arbiter.policies.context import N_LEVELS


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison of a block with the first one: of what, both means, and the p value."""

    kind: DriftKind
    what: str
    before: float
    after: float
    p_value: float


@dataclass(slots=True)
class Block:
    """One block as sums.

    Attributes
    ----------
    number : from 0.
    traffic : of the contexts.
    waiting : its decisions that may still be judged.
    rates, residuals : per model whether an answer was judged, 1 or 0, and the judgement less what was expected.
    """

    number: int
    traffic: MeanSums
    waiting: int = 0
    rates: dict[str, MeanSums] = field(default_factory=dict)
    residuals: dict[str, MeanSums] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Decisions."""
        return self.traffic.n + sum(n for n, _ in self.traffic.sessions.values())

    def settle(self, model: str, expected: float | None, quality: float | None, session: str | None) -> None:
        """Take in what is known of an answer in the end; None where it was not judged, or nothing was expected."""
        self.waiting -= 1
        self.rates.setdefault(model, MeanSums.of(1)).add(np.array([float(quality is not None)]), session)
        if quality is not None and expected is not None:
            self.residuals.setdefault(model, MeanSums.of(1)).add(np.array([quality - expected]), session)


def traffic_rows(first: Block, block: Block) -> list[Row]:
    """Compare two full blocks feature by feature, save for features that are constant."""
    x, y = first.traffic.mean(), block.traffic.mean()
    if min(x.clusters, y.clusters) < LEAST_PER_SIDE:
        return []
    moves = (x.variance > 0.0) | (y.variance > 0.0) | (np.abs(x.mean - y.mean) > SAME)
    names, p = context_names(x.mean.size), p_values(x, y)
    return [
        Row(DriftKind.TRAFFIC, names[i], float(x.mean[i]), float(y.mean[i]), p[i])
        for i in np.flatnonzero(moves).tolist()
    ]


def judged_rows(first: Block, block: Block) -> list[Row]:
    """Compare two blocks whose time to be judged is over model by model: qualities, feedback rates."""
    return [
        *_model_rows(DriftKind.QUALITY, first.residuals, block.residuals),
        *_model_rows(DriftKind.FEEDBACK_RATE, first.rates, block.rates),
    ]


def _model_rows(kind: DriftKind, first: Mapping[str, MeanSums], later: Mapping[str, MeanSums]) -> list[Row]:
    rows = []
    for model in sorted(first.keys() & later.keys()):
        x, y = first[model].mean(), later[model].mean()
        if min(x.clusters, y.clusters) >= LEAST_PER_SIDE:
            rows.append(Row(kind, model, float(x.mean[0]), float(y.mean[0]), p_values(x, y)[0]))
    return rows


def significant(row: Row, rows: list[Row], b: int, alpha: float) -> Drift | None:
    """Give the change that a comparison shows, None where chance may explain it.

    By Bonferroni's inequality over the comparisons of its kind in block b, at the levels 6 alpha / (pi b)^2 for blocks
    b = 1, 2, ..., which add up to alpha (Euler: the sum of 1 / b^2 is pi^2 / 6). Each block is compared once for each
    kind, so that the sum is all there is, however often and by however many processes it is looked at.
    """
    level = 6.0 * alpha / (math.pi * b) ** 2 / sum(each.kind is row.kind for each in rows)
    if row.p_value >= level:
        return None
    return Drift(
        kind=row.kind,
        what=row.what,
        block=b,
        before=row.before,
        after=row.after,
        p_value=row.p_value,
        level=level,
    )


def context_names(dim: int) -> list[str]:
    """Name the entries of a context vector; see :class:`arbiter.policies.context.ContextMap`."""
    domains = [f"share of {label}" for label in HEADS["domain"]]
    levels = ["expected complexity", "probability of harm", "probability of high stake", "log of prompt tokens"]
    assert len(levels) == N_LEVELS
    components = dim - 1 - len(domains) - N_LEVELS
    return ["intercept", *(f"embedding component {i}" for i in range(components)), *domains, *levels]


def is_comparable(context: FloatArray) -> bool:
    """Tell whether a context can be compared: one that is not finite would stay in the sums for good."""
    return context.size > 0 and bool(np.isfinite(context).all())
