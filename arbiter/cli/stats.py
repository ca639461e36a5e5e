"""`arbiter stats`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.output import show, show_json
from arbiter.cli.route import Json


def stats(
    ledger: Annotated[Path, typer.Option(envvar="ARBITER_LEDGER", help="The ledger.")],
    as_json: Json = False,
) -> None:
    """Count what a ledger holds, by kind and model."""
    from arbiter.errors import LedgerError
    from arbiter.ledger import SqliteLedger

    if not ledger.is_file():
        raise LedgerError(f"{ledger} does not exist; name the ledger that `arbiter route --ledger` wrote")
    with SqliteLedger(ledger) as opened:
        counts = opened.counts()
    if as_json:
        show_json([{"kind": c.kind, "model": c.model, "events": c.events} for c in counts])
    else:
        show(f"{c.events:>8}  {c.kind:<9} {c.model}" for c in counts)
