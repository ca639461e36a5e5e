"""`arbiter plan compare`."""

from typing import TYPE_CHECKING

from arbiter.cli.planning.reading import Said, reading

if TYPE_CHECKING:
    from arbiter.planning import Plan


@reading
def compare(plan: "Plan") -> Said:
    """Hold every model of the catalog against every use case: quality, cost, latency, and the limits it misses."""
    from arbiter.cli.planning.compare_lines import lines

    made = plan.recommendations
    return Said(
        lines=[line for each in made for line in (*lines(each), "")],
        values={each.use_case: each.candidates for each in made},
    )
