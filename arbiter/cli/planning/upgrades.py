"""`arbiter plan upgrades`."""

from typing import TYPE_CHECKING

from arbiter.cli.planning.reading import Said, reading

if TYPE_CHECKING:
    from arbiter.planning import Plan


@reading
def upgrades(plan: "Plan") -> Said:
    """Hold candidates against the incumbents: quality, cost, retirement, net benefit; and a roadmap by date."""
    from arbiter.cli.planning.upgrades_lines import lines
    from arbiter.planning.saved import plan_to_dict

    values = plan_to_dict(plan)
    return Said(lines=lines(plan), values={name: values[name] for name in ("upgrades", "roadmap")})
