"""`arbiter evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json, PricesFile
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop
from arbiter.config import Mark
from arbiter.errors import NotEvaluableError


def evaluate(
    traffic: Annotated[list[Path], typer.Argument(help="Traffic tables: Parquet, JSONL or CSV.")],
    policy: Annotated[
        list[str],
        typer.Option(
            help="A bundle's folder, models:/..., best-single, random, a model's name, or FILE.py:NAME: a function "
            "of yours from a request to a model's name. May be repeated."
        ),
        Mark.PLACE_OR_NAME,
    ],
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML page here.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the cost-quality picture here (PNG).")] = None,
    catalog: PricesFile = None,
    segment: Annotated[
        list[str] | None, typer.Option(help="Column whose values are segments. May be repeated.")
    ] = None,
    judged_by: Annotated[
        list[str] | None, typer.Option(help="Whose qualities count: human, code, judge, ... Default: all.")
    ] = None,
    observational: Annotated[
        bool, typer.Option(help="Estimate propensities that were not logged; every verdict says so.")
    ] = False,
    requests_per_day: Annotated[float | None, typer.Option(help="For the plan of what exploration would tell.")] = None,
    tracking: Annotated[
        Path | None,
        typer.Option(help="Folder of the MLflow store. Default: the one that is here, if any."),
        Mark.SHARED,
    ] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment.")] = "arbiter",
    as_json: Json = False,
) -> None:
    """Say what policies would have earned and cost on logged traffic, with intervals; or why that cannot be known."""
    job = workshop("jobs.evaluate")
    request = job.EvaluateJob(
        traffic=tuple(traffic),
        policies=tuple(policy),
        report=report,
        figure=figure,
        catalog=catalog,
        segments=tuple(segment or ()),
        judged_by=tuple(judged_by or ()),
        observational=observational,
        requests_per_day=requests_per_day,
        tracking=tracking,
        experiment=experiment,
    )
    found = job.run(request, progress())
    if as_json:
        show_json(found.to_dict())
    else:
        show(workshop("report").lines(found))
    refused = job.refused(found, tuple(policy))
    if refused:
        raise NotEvaluableError("; ".join(f"{row.name}: {', '.join(row.reasons)}" for row in refused))
