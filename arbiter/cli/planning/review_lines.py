"""What `arbiter plan review` says to people."""

from collections.abc import Sequence

from arbiter.cli.planning.table import rows
from arbiter.planning.review import Review, ReviewRow
from arbiter.planning.wording import usd

HEAD = ("planned $", "10 %", "90 %", "spent $", "by requests", "by cost each", "")


def lines(found: Review) -> list[str]:
    """Say whether the spend was in its band, and what moved it."""
    whole = found.rows[0]
    where = "inside" if whole.inside else "above" if whole.actual_usd > whole.high_usd else "below"
    head = f"{found.plan} of {found.made}, {found.start} to {found.end}: {usd(whole.actual_usd)} spent, "
    head += f"{usd(whole.planned_usd)} planned: {where} the band"
    said = [head, *_table("model", found.rows, whole)]
    if found.use_cases:
        said += ["", *_table("use case", found.use_cases, whole)]
    return [*said, *(f"note: {note}" for note in found.notes)]


def _table(title: str, body: Sequence[ReviewRow], whole: ReviewRow) -> list[str]:
    return rows((title, *HEAD), [_cells(row, whole) for row in body], indent="")


def _cells(row: ReviewRow, whole: ReviewRow) -> tuple[str, ...]:
    amounts = (row.planned_usd, row.low_usd, row.high_usd, row.actual_usd, row.by_requests, row.by_price)
    verdict = "in its band" if row.inside else "above" if row.actual_usd > row.high_usd else "below"
    verdict = verdict if row.matters(whole) else "too little to tell"
    return (row.name, *map(usd, amounts), verdict)
