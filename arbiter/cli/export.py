"""`arbiter export`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import HeldLedger, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.workshop import workshop


def export(
    ledger: HeldLedger,
    out: Annotated[Path, typer.Option("-o", "--out", help="Traffic table: .parquet, .jsonl, .jsonl.gz or .csv.")],
    routed_only: Annotated[
        bool, typer.Option(help="Leave out calls that arbiter only saw: without propensities, no evaluation.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write what was served, with its propensities, as a traffic table: for `arbiter train` and `arbiter evaluate`."""
    from arbiter.ledger import open_ledger
    from arbiter.serving_log import serving_log

    traffic = workshop("traffic")
    traffic.require_format(out)
    with open_ledger(ledger, must_exist=True) as opened:
        log = serving_log(opened, routed_only=routed_only)
    table = traffic.traffic_from_records(log.rows, ledger)
    traffic.write_traffic(table, out)
    judged = sum("quality" in row for row in log.rows)
    if as_json:
        show_json({"out": out, "requests": len(log.rows), "judged": judged, "texts": log.texts, "note": log.limits()})
        return
    show([f"{out}: {len(log.rows)} requests, {judged} judged"])
    if log.limits() is not None:
        print(f"arbiter: {log.limits()}", file=sys.stderr)
