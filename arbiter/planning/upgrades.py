"""Which incumbents should be replaced, by what, how soon, and whether it pays."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from arbiter.constraints import USABLE
from arbiter.planning.dated_prices import cost_over_plan, requests_over_plan
from arbiter.planning.eligibility import Standing
from arbiter.planning.money import BAND_Z, Money
from arbiter.planning.months import plan_months
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.recommendation import Recommendation
from arbiter.planning.use_case import PlanSpec, UseCase
from arbiter.records import Candidate
from arbiter.vocabulary import Urgency

SAME_FAMILY_DAYS, SAME_VENDOR_DAYS, OTHER_VENDOR_DAYS = 2.0, 4.0, 8.0
"""Days of an engineer to move: prompts tested again; rewritten; and contract, keys and limits besides. Assumptions."""

MOST_CANDIDATES = 3

IMPORTANT_DAYS, RECOMMENDED_DAYS = 30, 90
"""A model that goes within a month is important to replace, one that goes within a quarter recommended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """One candidate held against one incumbent on one use case.

    Attributes
    ----------
    use_case, incumbent, candidate : who would replace whom.
    urgency, reason : how soon, and why.
    due : day by which it should be done; None where there is no hurry.
    retires : the incumbent's deprecation date, ISO; None where none is known.
    quality_gain, quality_gain_se : in points.
    usd_per_month_change : of the spend in a mean month of the plan, at its prices; below 0 is saved.
    migration_days, migration_usd : effort.
    net_benefit : over the plan: money saved, and quality where it is valued, less the effort; its mean and 80 % band.
    net_low, net_high : ends of the band.
    quality_valued : whether quality counts in it.
    """

    use_case: str
    incumbent: str
    candidate: str
    urgency: Urgency
    reason: str
    due: datetime.date | None
    retires: str | None
    quality_gain: float
    quality_gain_se: float
    usd_per_month_change: float
    migration_days: float
    migration_usd: float
    net_benefit: float
    net_low: float
    net_high: float
    quality_valued: bool


def upgrades(
    case: UseCase, made: Recommendation, found: Standing, expected: Sequence[ModelOutlook], spec: PlanSpec
) -> tuple[Upgrade, ...]:
    """Hold the best three candidates against the incumbent, the one of the greatest utility first.

    The incumbent is the one that the file names. Where it names none, the recommended primary is one if it retires
    within the plan; else there is nothing to upgrade.

    Parameters
    ----------
    case, made, found, expected : the use case, its recommendation, what stands in its way, and the outlooks.
    spec : months, price changes and the price of an engineer's day.
    """
    by_name = {outlook.candidate.name: outlook for outlook in expected}
    retires = by_name[made.primary].candidate.deprecation_date
    leaves = retires is not None and retires <= plan_months(spec)[-1].end.isoformat()
    old = by_name.get(case.incumbent or (made.primary if leaves else ""))
    if old is None or old.cost is None:
        return ()
    given_up = tuple(relaxed.limit for relaxed in made.relaxed)
    rivals = [name for name in found.keeping(given_up) if name != old.candidate.name]
    return tuple(_held_against(case, made, (old, by_name[name]), spec) for name in rivals[:MOST_CANDIDATES])


def _held_against(
    case: UseCase, made: Recommendation, pair: tuple[ModelOutlook, ModelOutlook], spec: PlanSpec
) -> Upgrade:
    old, new = pair
    net = _net_benefit(case, old, new, spec)
    urgency, reason, due = _urgency(case, old.candidate, net, made, spec)
    saved = cost_over_plan(case, old, spec) - cost_over_plan(case, new, spec)
    days = migration_days(old.candidate, new.candidate)
    return Upgrade(
        use_case=case.name,
        incumbent=old.candidate.name,
        candidate=new.candidate.name,
        urgency=urgency,
        reason=reason,
        due=due,
        retires=old.candidate.deprecation_date,
        quality_gain=new.quality - old.quality,
        quality_gain_se=(new.quality_se**2 + old.quality_se**2) ** 0.5,
        usd_per_month_change=-saved / spec.months,
        migration_days=days,
        migration_usd=days * spec.assumptions.engineer_day_usd,
        net_benefit=net.mean,
        net_low=net.mean - BAND_Z * net.sd,
        net_high=net.mean + BAND_Z * net.sd,
        quality_valued=case.usd_per_good_answer is not None,
    )


