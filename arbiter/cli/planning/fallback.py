"""`arbiter plan fallback`."""

from typing import TYPE_CHECKING

from arbiter.cli.planning.reading import Said, reading

if TYPE_CHECKING:
    from arbiter.planning import Plan


@reading
def fallback(plan: "Plan") -> Said:
    """Say who follows whom, how available the chains are, which patterns they need, and what an outage would do."""
    from dataclasses import asdict

    from arbiter.cli.planning.fallback_lines import lines

    pairs = list(zip(plan.recommendations, plan.resilience, strict=True))
    return Said(
        lines=[line for made, found in pairs for line in (*lines(made, found), "")],
        values=[{"chain": made.chain, **asdict(found), "reached": found.reached} for made, found in pairs],
    )
