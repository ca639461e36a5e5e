"""What the commands of `arbiter plan` take, and how they get a plan from it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.workshop import workshop
from arbiter.config import Mark
from arbiter.errors import InvalidInputError

if TYPE_CHECKING:
    from arbiter.planning import Plan

UseCases = Annotated[Path, typer.Argument(help="TOML file of use cases; `arbiter plan init` writes one.")]
Traffic = Annotated[list[Path] | None, typer.Option("--traffic", help="Traffic tables to measure on. May be repeated.")]
POLICY_HELP = "A router to try on the traffic: a bundle's folder, or models:/..."
Policy = Annotated[str | None, typer.Option(help=POLICY_HELP), Mark.PLACE]


def planned(
    use_cases: Path,
    traffic: list[Path] | None = None,
    policy: str | None = None,
    catalog: Path | None = None,
    ledger: str | None = None,
) -> "Plan":
    """Plan for a file of use cases.

    Parameters
    ----------
    use_cases : the file.
    traffic, policy : what is measured, and the router that is tried on it; None plans from the file and the catalog.
    catalog : None takes the shipped one.
    ledger : whose spend is carried on; None forecasts nothing.

    Raises
    ------
    PlanError, CatalogError, TrafficError, BundleError, LedgerError, InvalidInputError
        If an input is wrong.
    """
    from dataclasses import replace
    from datetime import UTC, datetime

    from arbiter.catalog import Catalog, read_catalog
    from arbiter.planning import plan_file

    if policy is not None and not traffic:
        raise InvalidInputError(f"--policy {policy} is tried on traffic; give --traffic as well")
    known = read_catalog(catalog) if catalog else Catalog.default()
    today = datetime.now(UTC).date()
    if not traffic:
        plan = plan_file(use_cases, known, today)
    else:
        source = workshop("planning.traffic_history").HistorySource(traffic, policy)
        known, notes = source.extended(known)
        plan = plan_file(use_cases, known, today, source.read)
        plan = replace(plan, notes=(*plan.notes, *notes))
    return plan if ledger is None else _with_forecast(plan, ledger)


def _with_forecast(plan: "Plan", ledger: str) -> "Plan":
    from dataclasses import replace

    from arbiter.ledger import open_ledger
    from arbiter.planning.months import months_from
    from arbiter.planning.spend import LEAST_WEEKS, disagreement, forecast_spend, ledger_spend

    with open_ledger(ledger, must_exist=True) as opened:
        spent = ledger_spend(opened)
    found = forecast_spend(spent, months_from(plan.start, plan.months))
    if found is None:
        days = len({row.day for row in spent})
        note = f"days with known costs in the ledger: {days}; a forecast needs {LEAST_WEEKS} whole weeks of spend"
        return replace(plan, notes=(*plan.notes, note))
    return replace(plan, forecast=found, notes=(*plan.notes, *disagreement(found, plan.projection.total())))
