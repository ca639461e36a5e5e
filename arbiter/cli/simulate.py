"""`arbiter simulate`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json, PricesFile
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop
from arbiter.config import Mark


def simulate(
    traffic: Annotated[list[Path], typer.Argument(help="Traffic in which every model was judged on every request.")],
    scenario: Annotated[Path | None, typer.Option(help="TOML file of what happens. Default: nothing does.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="The router. Default: learned from half of the traffic.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="TOML file of options for learning.")] = None,
    catalog: PricesFile = None,
    seeds: Annotated[int, typer.Option(help="Streams, each in an order of its own.")] = 5,
    rival: Annotated[
        list[str] | None,
        typer.Option(help="linucb-cold, linucb-warm (both by default), paretobandit, or none. May be repeated."),
    ] = None,
    cache: Annotated[
        str, typer.Option(help="Folder that keeps the MiniLM's vectors, for paretobandit."), Mark.PLACE
    ] = "",
    report: Annotated[Path | None, typer.Option(help="HTML file to write.")] = None,
    track: Annotated[Path | None, typer.Option(help="Folder of the MLflow store to log to.")] = None,
    as_json: Json = False,
) -> None:
    """Play judged traffic as a stream (drift, prices, outages, newcomers); say what learning online would do."""
    job = workshop("jobs.simulate")
    request = job.SimulateJob(
        traffic=tuple(traffic),
        scenario=scenario,
        bundle=bundle,
        recipe=recipe,
        catalog=catalog,
        seeds=seeds,
        rivals=_rivals(rival, job.DEFAULT_RIVALS),
        cache=cache,
        report=report,
        tracking=track,
    )
    done = job.run(request, progress())
    if as_json:
        show_json(done.to_dict())
    else:
        show(done.lines())


def _rivals(given: list[str] | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    return usual if given is None else () if given == ["none"] else tuple(given)
