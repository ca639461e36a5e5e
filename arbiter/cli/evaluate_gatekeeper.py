"""`arbiter evaluate-gatekeeper`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Bundle, Json, MlflowStore
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop

LABELLED_HELP = "Parquet, JSONL or CSV: prompt or messages, and any of domain, complexity, harm, stake, risk, source."


def evaluate_gatekeeper(
    labelled: Annotated[list[Path], typer.Argument(help=LABELLED_HELP)],
    bundle: Bundle = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML page here.")] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment.")] = "arbiter",
    tracking: MlflowStore = Path(),
    track: Annotated[bool, typer.Option(help="Whether to log an MLflow run.")] = True,
    as_json: Json = False,
) -> None:
    """Judge a gatekeeper on labelled requests: per label, calibration, confusion, abstention, recall of risk."""
    job = workshop("jobs.evaluate_gatekeeper")
    where = workshop("jobs.train").Tracking(folder=tracking, experiment=experiment) if track else None
    done = job.run(
        job.EvaluateGatekeeperJob(labelled=tuple(labelled), bundle=bundle, report=report, tracking=where), progress()
    )
    if as_json:
        show_json(done.to_dict())
    else:
        show(done.lines())
