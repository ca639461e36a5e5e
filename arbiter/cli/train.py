"""`arbiter train`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json, MlflowStore, PricesFile
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop
from arbiter.config import Mark


def train(
    traffic: Annotated[list[Path], typer.Argument(help="Traffic tables: Parquet, JSONL or CSV.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the bundle.")],
    recipe: Annotated[Path | None, typer.Option(help="TOML file that says how to learn.")] = None,
    catalog: PricesFile = None,
    base: Annotated[str | None, typer.Option(help="Bundle to build on. Default: the shipped one."), Mark.PLACE] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Encoder in the place of the base's: minilm, or FILE.py:NAME of your own."),
        Mark.PLACE_OR_NAME,
    ] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment.")] = "arbiter",
    name: Annotated[str, typer.Option(help="Name in MLflow's model registry.")] = "arbiter",
    tracking: MlflowStore = Path(),
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps embeddings between runs.")] = None,
    track: Annotated[bool, typer.Option(help="Whether to log an MLflow run.")] = True,
    as_json: Json = False,
) -> None:
    """Learn a router from logged traffic: validate, split, fit, judge on what was held out, write bundle and run."""
    job = workshop("jobs.train")
    where = job.Tracking(folder=tracking, experiment=experiment, name=name) if track else None
    request = job.TrainJob(
        traffic=tuple(traffic),
        out=out,
        recipe=recipe,
        catalog=catalog,
        base=base,
        encoder=encoder,
        tracking=where,
        cache=cache,
    )
    done = job.run(request, progress())
    if as_json:
        show_json(done.to_dict())
    else:
        show(done.lines())
