"""Which resilience patterns a use case needs, what they cost, and what an outage of a vendor does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arbiter.planning.availability import HOURS_PER_MONTH, chain_availability
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.recommendation import Recommendation
from arbiter.planning.use_case import Assumptions, UseCase
from arbiter.planning.wording import availability
from arbiter.planning.workloads import latency_limit_s
from arbiter.vocabulary import ResiliencePattern

BREAKER_FAILURES = 5
"""Failures in a row after which the breaker of a model opens, as in serving."""

HEDGE_LEVEL = 0.95
"""A second call is sent for those answers that take longer than this share of them."""

PROBES_PER_HOUR = 6.0
"""Requests by which a standby is known to be up."""

ALWAYS_BUSY_PER_S = 1.0
"""Peak requests per second from which one slow use case may take the others' connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern on one use case.

    Attributes
    ----------
    pattern : which.
    chosen, why : whether it is needed, by which arithmetic.
    extra_usd_per_month : what it adds to the spend.
    """

    pattern: ResiliencePattern
    chosen: bool
    why: str
    extra_usd_per_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A simulated outage of a vendor at the busiest hours of the week.

    Attributes
    ----------
    vendor, hours : who is out, for how long.
    requests : that come in the meantime.
    lost : of them, those that nobody answers, with the chain; and ``lost_alone`` with the primary alone.
    blind_s : how long requests wait in vain until the breaker opens; 0 where the primary is not concerned.
    serves : who answers instead; None where nobody does.
    extra_usd : what that costs more, below 0 less.
    quality_change : expected quality of who answers, less that of the primary.
    """

    vendor: str
    hours: float
    requests: float
    lost: float
    lost_alone: float
    blind_s: float
    serves: str | None
    extra_usd: float
    quality_change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """How a use case stays up.

    Attributes
    ----------
    use_case : its name.
    alone, chain, wanted : availability of the primary alone, of the chain, and what is asked for.
    minutes_down : expected minutes a month in which the chain does not answer.
    patterns, outages : all eight patterns; an outage per vendor of the chain.
    """

    use_case: str
    alone: float
    chain: float
    wanted: float
    minutes_down: float
    patterns: tuple[Pattern, ...]
    outages: tuple[Outage, ...]

    @property
    def reached(self) -> bool:
        """Whether the chain is as available as asked for."""
        return self.chain >= self.wanted


def resilience(
    case: UseCase,
    made: Recommendation,
    expected: Sequence[ModelOutlook],
    usd_per_month: float,
    assumptions: Assumptions,
) -> Resilience:
    """Say how a use case stays up.

    Parameters
    ----------
    case, made : the use case and its recommendation.
    expected : outlooks of all models.
    usd_per_month : what it costs in a mean month.
    assumptions : common cause, transient failures, length of an outage.
    """
    by_name = {outlook.candidate.name: outlook for outlook in expected}
    chain = [by_name[name] for name in made.chain]
    alone = chain[0].candidate.sla_availability
    vendors = list(dict.fromkeys(outlook.candidate.provider for outlook in chain))
    return Resilience(
        use_case=case.name,
        alone=alone,
        chain=made.availability,
        wanted=made.wanted_availability,
        minutes_down=(1.0 - made.availability) * HOURS_PER_MONTH * 60.0,
        patterns=_patterns(case, made, chain, usd_per_month, assumptions),
        outages=tuple(_outage(case, chain, vendor, assumptions) for vendor in vendors),
    )


def _patterns(
    case: UseCase,
    made: Recommendation,
    chain: Sequence[ModelOutlook],
    usd_per_month: float,
    assumptions: Assumptions,
) -> tuple[Pattern, ...]:
    primary, wanted = chain[0], made.wanted_availability
    return (
        *_redundancy(chain, wanted, usd_per_month, assumptions),
        *_guards(case, chain),
        _retry(primary, usd_per_month, assumptions),
        _fallback(chain, made, usd_per_month),
        _hedge(case, chain, usd_per_month),
    )


def _redundancy(
    chain: Sequence[ModelOutlook], wanted: float, usd_per_month: float, assumptions: Assumptions
) -> tuple[Pattern, Pattern]:
    """Weigh a standby, and a pair that shares the load: both need another vendor, whose outages they guard against."""
    first = chain[0].candidate
    other = next((o for o in chain[1:] if o.candidate.provider != first.provider), None)
    if other is None:
        none = "the chain has no model of another vendor"
        return (
            Pattern(pattern=ResiliencePattern.ACTIVE_PASSIVE, chosen=False, why=none, extra_usd_per_month=0.0),
            Pattern(pattern=ResiliencePattern.ACTIVE_ACTIVE, chosen=False, why=none, extra_usd_per_month=0.0),
        )
    pair = chain_availability([first, other.candidate], assumptions.common_cause)
    needed = first.sla_availability < wanted
    price = _ratio(other, chain[0]) - 1.0
    both = f"{availability(first.sla_availability)} alone, {availability(pair)} with {other.candidate.name}; "
    both += f"{availability(wanted)} wanted"
    probes = HOURS_PER_MONTH * PROBES_PER_HOUR * _usd(other)
    tight = needed and wanted >= 0.9999
    return (
        Pattern(
            pattern=ResiliencePattern.ACTIVE_PASSIVE,
            chosen=needed and not tight,
            why=both,
            extra_usd_per_month=probes,
        ),
        Pattern(
            pattern=ResiliencePattern.ACTIVE_ACTIVE,
            chosen=tight,
            why=f"{both}; half of the load on each, so that no switch loses requests",
            extra_usd_per_month=0.5 * usd_per_month * price,
        ),
    )


