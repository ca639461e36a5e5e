"""The cost-quality plane: what is drawn on it, and how its two axes run."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from arbiter_training.evaluation.records import EvaluationReport, Frontier, PolicyRow
from arbiter_training.report.comparison import constant_model
from arbiter_training.report.wording import PER_REQUESTS

LOG_FROM_RATIO = 20.0
"""Costs that span more than this factor are drawn on a logarithmic axis: on a linear one the cheap half would fall
into the leftmost twentieth."""

MARGIN = 0.06
"""Share of an axis left free at either end, so that no mark touches the frame."""

ZERO_SLOT = 0.07
"""Share of a logarithmic cost axis kept for what costs nothing, such as a model on one's own machine."""

HULL_STEPS = 24
"""Points per edge of the hull: a mixture of two models is straight in dollars, so it bends on a logarithmic axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostAxis:
    """The horizontal axis.

    Attributes
    ----------
    low, high : ends, dollars per request; above 0 where ``log``.
    log : whether it is logarithmic.
    zero : whether the left end keeps a slot for a cost of 0.
    """

    low: float
    high: float
    log: bool
    zero: bool

    def place(self, cost_usd: float) -> float:
        """Give the place of a cost, from 0 (left) to 1 (right)."""
        if not self.log:
            return (cost_usd - self.low) / (self.high - self.low)
        start = ZERO_SLOT if self.zero else 0.0
        if cost_usd < self.low:  # below the logarithmic part the slot is linear, from 0 in its middle to its end
            return start / 2 * (1.0 + max(cost_usd, 0.0) / self.low)
        return start + (1.0 - start) * math.log(cost_usd / self.low) / math.log(self.high / self.low)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Give at most ``most`` ticks: cost in dollars per request, and its text per 1,000 requests."""
        low, high = self.low * PER_REQUESTS, self.high * PER_REQUESTS
        values = _log_ticks(low, high, most) if self.log else _even_ticks(max(low, 0.0), high, most)
        free = self.place(0.0) + 0.8 / most if self.zero else 0.0
        shown = [0.0, *(v for v in values if self.place(v / PER_REQUESTS) >= free)] if self.zero else values
        return [(value / PER_REQUESTS, _tick_dollars(value)) for value in shown]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityAxis:
    """The vertical axis, linear from ``low`` to ``high``."""

    low: float
    high: float

    def place(self, quality: float) -> float:
        """Give the place of a quality, from 0 (bottom) to 1 (top); beyond the ends it is cut."""
        return min(max((quality - self.low) / (self.high - self.low), 0.0), 1.0)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Give at most ``most`` ticks with their texts."""
        values = _even_ticks(self.low, self.high, most)
        step = values[1] - values[0] if len(values) > 1 else 0.1
        digits = min(max(1, -math.floor(math.log10(step) + 1e-9)), 6)
        return [(value, f"{value:.{digits}f}") for value in values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point with a name.

    Attributes
    ----------
    name : of the model or policy.
    cost_usd, quality : means per request.
    row : the policy's row; None for a fixed model.
    """

    name: str
    cost_usd: float
    quality: float
    row: PolicyRow | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of the quality interval; None for a fixed model, or where none is known to cover."""
        measured = self.row.outcomes.get("quality") if self.row else None
        if measured is None or measured.low is None or measured.high is None:
            return None
        return measured.low, measured.high

    @property
    def cost_interval(self) -> tuple[float, float] | None:
        """The ends of the cost interval where they can be drawn, above 0; None otherwise."""
        measured = self.row.outcomes.get("cost_usd") if self.row else None
        if measured is None or measured.low is None or measured.high is None or measured.low <= 0.0:
            return None
        return measured.low, measured.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Everything on the plane.

    Attributes
    ----------
    models : the constant policies, by rising cost.
    policies : the others that the log could judge.
    hull : (cost_usd, quality) along the best mixtures of constant policies; empty where unknown.
    frontiers : those with at least one point, the leading one first.
    cost, quality : the axes.
    """

    models: tuple[Mark, ...]
    policies: tuple[Mark, ...]
    hull: tuple[tuple[float, float], ...]
    frontiers: tuple[Frontier, ...]
    cost: CostAxis
    quality: QualityAxis

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.models or self.policies or self.frontiers)


