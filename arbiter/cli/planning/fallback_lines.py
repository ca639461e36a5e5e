"""What `arbiter plan fallback` says to people."""

from arbiter.cli.planning.table import rows
from arbiter.planning import Recommendation
from arbiter.planning.resilience import Outage, Resilience
from arbiter.planning.wording import availability, change, usd


def lines(made: Recommendation, found: Resilience) -> list[str]:
    """Say how a use case stays up."""
    met = "reached" if found.reached else "NOT reached"
    down = f"{found.minutes_down:.2g} minutes down a month on the vendors' side"
    said = [
        f"{made.use_case}: {' > '.join(made.chain)}",
        f"  available {availability(found.chain)}, {down}; alone {availability(found.alone)}; "
        f"{availability(found.wanted)} wanted: {met}",
    ]
    said += rows(
        ("pattern", "adds $", ""),
        [
            (f"{'*' if p.chosen else ' '} {p.pattern}", usd(p.extra_usd_per_month), p.why)
            for p in sorted(found.patterns, key=lambda p: not p.chosen)
        ],
    )
    return said + [f"  {_outage(each)}" for each in found.outages]


def _outage(each: Outage) -> str:
    head = f"{each.vendor} out for {each.hours:g} h at the busiest time: {each.requests:,.0f} requests"
    if each.serves is None:
        return f"{head}, nobody answers them"
    said = f"{head}, {each.lost:,.1f} lost ({each.lost_alone:,.0f} without fallback)"
    if each.blind_s:
        said += f"; {each.serves} serves after {each.blind_s:,.0f} s of late answers, {change(each.extra_usd)}, "
        said += f"quality {each.quality_change:+.2f}"
    return said
