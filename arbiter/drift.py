"""Whether a ledger's later traffic, qualities and feedback rates are still those of its first part.

A fold over events in blocks: every full block is held against the first one, at levels that add up to the chosen error
over any number of blocks, candidates and features. So a report may be read as often as one likes.
"""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.heads import HEADS
from arbiter.ledger import Event
from arbiter.ope.distributions import student_t_tail
from arbiter.policies.context import N_LEVELS
from arbiter.records import Decision, Feedback

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

LEAST_PER_SIDE = 20
"""Judged answers, or decisions, on either side without which a comparison is not made."""


class DriftKind(StrEnum):
    """What has changed."""

    TRAFFIC = "traffic"
    QUALITY = "quality"
    FEEDBACK_RATE = "feedback_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOptions:
    """How drift is looked for.

    Attributes
    ----------
    block : decisions of one block; the first block is what later ones are held against.
    alpha : chance of any false alarm, ever, of each kind of drift.
    """

    block: int = 500
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.block < 2 * LEAST_PER_SIDE:
            raise InvalidInputError(f"block must be {2 * LEAST_PER_SIDE} decisions or more, got {self.block}")
        if not 0.0 < self.alpha < 1.0:
            raise InvalidInputError(f"alpha must lie between 0 and 1, got {self.alpha}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One change that chance does not explain.

    Attributes
    ----------
    kind : traffic, quality of a model against its estimate, or a model's feedback rate.
    what : the feature or the model.
    block : number of the block, from 1; the first one is 0.
    before, after : means in the first block and in this one.
    p_value, level : of the test, and the level that it had to pass.
    """

    kind: DriftKind
    what: str
    block: int
    before: float
    after: float
    p_value: float
    level: float

    @property
    def text(self) -> str:
        """The same in words."""
        said = {
            DriftKind.TRAFFIC: f"traffic: {self.what}",
            DriftKind.QUALITY: f"quality of {self.what} less its estimate",
            DriftKind.FEEDBACK_RATE: f"share of {self.what}'s answers that are judged",
        }
        return f"{said[self.kind]} went from {self.before:.3f} to {self.after:.3f} (p {self.p_value:.1e})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """What was found in a ledger.

    Attributes
    ----------
    blocks : full blocks, the first one included.
    found : changes, in the order of the blocks.
    """

    blocks: int
    found: tuple[Drift, ...]

    @property
    def latest(self) -> tuple[Drift, ...]:
        """Changes of the last full block: what holds now."""
        return tuple(drift for drift in self.found if drift.block == self.blocks - 1)

    @property
    def evaluation_holds(self) -> bool:
        """Whether an offline evaluation on the first block's time still speaks for today's traffic and models."""
        return not any(drift.kind is not DriftKind.FEEDBACK_RATE for drift in self.latest)


@dataclass(slots=True)
class _Block:
    """One block as sums: contexts, and per model decisions, judgements and residuals."""

    n: int = 0
    total: FloatArray = field(default_factory=lambda: np.zeros(0))
    squares: FloatArray = field(default_factory=lambda: np.zeros(0))
    decisions: dict[str, int] = field(default_factory=dict)
    residuals: dict[str, dict[str, float]] = field(default_factory=dict)  # model to decision to residual

    def add(self, decision: Decision) -> None:
        context = np.array(decision.context)
        if self.n == 0:
            self.total, self.squares = np.zeros(context.size), np.zeros(context.size)
        self.n += 1
        self.total += context
        self.squares += context**2
        self.decisions[decision.model] = self.decisions.get(decision.model, 0) + 1


def drift_of(events: Iterable[Event], options: DriftOptions | None = None) -> DriftReport:
    """Look for drift in a ledger's events.

    Parameters
    ----------
    events : in order; feedback counts for the block of its decision, whenever it comes. Decisions whose context another
        bundle made begin anew: what was learned is not comparable.
    options : block size and error.

    Returns
    -------
    report : of the latest context version.

    Notes
    -----
    Welch's t test per feature and model; by Bonferroni's inequality over the tests of a block and the levels
    6 alpha / (pi b)^2 over blocks b = 1, 2, ..., which add up to alpha. The t test is exact for normal means only;
    with the 20 or more values a side that it asks for, and bounded ones, it errs little.
    """
    chosen = options or DriftOptions()
    blocks, version = [_Block()], None
    where: dict[str, tuple[_Block, Decision]] = {}
    for event in events:
        record = event.record
        if isinstance(record, Decision) and record.context:
            if record.context_version != version:
                blocks, where, version = [_Block()], {}, record.context_version
            if blocks[-1].n == chosen.block:
                blocks.append(_Block())
            blocks[-1].add(record)
            where[record.id] = (blocks[-1], record)
        elif isinstance(record, Feedback) and record.quality is not None and record.decision_id in where:
            block, decision = where[record.decision_id]
            estimate = decision.estimates.get(decision.model)
            if estimate is not None and math.isfinite(estimate.quality):
                residual = record.quality - estimate.quality
                block.residuals.setdefault(decision.model, {})[decision.id] = residual
    full = [block for block in blocks if block.n == chosen.block]
    found = [drift for b, block in enumerate(full[1:], 1) for drift in _compared(full[0], block, b, chosen.alpha)]
    report = DriftReport(blocks=len(full), found=tuple(found))
    if not report.evaluation_holds:
        logger.warning(
            "traffic or models have changed since the first %d decisions (%s): evaluations of that time no longer hold",
            chosen.block,
            "; ".join(drift.text for drift in report.latest),
        )
    return report


def _compared(first: _Block, block: _Block, b: int, alpha: float) -> list[Drift]:
    level = 6.0 * alpha / (math.pi * b) ** 2
    tests: dict[DriftKind, list[tuple[str, float, float, float]]] = {
        DriftKind.TRAFFIC: _traffic(first, block),
        DriftKind.QUALITY: _quality(first, block),
        DriftKind.FEEDBACK_RATE: _rates(first, block),
    }
    return [
        Drift(kind=kind, what=what, block=b, before=before, after=after, p_value=p, level=level / len(rows))
        for kind, rows in tests.items()
        for what, before, after, p in rows
        if p < level / len(rows)
    ]


def _traffic(first: _Block, block: _Block) -> list[tuple[str, float, float, float]]:
    names = context_names(first.total.size)
    before, after = first.total / first.n, block.total / block.n
    spread = [np.maximum(x.squares / x.n - (x.total / x.n) ** 2, 0.0) * x.n / (x.n - 1) for x in (first, block)]
    rows = zip(names, before.tolist(), after.tolist(), spread[0].tolist(), spread[1].tolist(), strict=True)
    return [(name, x, y, _welch((x, v, first.n), (y, w, block.n))) for name, x, y, v, w in rows if v > 0.0 or w > 0.0]


def _quality(first: _Block, block: _Block) -> list[tuple[str, float, float, float]]:
    rows = []
    for model in sorted(first.residuals.keys() & block.residuals.keys()):
        sides = [np.array(list(x.residuals[model].values())) for x in (first, block)]
        if min(side.size for side in sides) >= LEAST_PER_SIDE:
            told = [(float(side.mean()), float(side.var(ddof=1)), side.size) for side in sides]
            rows.append((model, told[0][0], told[1][0], _welch(told[0], told[1])))
    return rows


def _rates(first: _Block, block: _Block) -> list[tuple[str, float, float, float]]:
    rows = []
    for model in sorted(first.decisions.keys() & block.decisions.keys()):
        counts = [(len(x.residuals.get(model, {})), x.decisions[model]) for x in (first, block)]
        if min(n for _, n in counts) >= LEAST_PER_SIDE:
            shares = [judged / n for judged, n in counts]
            pooled = sum(judged for judged, _ in counts) / sum(n for _, n in counts)
            told = [(share, pooled * (1.0 - pooled), n) for share, (_, n) in zip(shares, counts, strict=True)]
            rows.append((model, shares[0], shares[1], _welch(told[0], told[1])))
    return rows


def _welch(x: tuple[float, float, int], y: tuple[float, float, int]) -> float:
    """Give the two-sided p value of equal means, from (mean, variance, n) of either side (Welch, 1947)."""
    parts = [variance / n for _, variance, n in (x, y)]
    error = math.sqrt(sum(parts))
    if error == 0.0:
        return 1.0 if x[0] == y[0] else 0.0
    df = sum(parts) ** 2 / sum(part**2 / (n - 1) for part, (_, _, n) in zip(parts, (x, y), strict=True) if part > 0.0)
    return min(1.0, 2.0 * student_t_tail(abs(x[0] - y[0]) / error, df))


def context_names(dim: int) -> list[str]:
    """Name the entries of a context vector; see :class:`arbiter.policies.context.ContextMap`."""
    domains = [f"share of {label}" for label in HEADS["domain"]]
    levels = ["expected complexity", "probability of harm", "probability of high stake", "log of prompt tokens"]
    assert len(levels) == N_LEVELS
    components = dim - 1 - len(domains) - N_LEVELS
    return ["intercept", *(f"embedding component {i}" for i in range(components)), *domains, *levels]
