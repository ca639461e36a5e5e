"""What `arbiter plan strategy` writes besides its answer: the page, and a run of MLflow."""

from pathlib import Path

from arbiter.planning import Plan
from arbiter_training.planning.page import render_plan
from arbiter_training.planning.tracked import log_plan
from arbiter_training.report.document import check_target_file, write_page
from arbiter_training.train import Say


def check(report: Path | None) -> None:
    """Make sure that the page can be written, before the work; raises InvalidInputError."""
    check_target_file(report)


def publish(plan: Plan, report: Path | None, tracking: Path | None, say: Say) -> list[str]:
    """Write the page and the run.

    Parameters
    ----------
    plan : made.
    report : HTML file; None writes none.
    tracking : folder of the MLflow store; None logs nothing.
    say : told what goes on.

    Returns
    -------
    written : what was written where, in words.
    """
    written = []
    if report is not None:
        write_page(render_plan(plan), report)
        written.append(f"report: {report}")
    if tracking is not None:
        say("logging to MLflow")
        written.append(f"MLflow: {log_plan(plan, tracking)}")
    return written