def plane_of(report: EvaluationReport, leading: str | None) -> Plane:
    """Collect what is drawn.

    Parameters
    ----------
    report : the evaluation.
    leading : name of the policy that the verdict is about; its curve leads.

    Returns
    -------
    plane : marks, curves and axes that hold them all.
    """
    models = tuple(
        Mark(name=name, cost_usd=cost, quality=quality)
        for name, (cost, quality) in sorted(report.fixed_models.items(), key=lambda item: item[1])
    )
    policies = tuple(mark for row in report.rows if (mark := _mark(row, report)) is not None)
    drawn = [frontier for frontier in report.frontiers if frontier.points]
    frontiers = tuple(sorted(drawn, key=lambda frontier: not _leads(frontier.name, leading)))
    costs = [mark.cost_usd for mark in (*models, *policies)] + [p.cost_usd for f in frontiers for p in f.points]
    axis = _cost_axis(costs or [0.0])
    return Plane(
        models=models,
        policies=policies,
        hull=_along(report.hull, axis),
        frontiers=frontiers,
        cost=axis,
        quality=_quality_axis([*_qualities(models, policies, frontiers)] or [0.0, 1.0]),
    )


def _mark(row: PolicyRow, report: EvaluationReport) -> Mark | None:
    cost, quality = row.outcomes.get("cost_usd"), row.outcomes.get("quality")
    if cost is None or quality is None or constant_model(row) in report.fixed_models:
        return None
    return Mark(name=row.name, cost_usd=cost.value, quality=quality.value, row=row)


def _leads(name: str, leading: str | None) -> bool:
    return leading is not None and (leading == name or leading.startswith(f"{name} "))


def _qualities(
    models: tuple[Mark, ...], policies: tuple[Mark, ...], frontiers: tuple[Frontier, ...]
) -> Iterable[float]:
    yield from (mark.quality for mark in (*models, *policies))
    for mark in policies:
        yield from mark.interval or ()
    for frontier in frontiers:
        for point in frontier.points:
            yield point.quality
            yield from (end for end in (point.quality_low, point.quality_high) if end is not None)


def _cost_axis(costs: list[float]) -> CostAxis:
    positive = [cost for cost in costs if cost > 0.0] or [0.001]
    low, high = min(positive), max(positive)
    if high / low > LOG_FROM_RATIO and min(costs) >= 0.0:
        reach = (high / low) ** MARGIN
        return CostAxis(low=low / reach, high=high * reach, log=True, zero=min(costs) == 0.0)
    start = min(costs)
    spread = max(high - start, 0.1 * high)
    return CostAxis(
        low=start - MARGIN * spread if start <= 0.0 else max(start - MARGIN * spread, 0.0),
        high=high + MARGIN * spread,
        log=False,
        zero=False,
    )


def _quality_axis(values: list[float]) -> QualityAxis:
    low, high = min(values), max(values)
    spread = max(high - low, 0.02)
    return QualityAxis(low=low - MARGIN * spread, high=high + 1.5 * MARGIN * spread)


def _along(hull: tuple[tuple[float, float], ...], axis: CostAxis) -> tuple[tuple[float, float], ...]:
    """Follow the hull edge by edge, then level to the right end of the axis."""
    if not hull:
        return ()
    path = [hull[0]]
    for (c0, q0), (c1, q1) in pairwise(hull):
        path += [(c0 + t / HULL_STEPS * (c1 - c0), q0 + t / HULL_STEPS * (q1 - q0)) for t in range(1, HULL_STEPS + 1)]
    return (*path, (max(axis.high, hull[-1][0]), hull[-1][1]))


def _even_ticks(low: float, high: float, most: int) -> list[float]:
    """Give multiples of 1, 2 or 5 times a power of ten inside a range."""
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Give 1, 2 and 5 times the powers of ten where they fit, else 1 and 3, else every k-th power."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for times in ((1, 2, 5), (1, 3), (1,)):
        values = [10.0**p * t for p in powers for t in times if low <= 10.0**p * t <= high]
        if len(values) <= most:
            return values
    return values[:: math.ceil(len(values) / most)]


def _tick_dollars(value: float) -> str:
    if value == 0.0 or value >= 10.0:
        return f"${value:,.0f}"
    text = f"{value:.10g}"
    return f"${text}0" if "." in text and len(text) == len("0.1") else f"${text}"
