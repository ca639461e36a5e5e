"""`arbiter route`."""

from typing import Annotated

import typer

from arbiter.cli.options import BUNDLE_HELP, Json, Limits, limits, prompt_text
from arbiter.cli.output import plain, show, show_json

RECORDS_HELP = "Records decisions: an SQLite file, or postgresql://user@host/database for many hosts."


def route(
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")],
    bundle: Annotated[str | None, typer.Option(help=BUNDLE_HELP)] = None,
    ledger: Annotated[str | None, typer.Option(envvar="ARBITER_LEDGER", help=RECORDS_HELP)] = None,
    max_cost_usd: Limits.Cost = None,
    max_latency_s: Limits.Latency = None,
    latency_quantile: Limits.Quantile = None,
    min_quality: Limits.Quality = None,
    strategy: Limits.Strategy = None,
    capability: Limits.Capabilities = None,
    language: Limits.Languages = None,
    seed: Annotated[int | None, typer.Option(help="Repeats the choices; for demonstrations, not for serving.")] = None,
    as_json: Json = False,
) -> None:
    """Choose a model for one request, and explain the choice."""
    from arbiter.counterfactual import changes
    from arbiter.route_options import read_query
    from arbiter.service import ServiceOptions, load

    asked = limits(
        max_cost_usd=max_cost_usd,
        max_latency_s=max_latency_s,
        latency_quantile=latency_quantile,
        min_quality=min_quality,
        strategy=strategy,
        capabilities=capability,
        languages=language,
    )
    query = read_query(prompt_text(prompt), asked)  # before a ledger's file is made
    with load(bundle, ledger=ledger, options=ServiceOptions(seed=seed)) as service:
        decision = service.route(query)
    if as_json:
        show_json({**plain(decision), "would_change": changes(decision)})
    else:
        show([decision.explain(), f"decision {decision.id}"])
