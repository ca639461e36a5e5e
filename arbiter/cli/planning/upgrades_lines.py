"""What `arbiter plan upgrades` says to people."""

from arbiter.cli.planning.table import rows
from arbiter.planning import Plan, UseCase
from arbiter.planning.upgrades import Upgrade
from arbiter.planning.wording import usd

HEAD = ("use case", "now", "candidate", "quality", "$ a month", "work", "net over the plan", "urgency")


def lines(plan: Plan) -> list[str]:
    """Say what should be replaced, by what, and when."""
    known = {each.use_case for each in plan.upgrades}
    silent = [case for case in plan.spec.use_cases if case.name not in known]
    said = rows(HEAD, map(_cells, plan.upgrades), indent="") if plan.upgrades else []
    said += [f"{case.name}: {_why_silent(case)}" for case in silent]
    if plan.roadmap:
        said += ["", "roadmap"]
        said += [
            f"  {each.due or 'any time'}  {each.use_case}: {each.incumbent} > {each.candidate} ({each.urgency}: "
            f"{each.reason})"
            for each in plan.roadmap
        ]
    if any(not each.quality_valued for each in plan.upgrades):
        said += ["", "net benefit counts money alone where usd_per_good_answer is not set"]
    return said


def _why_silent(case: UseCase) -> str:
    if case.incumbent is None:
        return "no incumbent is named, and its model does not retire: nothing to upgrade"
    return f"nothing but {case.incumbent} keeps its limits"


def _cells(each: Upgrade) -> tuple[str, ...]:
    sign = "+" if each.usd_per_month_change >= 0 else ""
    return (
        each.use_case,
        each.incumbent,
        each.candidate,
        f"{each.quality_gain:+.2f}+-{each.quality_gain_se:.2f}",
        f"{sign}{usd(each.usd_per_month_change)}",
        f"{each.migration_days:g} d",
        f"{usd(each.net_benefit)} [{usd(each.net_low)}, {usd(each.net_high)}]",
        each.urgency,
    )
