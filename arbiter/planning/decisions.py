"""What a plan leaves to people to decide, the most pressing first."""

from collections.abc import Iterator

from arbiter.planning.plan import Plan
from arbiter.planning.vendors import LEAST_SHARE
from arbiter.planning.wording import availability, usd
from arbiter.vocabulary import Urgency


def decisions(plan: Plan) -> list[str]:
    """Give a sentence each: retirements, limits that give way, chains that fall short, vendors, cheaper rivals."""
    return [*_upgrades(plan), *_limits(plan), *_chains(plan), *_vendors(plan), *_rivals(plan)]


def _upgrades(plan: Plan) -> Iterator[str]:
    for each in plan.roadmap:
        if each.urgency >= Urgency.RECOMMENDED:
            yield f"by {each.due}, move {each.use_case} from {each.incumbent} to {each.candidate}: {each.reason}"


def _limits(plan: Plan) -> Iterator[str]:
    for made in plan.recommendations:
        for each in made.relaxed:
            way = min(each.to_keep, key=lambda text: text.count(" and "))  # the one that changes the fewest limits
            yield f"accept for {made.use_case} that {each.limit} is {each.got}, {each.wanted} wanted; or {way}"


def _chains(plan: Plan) -> Iterator[str]:
    named = {
        made.use_case for made in plan.recommendations for each in made.relaxed if each.limit == "min_availability"
    }
    for found in plan.resilience:
        if not found.reached and found.use_case not in named:
            yield (
                f"accept for {found.use_case} that it is available {availability(found.chain)}, "
                f"{availability(found.wanted)} wanted; or let a model of another vendor follow"
            )


def _vendors(plan: Plan) -> Iterator[str]:
    first = plan.vendors.vendors[0]
    if plan.vendors.over_concentrated:
        yield (
            f"accept that {first.vendor} gets {first.share:.0%} of the spend until {first.review}, or move a part of "
            f"it: {plan.vendors.wanted_vendors} vendors are wanted, {plan.vendors.used_vendors} used"
        )


def _rivals(plan: Plan) -> Iterator[str]:
    """Name the cheaper models that are not known to be worse, by what they would save; pennies are left out."""
    whole = plan.projection.total().mean
    found = [
        (made.cheaper_by * plan.projection.of(made.use_case).total().mean, made)
        for made in plan.recommendations
        if made.policy is None
    ]
    for saved, made in sorted(found, key=lambda each: -each[0]):
        if made.cheaper is not None and saved >= LEAST_SHARE * whole:
            yield (
                f"judge answers of {made.cheaper.model} and {made.primary} for {made.use_case}: it is not known which "
                f"are better, and the former cost {usd(saved / plan.months)} a month less"
            )
