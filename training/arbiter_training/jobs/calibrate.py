"""The job of `arbiter calibrate`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.bundle import Provenance, load_bundle, save_bundle
from arbiter.catalog import Catalog, catalog_for_log, read_catalog
from arbiter.errors import InvalidInputError
from arbiter.loading import load_router
from arbiter.router import Router
from arbiter_training.calibrate import Calibration, calibrate
from arbiter_training.evaluation.logs import priced
from arbiter_training.evaluation.records import LogSummary
from arbiter_training.evaluation.routers import evaluator_of
from arbiter_training.learn import LearnOptions, learn_router
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.targets import Target, read_target
from arbiter_training.tracking import DataNote, Tracker
from arbiter_training.tracking_labels import MAIN, command_tags
from arbiter_training.traffic import OutcomeMatrix, TrafficTable, pivot, read_traffic
from arbiter_training.train import Say, kind_of
from arbiter_training.trials import View

IntArray = NDArray[np.int64]

__all__ = ["CalibrateDone", "CalibrateJob", "read_target", "run"]

FOLDS = 3
"""Folds over which the setting is cross-fitted, and, where need be, the router."""


COSTS_EXPECTED = "the log has no costs: they are list prices times predicted lengths, and their interval is too narrow"
"""What a calibration says where a log tells of quality alone, such as the results of an evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateJob:
    """What to calibrate on what.

    Attributes
    ----------
    traffic : tables.
    target : what to reach.
    bundle : the router, and where the setting is written; None learns a router from the log and writes nothing.
    catalog : TOML file with prices of the log's models; None takes the bundle's or the shipped one.
    tracking : folder of the MLflow store; None logs nothing.
    """

    traffic: tuple[Path, ...]
    target: Target
    bundle: Path | None = None
    catalog: Path | None = None
    tracking: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateDone:
    """What was found, and where it was written.

    Attributes
    ----------
    found : the setting and what it will reach.
    bundle : the folder that was changed; None where it was only to be said.
    run : MLflow run and store, in words; None where nothing was logged.
    """

    found: Calibration
    bundle: Path | None
    run: str | None = None

    def lines(self) -> list[str]:
        """Say it to people."""
        hint = f"in a recipe: [learn] quality_per_usd = {self.found.quality_per_usd:.6g}"
        written = f"nothing written; give --bundle, or {hint}" if self.bundle is None else f"bundle: {self.bundle}"
        return [*self.found.lines(), written, *([f"MLflow: {self.run}"] if self.run else [])]

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        bundle = None if self.bundle is None else str(self.bundle)
        return {**self.found.to_dict(), "bundle": bundle, "mlflow": self.run}


def run(job: CalibrateJob, say: Say) -> CalibrateDone:
    """Read, calibrate, and write the setting into the bundle.

    Raises
    ------
    TrafficError, CatalogError, BundleError, InvalidInputError
        If an input is wrong.
    NotEvaluableError
        If the target is out of reach, or the log cannot tell; then nothing is written.
    """
    known = read_catalog(job.catalog) if job.catalog else None
    router, manifest = load_bundle(job.bundle) if job.bundle else (load_router(), {})
    say("reading the traffic")
    table = read_traffic(list(job.traffic))
    outcomes = pivot(table)
    catalog = catalog_for_log(outcomes.models, known)
    groups = groups_of(outcomes)
    folds = fold_numbers(groups, min(FOLDS, len(np.unique(groups))), 0)
    if job.bundle is None or manifest["data"].get("fingerprint") == table.fingerprint():
        how = "estimates by routers learned on the other folds"
        views = _learned_apart(outcomes, catalog, router, folds, say)
    else:
        how = "a log that the bundle was not trained on"
        views = (_view_of(job.bundle, router, outcomes),)
    if np.isnan(priced(outcomes, catalog).cost_usd).all():
        outcomes, how = _with_expected_costs(outcomes, views), f"{how}; {COSTS_EXPECTED}"
    evaluator = evaluator_of(outcomes, router.features, catalog, _summary(table, outcomes, how))
    found = calibrate(evaluator, views, job.target, folds, say)
    if job.bundle is not None:
        _write(job.bundle, router, manifest, found)
    logged = None if job.tracking is None else _log(job.tracking, found, evaluator.summary)
    return CalibrateDone(found=found, bundle=job.bundle, run=logged)


