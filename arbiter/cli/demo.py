"""`arbiter demo`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of report, bundle and MLflow store.")] = Path(
        "arbiter-demo"
    ),
    seed: Annotated[int, typer.Option(help="Of the simulated logs and the fit.")] = 0,
    as_json: Json = False,
) -> None:
    """Run the whole loop on real traffic: log, train, evaluate against the truth, report, route. About a minute."""
    job = workshop("jobs.demo")
    done = job.run(job.DemoJob(out=out, seed=seed), progress())
    if as_json:
        show_json(done.to_dict())
    else:
        show(done.lines())
