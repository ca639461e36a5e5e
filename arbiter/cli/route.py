"""`arbiter route` and `arbiter feedback`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from arbiter.cli.output import show, show_json

Bundle = Annotated[
    str | None, typer.Option("--bundle", help="A bundle's folder, or models:/arbiter@champion. Default: the shipped one.")
]
LedgerFile = Annotated[
    Path | None, typer.Option("--ledger", envvar="ARBITER_LEDGER", help="SQLite file that records decisions and feedback.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def route(
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")],
    bundle: Bundle = None,
    ledger: LedgerFile = None,
    max_cost_usd: Annotated[float | None, typer.Option(help="Greatest expected cost.")] = None,
    max_latency_s: Annotated[float | None, typer.Option(help="Greatest expected latency.")] = None,
    min_quality: Annotated[float | None, typer.Option(help="Least expected quality, in [0, 1].")] = None,
    strategy: Annotated[str | None, typer.Option(help="A strategy, e.g. quality_first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Repeats the choices; for demonstrations, not for serving.")] = None,
    as_json: Json = False,
) -> None:
    """Choose a model for one request, and explain the choice."""
    from arbiter.service import ServiceOptions, load

    limits: dict[str, Any] = {"max_cost_usd": max_cost_usd, "max_latency_s": max_latency_s, "min_quality": min_quality}
    asked = {name: value for name, value in {**limits, "strategy": strategy}.items() if value is not None}
    text = typer.get_text_stream("stdin").read() if prompt == "-" else prompt
    service = load(bundle, ledger=ledger, options=ServiceOptions(seed=seed))
    decision = service.route(text, **asked)
    service.close()
    if as_json:
        show_json(asdict(decision))
    else:
        show([decision.explain(), f"decision {decision.id}"])


def feedback(
    decision_id: Annotated[str, typer.Argument(help="The id that `arbiter route` printed.")],
    ledger: Annotated[Path, typer.Option(envvar="ARBITER_LEDGER", help="The ledger that holds the decision.")],
    quality: Annotated[float, typer.Option(help="How good the answer was, in [0, 1].")],
    source: Annotated[str, typer.Option(help="human, judge, implicit or code.")] = "human",
    as_json: Json = False,
) -> None:
    """Record a judgement of a decision's answer; routers that share the ledger learn from it."""
    from arbiter.errors import LedgerError
    from arbiter.service import load

    if not ledger.is_file():
        raise LedgerError(f"{ledger} does not exist; name the ledger that `arbiter route --ledger` wrote")
    service = load(None, ledger=ledger)
    service.feedback(decision_id, quality=quality, source=source)
    service.close()
    if as_json:
        show_json({"decision_id": decision_id, "quality": quality, "source": source})
    else:
        show([f"recorded: {decision_id} quality {quality} ({source})"])
