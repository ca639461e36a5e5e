"""`arbiter plan strategy`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import CatalogFile, Json, LookedAtLedger
from arbiter.cli.output import progress, show
from arbiter.cli.planning.inputs import Policy, Traffic, UseCases, planned
from arbiter.cli.workshop import workshop


def strategy(
    use_cases: UseCases,
    traffic: Traffic = None,
    policy: Policy = None,
    catalog: CatalogFile = None,
    ledger: LookedAtLedger = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="JSON file to keep the plan in, for review.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML page here.")] = None,
    track: Annotated[Path | None, typer.Option(help="Folder of the MLflow store to log to.")] = None,
    as_json: Json = False,
) -> None:
    """Recommend models for every use case, with fallbacks, cost, gaps, and what had to be given up."""
    from arbiter.cli.planning.strategy_lines import lines
    from arbiter.planning.saved import plan_to_json

    job = workshop("jobs.plan") if report is not None or track is not None else None
    if job is not None:
        job.check(report)
    plan = planned(use_cases, traffic, policy, catalog, ledger)
    text = plan_to_json(plan)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    written = [f"plan: {out}"] if out is not None else []
    if job is not None:
        written += job.publish(plan, report, track, progress())
    show([text.rstrip()] if as_json else [*lines(plan), *written])
