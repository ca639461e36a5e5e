"""`arbiter stats`."""

from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import HeldLedger, Json
from arbiter.cli.output import show, show_json

if TYPE_CHECKING:
    from arbiter.metrics import StrategyMetrics


def stats(
    ledger: HeldLedger,
    strategies: Annotated[bool, typer.Option(help="By strategy instead.")] = False,
    as_json: Json = False,
) -> None:
    """Count what a ledger holds, by kind and model; or what was decided under each strategy."""
    from arbiter.ledger import open_ledger
    from arbiter.metrics import measure

    with open_ledger(ledger, must_exist=True) as opened:
        if strategies:
            return _show_strategies(list(measure(opened).strategies), as_json)
        counts = opened.counts()
    if as_json:
        show_json([{"kind": c.kind, "model": c.model, "events": c.events} for c in counts])
    else:
        show(f"{c.events:>8}  {c.kind:<9} {c.model}" for c in counts)


def _show_strategies(rows: "list[StrategyMetrics]", as_json: bool) -> None:
    if as_json:
        show_json(rows)
        return
    head = f"{'strategy':<20} {'decisions':>9} {'judged':>7} {'quality':>8} {'expected $':>11}"
    show([f"{head} {'reviews':>8} {'degraded':>9}"])
    for row in rows:
        quality = "-" if row.quality is None else f"{row.quality:.3f}"
        show(
            [
                f"{row.strategy:<20} {row.decisions:>9} {row.judged:>7} {quality:>8} {row.expected_cost_usd:>11.3g} "
                f"{row.reviews:>8} {row.degraded:>9}"
            ]
        )
