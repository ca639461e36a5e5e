"""A plan held against what happened: was the spend in its band, and what moved it, requests or prices."""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arbiter.errors import InvalidInputError
from arbiter.planning.money import Money
from arbiter.planning.projection import Cell, Projection
from arbiter.planning.saved import SavedPlan
from arbiter.planning.segments import UNTOLD
from arbiter.planning.spend import DaySpend
from arbiter.planning.use_case import EVEN_WEEK

LEAST_PART = 0.01

NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """One model, one use case, or everything together, as planned and as it came.

    Attributes
    ----------
    name : of the model or use case; ``all`` for the sum, ``not told`` for requests whose use case is not known.
    planned_usd, low_usd, high_usd : the projection for the days that are known, with its 80 % band.
    actual_usd : what was spent.
    planned_requests, actual_requests : likewise.
    by_requests, by_price : what of the difference came from the number of requests, at planned cost each, and from the
        cost of each, at actual requests; the two add up to it.
    """

    name: str
    planned_usd: float
    low_usd: float
    high_usd: float
    actual_usd: float
    planned_requests: float
    actual_requests: float
    by_requests: float
    by_price: float

    def matters(self, whole: "ReviewRow") -> bool:
        """Tell whether it is a hundredth of the whole or more, planned or spent: a rare fallback proves nothing."""
        part = max(self.planned_usd / (whole.planned_usd or 1.0), self.actual_usd / (whole.actual_usd or 1.0))
        return part >= LEAST_PART

    @property
    def inside(self) -> bool:
        """Whether the spend lies in the band."""
        return self.low_usd <= self.actual_usd <= self.high_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A plan held against what happened.

    Attributes
    ----------
    plan, made : its name and day.
    start, end : first and last day that both the plan and the record of the spend cover.
    rows : all models together, then each, planned or not, by falling difference.
    use_cases : each use case, by falling difference; empty where the record does not tell them apart.
    notes : what a reader should know.
    """

    plan: str
    made: datetime.date
    start: datetime.date
    end: datetime.date
    rows: tuple[ReviewRow, ...]
    use_cases: tuple[ReviewRow, ...] = ()
    notes: tuple[str, ...] = ()


def review_plan(plan: SavedPlan, spent: Sequence[DaySpend], names: Mapping[str, str] | None = None) -> Review:
    """Hold a plan against what was spent.

    Parameters
    ----------
    plan : as it was saved.
    spent : day by day and model by model.
    names : model of the record to its name in the plan; None takes them as they are.

    Raises
    ------
    InvalidInputError
        If the record and the plan have no day in common.
    """
    months = sorted({cell.month for cell in plan.projection.cells})
    begin, finish = plan.start, _last_day(months[-1])
    days = [row.day for row in spent if begin <= row.day <= finish]
    if not days:
        span = f"{min(r.day for r in spent)} to {max(r.day for r in spent)}" if spent else "nothing"
        raise InvalidInputError(f"the plan covers {begin} to {finish}, the spend is of {span}: no day in common")
    start, end = max(begin, min(days)), max(days)
    cells = _within(plan, start, end)
    known = [row for row in spent if start <= row.day <= end]
    called = {row.model: (names or {}).get(row.model, row.model) for row in known}
    models = {cell.model for cell in cells} | set(called.values())
    rows = [
        _row(model, [c for c in cells if c.model == model], [r for r in known if called[r.model] == model])
        for model in models
    ]
    cases, notes = _by_use_case(plan, cells, known)
    return Review(
        plan=plan.name,
        made=plan.made,
        start=start,
        end=end,
        rows=(_row("all", cells, known), *_by_difference(rows)),
        use_cases=cases,
        notes=notes,
    )


def _by_difference(rows: Sequence[ReviewRow]) -> tuple[ReviewRow, ...]:
    return tuple(sorted(rows, key=lambda row: (-abs(row.actual_usd - row.planned_usd), row.name)))


def _by_use_case(
    plan: SavedPlan, cells: Sequence[Cell], spent: Sequence[DaySpend]
) -> tuple[tuple[ReviewRow, ...], tuple[str, ...]]:
    """Give the use cases, where the record tells them apart; else none, and a note that says what is lacking."""
    names = list(dict.fromkeys(cell.use_case for cell in plan.projection.cells))
    if len(names) == 1:
        return (), ()
    if all(row.use_case == UNTOLD for row in spent):
        columns = ", ".join(plan.segments.columns)
        lacking = f"no request matches just one segment ({columns})" if columns else "no use case names a segment"
        return (), (f"use cases cannot be told apart: {lacking}",)
    rows = [
        _row(name, [c for c in cells if c.use_case == name], [r for r in spent if r.use_case == name]) for name in names
    ]
    untold = [row for row in spent if row.use_case not in names]
    told = _by_difference(rows)
    return ((*told, _row(NOT_TOLD, [], untold)) if untold else told), ()


def _row(name: str, cells: Sequence[Cell], spent: Sequence[DaySpend]) -> ReviewRow:
    money = Projection(cells=tuple(cells)).total() if cells else Money(mean=0.0)
    planned, actual = sum(cell.requests for cell in cells), float(sum(row.requests for row in spent))
    usd = sum(row.usd for row in spent)
    each = money.mean / planned if planned else 0.0
    return ReviewRow(
        name=name,
        planned_usd=money.mean,
        low_usd=money.low,
        high_usd=money.high,
        actual_usd=usd,
        planned_requests=planned,
        actual_requests=actual,
        by_requests=(actual - planned) * each,
        by_price=usd - actual * each,
    )


def _within(plan: SavedPlan, start: datetime.date, end: datetime.date) -> list[Cell]:
    """Give the cells cut to some days: of a month's requests as many as its use case's weekly shape puts on them."""
    cut = []
    for cell in plan.projection.cells:
        first = max(datetime.date.fromisoformat(f"{cell.month}-01"), plan.start)
        last = _last_day(cell.month)
        weekly = plan.weekly.get(cell.use_case, EVEN_WEEK)
        share = _weight(weekly, max(first, start), min(last, end)) / (_weight(weekly, first, last) or 1.0)
        if share > 0.0:
            money = Money(
                mean=cell.money.mean * share,
                own_var=cell.money.own_var * share,
                common_sd=cell.money.common_sd * share,
            )
            cut.append(
                Cell(
                    use_case=cell.use_case,
                    model=cell.model,
                    vendor=cell.vendor,
                    month=cell.month,
                    requests=cell.requests * share,
                    money=money,
                )
            )
    return cut


def _weight(weekly: Sequence[float], first: datetime.date, last: datetime.date) -> float:
    """Sum the weights of the days from one to another, both included."""
    days = range((last - first).days + 1)
    return math.fsum(weekly[(first + datetime.timedelta(days=i)).weekday()] for i in days)


def _last_day(month: str) -> datetime.date:
    start = datetime.date.fromisoformat(f"{month}-01")
    return (start + datetime.timedelta(days=32)).replace(day=1) - datetime.timedelta(days=1)
