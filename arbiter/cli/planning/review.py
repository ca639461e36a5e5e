"""`arbiter plan review`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import CatalogFile, Json, LookedAtLedger
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.inputs import Traffic
from arbiter.cli.workshop import workshop
from arbiter.errors import InvalidInputError

if TYPE_CHECKING:
    from arbiter.planning.saved import SavedPlan
    from arbiter.planning.spend import DaySpend


def review(
    plan: Annotated[Path | None, typer.Argument(help="What `arbiter plan strategy -o` wrote.")] = None,
    run: Annotated[str | None, typer.Option(help="MLflow run of the plan. Default: the latest plan.")] = None,
    track: Annotated[Path | None, typer.Option(help="Folder of the MLflow store, in the place of a file.")] = None,
    ledger: LookedAtLedger = None,
    traffic: Traffic = None,
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """Hold an earlier plan against what was spent since, from a ledger or from traffic with timestamps and costs."""
    from dataclasses import asdict

    from arbiter.cli.planning.review_lines import lines
    from arbiter.planning.review import review_plan

    saved = _plan(plan, run, track)
    spent = _spent(ledger, traffic, saved)
    found = review_plan(saved, spent, _names(spent, saved, catalog))
    if as_json:
        dates = {name: str(getattr(found, name)) for name in ("made", "start", "end")}
        rows = {
            name: [{**asdict(row), "inside": row.inside} for row in getattr(found, name)]
            for name in ("rows", "use_cases")
        }
        show_json({**asdict(found), **dates, **rows})
    else:
        show(lines(found))


def _plan(path: Path | None, run: str | None, track: Path | None) -> "SavedPlan":
    from arbiter.planning.saved import read_saved

    if (path is None) == (track is None):
        raise InvalidInputError("give one plan: the file that `arbiter plan strategy -o` wrote, or --track FOLDER")
    if path is not None:
        return read_saved(path)
    saved: SavedPlan = workshop("planning.tracked").load_plan(track, run)
    return saved


def _spent(ledger: str | None, traffic: list[Path] | None, saved: "SavedPlan") -> "tuple[DaySpend, ...]":
    from arbiter.ledger import open_ledger
    from arbiter.planning.spend import ledger_spend

    if traffic:
        spent: tuple[DaySpend, ...] = workshop("planning.traffic_spend").traffic_spend(tuple(traffic), saved.segments)
        return spent
    if ledger is None:
        raise InvalidInputError("give what was spent: --ledger, or --traffic with timestamps and costs")
    with open_ledger(ledger, must_exist=True) as opened:
        return ledger_spend(opened, saved.segments)


def _names(spent: "tuple[DaySpend, ...]", saved: "SavedPlan", catalog: Path | None) -> dict[str, str]:
    """Find the plan's name of each model that was paid for."""
    from arbiter.catalog import Catalog, read_catalog

    known = read_catalog(catalog) if catalog else Catalog.default()
    planned = {cell.model for cell in saved.projection.cells}
    found = {}
    for model in {row.model for row in spent} - planned:
        entry = known.resolve(model)
        if entry is not None:
            found[model] = entry.name
    return found