def _guards(case: UseCase, chain: Sequence[ModelOutlook]) -> tuple[Pattern, Pattern, Pattern]:
    """Give timeout, breaker and bulkhead, which cost nothing but work."""
    limit, primary = latency_limit_s(case), chain[0]
    timeout = limit if limit is not None else 2.0 * max(primary.candidate.latency_p99_s or 0.0, primary.latency_s)
    peak = float(case.volume.loads().max()) / 3600.0
    followed = len(chain) > 1
    opens = f"at {peak:.2g} requests a second, {BREAKER_FAILURES} failures open it within "
    opens += f"{BREAKER_FAILURES / peak + timeout:,.0f} s"
    return (
        Pattern(
            pattern=ResiliencePattern.TIMEOUT,
            chosen=True,
            why=f"give up on a call after {timeout:.3g} s" + ("" if limit is None else ", the latency limit"),
            extra_usd_per_month=0.0,
        ),
        Pattern(
            pattern=ResiliencePattern.CIRCUIT_BREAKER,
            chosen=followed,
            why=opens if followed else "nobody follows the primary",
            extra_usd_per_month=0.0,
        ),
        Pattern(
            pattern=ResiliencePattern.BULKHEAD,
            chosen=peak >= ALWAYS_BUSY_PER_S and peak * primary.latency_median_s >= 1.0,
            why=f"{peak * primary.latency_median_s:.1f} calls at once in the busiest hour (Little, 1961)",
            extra_usd_per_month=0.0,
        ),
    )


def _retry(primary: ModelOutlook, usd_per_month: float, assumptions: Assumptions) -> Pattern:
    failing = 1.0 - primary.candidate.reliability
    cured = failing * assumptions.transient
    return Pattern(
        pattern=ResiliencePattern.RETRY_BACKOFF,
        chosen=cured >= 0.001,
        why=f"{failing:.2%} of the calls fail, {failing - cured:.2%} after one retry",
        extra_usd_per_month=usd_per_month * cured,
    )


def _fallback(chain: Sequence[ModelOutlook], made: Recommendation, usd_per_month: float) -> Pattern:
    if len(chain) == 1:
        return Pattern(
            pattern=ResiliencePattern.FALLBACK, chosen=False, why="no other model may serve", extra_usd_per_month=0.0
        )
    moved = 1.0 - chain[0].candidate.sla_availability
    return Pattern(
        pattern=ResiliencePattern.FALLBACK,
        chosen=True,
        why=f"{moved:.3%} of the requests go on to {made.fallbacks[0]}",
        extra_usd_per_month=usd_per_month * moved * (_ratio(chain[1], chain[0]) - 1.0),
    )


def _hedge(case: UseCase, chain: Sequence[ModelOutlook], usd_per_month: float) -> Pattern:
    """Weigh a second call for the slowest answers (Dean and Barroso, 2013): it pays where the tail breaks the limit."""
    limit = case.limits.max_latency_s
    late = limit is not None and chain[0].latency_s > limit
    share = 1.0 - HEDGE_LEVEL
    second = chain[1] if len(chain) > 1 else chain[0]
    why = "the latency limit is kept without" if limit is not None else "no latency limit is named"
    if late:
        level = f"{case.limits.latency_quantile:.0%}"
        why = f"{level} of the answers take up to {chain[0].latency_s:.3g} s, {limit:g} wanted"
    return Pattern(
        pattern=ResiliencePattern.HEDGE,
        chosen=late,
        why=why,
        extra_usd_per_month=usd_per_month * share * _ratio(second, chain[0]),
    )


def _outage(case: UseCase, chain: Sequence[ModelOutlook], vendor: str, assumptions: Assumptions) -> Outage:
    """Take a vendor down over the busiest hours of the week and count."""
    requests = _busiest(case, assumptions.outage_hours)
    primary = chain[0]
    hit = primary.candidate.provider == vendor
    left = [outlook for outlook in chain if outlook.candidate.provider != vendor]
    serving = left[0] if left else None
    up = chain_availability([outlook.candidate for outlook in left], assumptions.common_cause) if left else 0.0
    lost_alone = requests if hit else requests * (1.0 - primary.candidate.sla_availability)
    blind = min(BREAKER_FAILURES / (requests / (assumptions.outage_hours * 3600.0)), assumptions.outage_hours * 3600.0)
    served = requests * up
    return Outage(
        vendor=vendor,
        hours=assumptions.outage_hours,
        requests=requests,
        lost=requests - served,
        lost_alone=lost_alone,
        blind_s=blind if hit and serving is not None else 0.0,
        serves=None if serving is None else serving.candidate.name,
        extra_usd=served * (_usd(serving) - _usd(primary)) if hit and serving is not None else 0.0,
        quality_change=serving.quality - primary.quality if serving is not None else -primary.quality,
    )


def _busiest(case: UseCase, hours: float) -> float:
    """Give the requests of the busiest hours in a row, the last of them in part; a week goes round."""
    loads = case.volume.loads()
    whole, part = int(hours), hours - int(hours)
    weights = np.concatenate([np.ones(whole), [part]])
    around = np.concatenate([loads, loads])
    return max(float(weights @ around[start : start + weights.size]) for start in range(loads.size))


def _usd(outlook: ModelOutlook) -> float:
    return 0.0 if outlook.cost is None else outlook.cost.mean_usd


def _ratio(one: ModelOutlook, other: ModelOutlook) -> float:
    return _usd(one) / _usd(other) if _usd(other) > 0 else 1.0
