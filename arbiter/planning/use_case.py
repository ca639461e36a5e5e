"""What is planned for: use cases with their volume, lengths, limits and criticality."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.planning.token_count import TokenCount
from arbiter.vocabulary import Capability, Risk, Strategy, Workload

FloatArray = NDArray[np.float64]

EVEN_WEEK = (1.0,) * 7
EVEN_DAY = (1.0,) * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How many requests come, and when.

    Attributes
    ----------
    per_day : mean over a week, at the start of the plan.
    weekly : seven weights, Monday first; only their ratios count.
    hourly : twenty-four weights, midnight first; only their ratios count.
    growth_per_month : such as 0.05; months compound.
    error : deviation of the logarithm of the true volume around ``per_day``.
    growth_error : deviation of the growth per month.
    shaped : whether ``weekly`` or ``hourly`` was declared; else that they are even is not known, but assumed.
    """

    per_day: float
    weekly: tuple[float, ...] = EVEN_WEEK
    hourly: tuple[float, ...] = EVEN_DAY
    growth_per_month: float = 0.0
    error: float = 0.1
    growth_error: float = 0.0
    shaped: bool = False

    def on(self, day: datetime.date) -> float:
        """Give the requests of a day, without growth."""
        return self.per_day * 7.0 * self.weekly[day.weekday()] / sum(self.weekly)

    def loads(self) -> FloatArray:
        """Give (168,) requests per hour through a week, without growth."""
        week, day = np.array(self.weekly), np.array(self.hourly)
        return np.asarray(np.outer(week * 7.0 / week.sum(), day / day.sum()).ravel() * self.per_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a model must fulfil.

    Attributes
    ----------
    capabilities, wanted : what it must, and what it should be able to do.
    quality_floor : of the estimated quality, in [0, 1].
    max_latency_s, latency_quantile : a share ``latency_quantile`` of the answers stays below; the first token counts
        where the workload streams, else the last.
    max_cost_usd : mean per request.
    min_availability : of the whole chain; None takes what the criticality asks for.
    local_only, regions, compliance, languages, models, deny : as :class:`arbiter.records.Requirements` has them
        (``models`` is its ``allow``).
    risk : high and critical need a frontier model, as in serving.
    """

    capabilities: frozenset[Capability] = frozenset()
    wanted: frozenset[Capability] = frozenset()
    quality_floor: float | None = None
    max_latency_s: float | None = None
    latency_quantile: float = 0.95
    max_cost_usd: float | None = None
    min_availability: float | None = None
    local_only: bool = False
    regions: frozenset[str] = frozenset()
    compliance: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    models: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()
    risk: Risk = Risk.MINIMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCase:
    """One kind of request that a team sends.

    Attributes
    ----------
    name : unique in the plan.
    workload : how requests arrive and how soon they are wanted.
    volume, limits : see there.
    input_tokens, output_tokens : of a request and its answer; None takes them from the traffic.
    criticality : 1 to 10.
    strategy : None takes what criticality, latency and workload ask for.
    deferrable : share of the requests that can wait for a batch run.
    repeated_prefix : share of the input tokens that a common prefix makes up; None takes the traffic's.
    incumbent : the model that serves it now; None takes the recommended one.
    segment : column to value, of the traffic that is this use case; empty takes all of it.
    usd_per_good_answer : what one answer of quality 1 rather than 0 is worth; None leaves quality out of all money.
    """

    name: str
    workload: Workload
    volume: Volume
    limits: Limits = field(default_factory=Limits)
    input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    criticality: int = 5
    strategy: Strategy | None = None
    deferrable: float = 0.0
    repeated_prefix: float | None = None
    incumbent: str | None = None
    segment: Mapping[str, str] = field(default_factory=dict)
    usd_per_good_answer: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """New list prices of a model from a date on; US dollars per million tokens."""

    model: str
    start: datetime.date
    usd_per_mtok_in: float
    usd_per_mtok_out: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Capacity that is bought by the month: so many million tokens of a model for a fee, used or not."""

    model: str
    usd_per_month: float
    mtok_per_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Numbers that no data give; each is a default to change in the file's ``[assumptions]``.

    Attributes
    ----------
    token_error : deviation of the logarithm of declared mean tokens around the true ones.
    rating_sd : error of a catalog's quality rating.
    common_cause : share of a model's downtime that takes its whole vendor down (the beta of the beta-factor model).
    transient : share of the failures of a call that a retry cures.
    engineer_day_usd : for the effort of techniques and migrations.
    outage_hours : length of the simulated outage.
    commitment_discount : off the list price, for capacity that is reserved.
    revenue_usd_per_month : what a budget in per cent is a percentage of; None where it is not told.
    """

    token_error: float = 0.2
    rating_sd: float = 0.1
    common_cause: float = 0.3
    transient: float = 0.5
    engineer_day_usd: float = 800.0
    outage_hours: float = 4.0
    commitment_discount: float = 0.3
    revenue_usd_per_month: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSpec:
    """A file of use cases, checked.

    Attributes
    ----------
    name : of the plan.
    start, months : first day, and how many calendar months are projected.
    use_cases : at least one.
    price_changes, reservations, assumptions : see there.
    fallbacks : model to the model that must follow where it fails; empty leaves the choice to the plan.
    """

    name: str
    start: datetime.date
    months: int
    use_cases: tuple[UseCase, ...]
    price_changes: tuple[PriceChange, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    assumptions: Assumptions = field(default_factory=Assumptions)
    fallbacks: Mapping[str, str] = field(default_factory=dict)
