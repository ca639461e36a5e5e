"""`arbiter promote`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json, MlflowStore, PricesFile
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop
from arbiter.errors import InvalidInputError, NotEvaluableError


def promote(
    bundle: Annotated[Path | None, typer.Argument(help="The challenger's folder.")] = None,
    traffic: Annotated[list[Path] | None, typer.Option(help="Traffic it was not trained on. May be repeated.")] = None,
    name: Annotated[str, typer.Option(help="Name in MLflow's model registry.")] = "arbiter",
    tracking: MlflowStore = Path(),
    margin: Annotated[
        float, typer.Option(help="Utility per request that it may be worse by; at 0 it has to be better.")
    ] = 0.0,
    budget: Annotated[float | None, typer.Option(help="Most dollars per request.")] = None,
    quality_per_usd: Annotated[
        float | None, typer.Option(help="What a dollar is worth. Default: the bundle's.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Chance of a false promotion over all looks.")] = 0.05,
    planned_requests: Annotated[
        int | None,
        typer.Option(help="Requests at the last look, for a sharper bound; fixed by the first look."),
    ] = None,
    floor: Annotated[list[str] | None, typer.Option(help="E.g. domain=coding:0.8. May be repeated.")] = None,
    catalog: PricesFile = None,
    rollback: Annotated[bool, typer.Option(help="Give the alias back to the champion before.")] = False,
    as_json: Json = False,
) -> None:
    """Make a bundle the champion, if the gate lets it: shown to be better, no large segment hurt, within budget."""
    job = workshop("jobs.promote")
    where = workshop("jobs.train").Tracking(folder=tracking, name=name)
    if rollback:
        version = job.rollback(where)
        show_json({"champion": version}) if as_json else show([f"champion: {name} version {version}"])
        return
    if bundle is None or not traffic:
        raise InvalidInputError("name the challenger's folder and --traffic that it was not trained on")
    ask = job.GateAsk(
        margin=margin,
        budget_usd=budget,
        quality_per_usd=quality_per_usd,
        alpha=alpha,
        planned_requests=planned_requests,
        floors=dict(_floor(text) for text in floor or ()),
    )
    done = job.run(
        job.PromoteJob(bundle=bundle, traffic=tuple(traffic), tracking=where, ask=ask, catalog=catalog), progress()
    )
    show_json(done.to_dict()) if as_json else show(done.lines())
    if not done.decision.promote:
        raise NotEvaluableError(f"not promoted ({done.decision.recommendation}): {'; '.join(done.decision.reasons)}")


def _floor(text: str) -> tuple[str, float]:
    segment, _, value = text.rpartition(":")
    try:
        return segment, float(value)
    except ValueError:
        raise InvalidInputError(f"--floor {text!r} must be like domain=coding:0.8") from None
