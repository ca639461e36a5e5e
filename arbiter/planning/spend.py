"""What was spent, day by day and model by model, and what a ledger's spend says of the months to come."""

import datetime
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arbiter.ledger import Ledger
from arbiter.ope.distributions import student_t_quantile
from arbiter.planning.drift import PERIOD_DRIFT
from arbiter.planning.history import FloatArray
from arbiter.planning.money import BAND, BAND_Z, Money
from arbiter.planning.months import Month
from arbiter.planning.segments import UNTOLD, Segments, decision_labels
from arbiter.planning.wording import band, usd
from arbiter.records import Decision, Outcome

LEAST_WEEKS = 3
"""Whole weeks of spend below which a forecast would be a guess."""

SURE_TREND = 2.0
"""Standard errors from which a trend of the weeks is carried on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySpend:
    """What one model cost on one day (UTC), on the requests of one use case; an empty name where that is not told."""

    day: datetime.date
    model: str
    requests: int
    usd: float
    use_case: str = UNTOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendForecast:
    """What the spend of the past says of the months to come.

    Attributes
    ----------
    weeks : whole weeks behind it.
    usd_per_day : of the last weeks, up to four.
    growth_per_week : that is carried on; 0 where no trend is sure.
    months : name to amount, with its band.
    """

    weeks: int
    usd_per_day: float
    growth_per_week: float
    months: dict[str, Money]


def ledger_spend(ledger: Ledger, segments: Segments | None = None) -> tuple[DaySpend, ...]:
    """Give what a ledger's outcomes cost, day by day; outcomes without a cost are left out.

    Parameters
    ----------
    ledger : with decisions and outcomes.
    segments : of a plan, by which each decision is given to a use case; None gives none.

    Raises
    ------
    LedgerError
        If it cannot be read.
    """
    return daily(_costs(ledger, segments))


def _costs(ledger: Ledger, segments: Segments | None) -> Iterator[tuple[datetime.date, str, str, float]]:
    case_of: dict[str, str] = {}
    for _, event in ledger.events():
        match event.record:
            case Decision() as decision if segments is not None:
                case_of[decision.id] = segments.case_of(decision_labels(decision))
            case Outcome(cost_usd=float() | int() as paid) as outcome:
                day = datetime.datetime.fromtimestamp(event.timestamp, datetime.UTC).date()
                yield day, outcome.model, case_of.get(outcome.decision_id, UNTOLD), paid


def daily(costs: Iterable[tuple[datetime.date, str, str, float]]) -> tuple[DaySpend, ...]:
    """Sum (day, model, use case, cost) of single requests by the first three, in order."""
    sums: dict[tuple[datetime.date, str, str], list[float]] = {}
    for day, model, use_case, paid in costs:
        sums.setdefault((day, model, use_case), []).append(paid)
    return tuple(
        DaySpend(day=day, model=model, requests=len(values), usd=math.fsum(values), use_case=use_case)
        for (day, model, use_case), values in sorted(sums.items())
    )


def forecast_spend(spent: Sequence[DaySpend], months: Sequence[Month]) -> SpendForecast | None:
    """Carry the weekly spend on into the months of a plan; None where fewer than three whole weeks are known.

    The level is the mean of the last weeks, up to four. A trend is carried on only where the slope of the logarithms
    over the weeks is beyond two standard errors (ordinary least squares). The band holds what the weeks scatter about
    it, as Student's t of so few weeks, and the drift between periods of :data:`arbiter.planning.drift.PERIOD_DRIFT`.
    """
    weekly = _weeks(spent)
    if weekly.size < LEAST_WEEKS or (weekly <= 0).any():
        return None
    growth, scatter = _trend(weekly)
    level = float(weekly[-4:].mean()) / 7.0
    widened = student_t_quantile((1.0 + BAND) / 2.0, weekly.size - 2) / BAND_Z
    last = max(row.day for row in spent)
    found = {}
    for month in months:
        middle = month.start + (month.end - month.start) / 2
        days = len(month.days())
        mean = level * days * (1.0 + growth) ** ((middle - last).days / 7.0)
        own = (scatter * mean) ** 2 * 7.0 / days
        common = mean * math.hypot(widened * scatter / math.sqrt(min(weekly.size, 4)), PERIOD_DRIFT)
        found[month.name] = Money(mean=mean, own_var=own, common_sd=common)
    return SpendForecast(weeks=weekly.size, usd_per_day=level, growth_per_week=growth, months=found)


def disagreement(found: SpendForecast, planned: Money) -> list[str]:
    """Say where what the ledger forecasts for all months together lies outside the plan's band; else nothing."""
    carried = sum(money.mean for money in found.months.values())
    if planned.low <= carried <= planned.high:
        return []
    return [
        f"the ledger's last {found.weeks} weeks carried on come to {usd(carried)}, the plan to {band(planned)}: is "
        "everything that the ledger paid for among the use cases, and are their volumes right?"
    ]


def _weeks(spent: Sequence[DaySpend]) -> FloatArray:
    """Give the spend of whole weeks that end on the last day, the earliest first."""
    if not spent:
        return np.empty(0)
    last, first = max(row.day for row in spent), min(row.day for row in spent)
    count = ((last - first).days + 1) // 7
    weeks = np.zeros(count)
    for row in spent:
        back = (last - row.day).days // 7
        if back < count:
            weeks[count - 1 - back] += row.usd
    return weeks


def _trend(weekly: FloatArray) -> tuple[float, float]:
    """Give the growth per week that is sure, and the deviation of the logarithms about it."""
    x, y = np.arange(weekly.size) - (weekly.size - 1) / 2.0, np.log(weekly)
    slope = float(x @ y / (x @ x))
    left = y - y.mean() - slope * x
    error = math.sqrt(float(left @ left) / (weekly.size - 2) / float(x @ x))
    if abs(slope) > SURE_TREND * error:
        return math.expm1(slope), math.sqrt(float(left @ left) / (weekly.size - 2))
    return 0.0, float(y.std(ddof=1))
