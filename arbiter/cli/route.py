"""`arbiter route`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from arbiter.cli.options import Json, prompt_text
from arbiter.cli.output import plain, show, show_json

BUNDLE_HELP = "A bundle's folder, or models:/arbiter@champion. Default: the shipped one."
LEDGER_HELP = "SQLite file that records decisions and feedback."


def route(
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")],
    bundle: Annotated[str | None, typer.Option(help=BUNDLE_HELP)] = None,
    ledger: Annotated[Path | None, typer.Option(envvar="ARBITER_LEDGER", help=LEDGER_HELP)] = None,
    max_cost_usd: Annotated[float | None, typer.Option(help="Greatest expected cost.")] = None,
    max_latency_s: Annotated[float | None, typer.Option(help="Greatest expected latency.")] = None,
    min_quality: Annotated[float | None, typer.Option(help="Least expected quality, in [0, 1].")] = None,
    strategy: Annotated[str | None, typer.Option(help="A strategy, e.g. quality_first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Repeats the choices; for demonstrations, not for serving.")] = None,
    as_json: Json = False,
) -> None:
    """Choose a model for one request, and explain the choice."""
    from arbiter.counterfactual import changes
    from arbiter.route_options import read_query
    from arbiter.service import ServiceOptions, load

    limits: dict[str, Any] = {"max_cost_usd": max_cost_usd, "max_latency_s": max_latency_s, "min_quality": min_quality}
    asked: Any = {name: value for name, value in {**limits, "strategy": strategy}.items() if value is not None}
    query = read_query(prompt_text(prompt), asked)  # before a ledger's file is made
    with load(bundle, ledger=ledger, options=ServiceOptions(seed=seed)) as service:
        decision = service.route(query)
    if as_json:
        show_json({**plain(decision), "would_change": changes(decision)})
    else:
        show([decision.explain(), f"decision {decision.id}"])