def migration_days(old: Candidate, new: Candidate) -> float:
    """Give the days of an engineer that a move takes."""
    if old.provider != new.provider:
        return OTHER_VENDOR_DAYS
    return SAME_FAMILY_DAYS if old.family and old.family == new.family else SAME_VENDOR_DAYS


def _net_benefit(case: UseCase, old: ModelOutlook, new: ModelOutlook, spec: PlanSpec) -> Money:
    """Give C_old - C_new + N w (q_new - q_old) - effort, normal by the delta method (Oehlert, 1992).

    C is the cost of all requests over the plan, at each month's prices, and N their number. The errors of the two
    costs, the two qualities and the volume are taken as independent. Where the tokens were declared both models are
    priced on the same ones: their error is one, and only the difference of the costs has it.
    """
    assert old.cost is not None and new.cost is not None, "a model without a cost is barred"
    costs = cost_over_plan(case, old, spec), cost_over_plan(case, new, spec)
    worth = requests_over_plan(case, spec) * (case.usd_per_good_answer or 0.0)
    saved, gained = costs[0] - costs[1], worth * (new.quality - old.quality)
    if old.cost.known or new.cost.known:
        cost_var = (costs[0] * old.cost.log_sd) ** 2 + (costs[1] * new.cost.log_sd) ** 2
    else:
        cost_var = (saved * new.cost.log_sd) ** 2
    quality_var = worth**2 * (old.quality_se**2 + new.quality_se**2)
    common = (cost_var + quality_var + ((saved + gained) * case.volume.error) ** 2) ** 0.5
    effort = migration_days(old.candidate, new.candidate) * spec.assumptions.engineer_day_usd
    return Money(mean=saved + gained - effort, common_sd=common)


def _urgency(
    case: UseCase, old: Candidate, net: Money, made: Recommendation, spec: PlanSpec
) -> tuple[Urgency, str, datetime.date | None]:
    goes = None if old.deprecation_date is None else datetime.date.fromisoformat(old.deprecation_date)
    if old.status not in USABLE or (goes is not None and goes <= spec.start):
        return Urgency.CRITICAL, f"{old.name} is {'retired' if goes is not None else old.status}", spec.start
    if goes is not None and (goes - spec.start).days <= IMPORTANT_DAYS:
        return Urgency.IMPORTANT, f"{old.name} is retired on {goes}, within a month", goes
    if goes is not None and (goes - spec.start).days <= RECOMMENDED_DAYS:
        return Urgency.RECOMMENDED, f"{old.name} is retired on {goes}, within a quarter", goes
    if case.incumbent is not None and case.incumbent != made.primary and _missed(case, made):
        return Urgency.IMPORTANT, f"{old.name} does not keep: {_missed(case, made)[0]}", _after(spec, IMPORTANT_DAYS)
    if net.mean - BAND_Z * net.sd > 0.0:
        return Urgency.RECOMMENDED, "it pays at the low end of its band", _after(spec, RECOMMENDED_DAYS)
    if net.mean > 0.0:
        return Urgency.OPTIONAL, "it pays in the mean, not at the low end of its band", None
    return Urgency.NOT_NEEDED, "it does not pay over the plan", None


def _missed(case: UseCase, made: Recommendation) -> tuple[str, ...]:
    return next((row.missed for row in made.candidates if row.model == case.incumbent), ())


def _after(spec: PlanSpec, days: int) -> datetime.date:
    return spec.start + datetime.timedelta(days=days)


def roadmap(found: Sequence[Upgrade]) -> tuple[Upgrade, ...]:
    """Order what is to be done by its day, then by net benefit: of each use case its first candidate, where needed."""
    first: dict[str, Upgrade] = {}
    for each in found:
        first.setdefault(each.use_case, each)
    wanted = [each for each in first.values() if each.urgency > Urgency.NOT_NEEDED]
    return tuple(sorted(wanted, key=lambda u: (u.due or datetime.date.max, -u.net_benefit, u.use_case)))
