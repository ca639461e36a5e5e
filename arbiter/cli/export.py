"""`arbiter export`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import HeldLedger, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.workshop import workshop
from arbiter.config import Mark


def export(
    ledger: HeldLedger,
    out: Annotated[Path, typer.Option("-o", "--out", help="Traffic table: .parquet, .jsonl, .jsonl.gz or .csv.")],
    routed_only: Annotated[
        bool, typer.Option(help="Leave out calls that arbiter only saw: without propensities, no evaluation.")
    ] = False,
    reward: Annotated[
        str | None,
        typer.Option(
            help="FILE.py:NAME of your own reward, in the place of the feedback's quality; see docs/feedback.md."
        ),
        Mark.PLACE_OR_NAME,
    ] = None,
    as_json: Json = False,
) -> None:
    """Write what was served, with its propensities, as a traffic table: for `arbiter train` and `arbiter evaluate`."""
    from arbiter.judgements import FeedbackRules
    from arbiter.ledger import open_ledger
    from arbiter.own_code import OwnCode, own_object
    from arbiter.serving_log import serving_log

    traffic = workshop("traffic")
    traffic.require_format(out)
    rules = FeedbackRules(reward=own_object(reward)) if reward else FeedbackRules()
    with open_ledger(ledger, must_exist=True) as opened, OwnCode(reward or "the feedback's quality"):
        log = serving_log(opened, rules, routed_only=routed_only)
    table = traffic.traffic_from_records(log.rows, ledger)
    traffic.write_traffic(table, out)
    judged = sum("quality" in row for row in log.rows)
    if as_json:
        show_json({"out": out, "requests": len(log.rows), "judged": judged, "texts": log.texts, "note": log.limits()})
        return
    show([f"{out}: {len(log.rows)} requests, {judged} judged"])
    if log.limits() is not None:
        print(f"arbiter: {log.limits()}", file=sys.stderr)
