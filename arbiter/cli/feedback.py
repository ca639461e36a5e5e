"""`arbiter feedback`."""

import time
from typing import Annotated

import typer

from arbiter.cli.options import HeldLedger, Json
from arbiter.cli.output import show, show_json


def feedback(
    decision_id: Annotated[str, typer.Argument(help="The id that `arbiter route` printed.")],
    ledger: HeldLedger,
    quality: Annotated[float, typer.Option(help="How good the answer was, in [0, 1].")],
    source: Annotated[str, typer.Option(help="human, judge, implicit or code.")] = "human",
    as_json: Json = False,
) -> None:
    """Record a judgement of a decision's answer; routers that open the ledger learn from it."""
    from arbiter.feedback_details import read_feedback
    from arbiter.ledger import Event, open_ledger

    judgement = read_feedback(decision_id, quality, {"source": source})
    with open_ledger(ledger, must_exist=True) as opened:
        opened.append(Event(record=judgement, timestamp=time.time()))
    if as_json:
        show_json({"decision_id": decision_id, "quality": quality, "source": source})
    else:
        show([f"recorded: {decision_id} quality {quality} ({source})"])
