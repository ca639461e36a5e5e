"""`arbiter plan vendors`."""

from typing import TYPE_CHECKING

from arbiter.cli.planning.reading import Said, reading

if TYPE_CHECKING:
    from arbiter.planning import Plan


@reading
def vendors(plan: "Plan") -> Said:
    """Say how much hangs on each vendor, who could take over at the same limits, and when to look again."""
    from arbiter.cli.planning.vendors_lines import lines
    from arbiter.planning.saved import plan_to_dict

    return Said(lines=lines(plan.vendors), values=plan_to_dict(plan)["vendors"])