def _log(folder: Path, found: Calibration, summary: LogSummary) -> str:
    data = DataNote(name=summary.source, fingerprint=summary.fingerprint, source=summary.source)
    with Tracker(folder, MAIN, f"calibrate to {found.target}"[:200], command_tags("calibrate")) as tracker:
        tracker.log_params({"target": found.target, "goal": found.goal, "strong": found.strong})
        tracker.log_data(data, "calibration")
        tracker.log_metrics({"quality_per_usd": found.quality_per_usd})
        for name, measured in found.reached.items():
            ends = {"": measured.value, "/low": measured.low, "/high": measured.high}
            tracker.log_metrics({f"reached/{name}{end}": value for end, value in ends.items() if value is not None})
        tracker.log_curves([{f"tried/{name}": value for name, value in asdict(one).items()} for one in found.tried])
        told = "\n".join(found.lines())
        tracker.describe(
            "What a dollar must be worth to the router for it to meet a target, and what it will then reach, with 95 % "
            f"intervals.\n\n```\n{told}\n```\n\nThe curves under `tried/` are all settings that were looked at, "
            "by rising `quality_per_usd` (quality points that one dollar must buy)."
        )
        return f"run {tracker.run_id}, store {tracker.uri}"


def _with_expected_costs(outcomes: OutcomeMatrix, views: tuple[View, ...]) -> OutcomeMatrix:
    """Put the costs that the routers expect in the place of those that nobody logged, where a model answered."""
    expected = np.full(outcomes.cost_usd.shape, np.nan)
    for view in views:
        expected[np.ix_(view.rows, view.columns)] = view.outlook.expectation.cost_usd
    return replace(outcomes, cost_usd=np.where(outcomes.observed, expected, np.nan))


def _learned_apart(
    outcomes: OutcomeMatrix, catalog: Catalog, base: Router, folds: IntArray, say: Say
) -> tuple[View, ...]:
    """Learn one router per fold, on the others; the base gives features, gatekeeper and the risk floor."""
    options = LearnOptions(folds=FOLDS, risk_floor=bool(base.settings.risk_tier))
    views = []
    for fold in np.unique(folds):
        say(f"learning without fold {int(fold) + 1}")
        rows = np.flatnonzero(folds == fold)
        router = learn_router(outcomes.subset(np.flatnonzero(folds != fold)), catalog, base, options).router
        views.append(_view(router, outcomes, rows))
    return tuple(views)


def _view_of(bundle: Path, router: Router, outcomes: OutcomeMatrix) -> View:
    strange = [name for name in router.catalog.names if name not in outcomes.models]
    if strange:
        raise InvalidInputError(
            f"{bundle} may choose {', '.join(strange)}, which the log never asked (it has "
            f"{', '.join(outcomes.models)}); calibrate on a log of the same models"
        )
    return _view(router, outcomes, np.arange(outcomes.n))


def _view(router: Router, outcomes: OutcomeMatrix, rows: IntArray) -> View:
    columns = np.array([outcomes.models.index(name) for name in router.catalog.names])
    return View(rows=rows, columns=columns, router=router, outlook=router.outlook(outcomes.subset(rows).queries))


def _write(folder: Path, router: Router, manifest: Mapping[str, Any], found: Calibration) -> None:
    provenance = Provenance(
        created=manifest["created"],
        data=manifest["data"],
        metrics=manifest["metrics"],
        notes={**manifest["notes"], "calibration": found.to_dict()},
    )
    save_bundle(replace(router, settings=router.settings.valuing(found.quality_per_usd)), folder, provenance)


def _summary(table: TrafficTable, outcomes: OutcomeMatrix, how: str) -> LogSummary:
    return LogSummary(
        source=", ".join(table.notes.sources),
        fingerprint=table.fingerprint(),
        n_requests=outcomes.n,
        models=outcomes.models,
        kind=kind_of(outcomes),
        protocol=how,
    )
