"""What `arbiter plan strategy` says to people."""

from arbiter.planning import Plan, Recommendation
from arbiter.planning.decisions import decisions
from arbiter.planning.wording import availability, band, usd


def lines(plan: Plan) -> list[str]:
    """Say the strategy to people."""
    whole = plan.projection
    cases = len(plan.recommendations)
    said = [f"{plan.name}: {plan.months} months from {plan.start}, {cases} use case{'s' if cases != 1 else ''}", ""]
    for made in plan.recommendations:
        said += [*_use_case(made, band(whole.of(made.use_case).total(), plan.months)), ""]
    first = plan.vendors.vendors[0]
    said += [
        f"cost      {band(whole.total(), plan.months)} a month, {band(whole.total())} in all (80 % band)",
        f"savings   {usd(sum(s.combined * s.usd_per_month for s in plan.savings))} a month, of which "
        f"{usd(sum(s.evidenced * s.usd_per_month for s in plan.savings))} measured or declared (arbiter plan cost)",
        f"vendors   {first.vendor} gets {first.share:.0%}: risk {first.risk}, next review {first.review}",
        f"upgrades  {len(plan.roadmap)} due"
        + "".join(f"; {u.use_case}: {u.incumbent} > {u.candidate}, {u.urgency}" for u in plan.roadmap[:3]),
    ]
    said += [f"decide    {sentence}" for sentence in decisions(plan)]
    return [*said, *(f"note: {note}" for note in plan.notes)]


def _use_case(made: Recommendation, cost: str) -> list[str]:
    served = made.primary if made.policy is None else f"routing by {made.policy} (single: {made.primary})"
    said = [
        made.use_case,
        f"  serve     {served}; then {', '.join(made.fallbacks) or 'nobody'}",
        f"  cost      {cost} a month",
        f"  sure      {made.confidence_level} ({made.confidence:.2f}); "
        f"available {availability(made.availability)}, {availability(made.wanted_availability)} wanted",
    ]
    said += [
        f"  gap       {gap.capability}: {gap.severity}, {gap.action} ({', '.join(gap.models)})" for gap in made.gaps
    ]
    for each in made.relaxed:
        said.append(f"  relaxed   {each.limit}: wanted {each.wanted}, got {each.got}")
        said += [f"            to keep it: {way}" for way in each.to_keep]
    return said + [f"  because   {sentence}" for sentence in made.rationale]
