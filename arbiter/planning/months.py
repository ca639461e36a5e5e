"""The calendar months of a plan, and how many requests each brings."""

import datetime
import math
from dataclasses import dataclass

from arbiter.planning.use_case import PlanSpec, Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Part of a calendar month that a plan covers, from ``start`` to ``end``, both included; ``index`` from 0."""

    index: int
    start: datetime.date
    end: datetime.date

    @property
    def name(self) -> str:
        """Such as ``2027-01``."""
        return self.start.strftime("%Y-%m")

    def days(self) -> list[datetime.date]:
        """Give every day of it."""
        return [self.start + datetime.timedelta(days=i) for i in range((self.end - self.start).days + 1)]

    def share_from(self, start: datetime.date) -> float:
        """Give the share of its days from a date on."""
        return sum(day >= start for day in self.days()) / len(self.days())


def months_from(first: datetime.date, count: int) -> tuple[Month, ...]:
    """Give ``count`` months; where the first day lies within a month they begin with the rest of that one."""
    months, start = [], first
    for index in range(count):
        following = (start.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        months.append(Month(index=index, start=start, end=following - datetime.timedelta(days=1)))
        start = following
    return tuple(months)


def plan_months(spec: PlanSpec) -> tuple[Month, ...]:
    """Give the months of a plan."""
    return months_from(spec.start, spec.months)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests of one month: the expected number, and the deviation of the logarithm of the true mean around it."""

    mean: float
    log_sd: float


def requests_in(volume: Volume, month: Month) -> Requests:
    """Give the requests of a month.

    The number is the sum over its days by the weekly shape, times (1 + growth)^index. Its error is that of the volume
    and, growing with the months, that of the growth: index x growth_error / (1 + growth), to first order.
    """
    growth = 1.0 + volume.growth_per_month
    mean = sum(volume.on(day) for day in month.days()) * growth**month.index
    return Requests(mean=mean, log_sd=math.hypot(volume.error, month.index * volume.growth_error / growth))
