"""What `arbiter plan vendors` says to people."""

from arbiter.cli.planning.table import rows
from arbiter.planning.vendors import Alternative, VendorReview
from arbiter.planning.wording import change, usd


def lines(found: VendorReview) -> list[str]:
    """Say how much hangs on whom."""
    said = rows(
        ("vendor", "$ a month", "share", "risk", "vendors wanted", "review"),
        [
            (v.vendor, usd(v.usd_per_month), f"{v.share:.1%}", v.risk, str(v.wanted_vendors), v.review.isoformat())
            for v in found.vendors
        ],
        indent="",
    )
    said.append(
        f"Herfindahl {found.herfindahl:.3f}, as {found.effective_vendors:.1f} equal vendors"
        + ("; over-concentrated: one vendor gets more than 70 %" if found.over_concentrated else "")
    )
    said.append(f"wanted: {found.wanted_vendors} vendors with a share of their own; used: {found.used_vendors}")
    if found.fallback_vendors:
        said.append(f"called only where others fail: {', '.join(found.fallback_vendors)}")
    others = [f"  {_alternative(each)}" for each in found.alternatives]
    return [*said, "", "at another vendor, keeping the same limits", *others]


def _alternative(each: Alternative) -> str:
    head = f"{each.use_case}: {each.primary} ({each.vendor})"
    if each.model is None:
        return f"{head} > nobody: no model of another vendor keeps the limits"
    moved = f"{change(each.usd_per_month_change)} a month, quality {each.quality_change:+.3f}"
    return f"{head} > {each.model} ({each.other_vendor}): {moved}"
