"""`arbiter calibrate`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json, PricesFile
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop


def calibrate(
    traffic: Annotated[list[Path], typer.Argument(help="Traffic tables: Parquet, JSONL or CSV.")],
    budget: Annotated[float | None, typer.Option(help="US dollars per request, on average.")] = None,
    quality: Annotated[str | None, typer.Option(help='Quality to keep: 0.9, or "0.95-of gpt-4o".')] = None,
    strong_share: Annotated[float | None, typer.Option(help="Share of requests for the strongest model.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle to set, in place. Default: print.")] = None,
    catalog: PricesFile = None,
    track: Annotated[Path | None, typer.Option(help="Folder of the MLflow store to log to.")] = None,
    as_json: Json = False,
) -> None:
    """Turn a target into the router's setting, and say with an interval what it will reach on such traffic."""
    job = workshop("jobs.calibrate")
    target = job.read_target(budget=budget, quality=quality, strong_share=strong_share)
    request = job.CalibrateJob(traffic=tuple(traffic), target=target, bundle=bundle, catalog=catalog, tracking=track)
    found = job.run(request, progress())
    if as_json:
        show_json(found.to_dict())
    else:
        show(found.lines())
