"""`arbiter stats`."""

from arbiter.cli.options import HeldLedger, Json, require_ledger
from arbiter.cli.output import show, show_json


def stats(ledger: HeldLedger, as_json: Json = False) -> None:
    """Count what a ledger holds, by kind and model."""
    from arbiter.ledger import SqliteLedger

    require_ledger(ledger)
    with SqliteLedger(ledger) as opened:
        counts = opened.counts()
    if as_json:
        show_json([{"kind": c.kind, "model": c.model, "events": c.events} for c in counts])
    else:
        show(f"{c.events:>8}  {c.kind:<9} {c.model}" for c in counts)
