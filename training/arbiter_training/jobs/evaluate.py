"""The job of `arbiter evaluate`."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog, catalog_for_log, read_catalog
from arbiter.errors import InvalidInputError
from arbiter.loading import load_router
from arbiter.router import Router
from arbiter_training.evaluation.evaluate import BEST_SINGLE, PolicyFamily
from arbiter_training.evaluation.records import EvaluationReport, LogSummary
from arbiter_training.evaluation.routers import evaluator_of, frontier, policies_of
from arbiter_training.report import figure_png, frontier_figure, write_html
from arbiter_training.traffic import OutcomeMatrix, TrafficTable, pivot, read_traffic
from arbiter_training.train import Say, kind_of

FloatArray = NDArray[np.float64]

RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateJob:
    """What to evaluate on what.

    Attributes
    ----------
    traffic : tables.
    policies : bundles' folders, ``models:/...``, ``best-single``, ``random``, or names of models.
    report, figure : files to write; None writes none.
    catalog : TOML file with prices of the log's models; None takes the shipped one and litellm's table.
    """

    traffic: tuple[Path, ...]
    policies: tuple[str, ...]
    report: Path | None = None
    figure: Path | None = None
    catalog: Path | None = None


def run(job: EvaluateJob, say: Say) -> EvaluationReport:
    """Read, evaluate, write.

    Raises
    ------
    TrafficError, CatalogError, BundleError, InvalidInputError
        If an input is wrong.
    NotEvaluableError
        If the log cannot answer.
    """
    routers = {name: load_router(name) for name in job.policies if _is_bundle(name)}
    say("reading the traffic")
    table = read_traffic(list(job.traffic))
    outcomes = pivot(table)
    catalog = catalog_for_log(outcomes.models, read_catalog(job.catalog) if job.catalog else None)
    fitted = {name: restricted(router, catalog, name) for name, router in routers.items()}
    say(f"evaluating on {outcomes.n} requests")
    report = evaluate(outcomes, fitted, job.policies, _summary(table, outcomes, routers))
    if job.report is not None:
        write_html(report, job.report)
    if job.figure is not None:
        job.figure.write_bytes(figure_png(frontier_figure(report)))
    return report


def evaluate(
    outcomes: OutcomeMatrix, routers: dict[str, Router], wanted: tuple[str, ...], summary: LogSummary
) -> EvaluationReport:
    """Evaluate routers and constant policies on one log."""
    features = next(iter(routers.values()), None) or restricted(load_router(), catalog_for_log(outcomes.models), "default")
    evaluator = evaluator_of(outcomes, features, summary)
    policies: dict[str, FloatArray] = {}
    families: list[PolicyFamily] = []
    for name in wanted:
        if name in routers:
            outlook = routers[name].outlook(outcomes.queries)
            policies |= policies_of(routers[name], outlook, name)
            families.append(frontier(routers[name], outlook, name))
        elif name in outcomes.models:
            policies[name] = np.tile(np.eye(outcomes.n_models)[outcomes.models.index(name)], (outcomes.n, 1))
        elif name not in (RANDOM, BEST_SINGLE):
            raise InvalidInputError(
                f"policy {name!r} is no bundle's folder, and the log has no such model; give a folder written by "
                f"`arbiter train`, models:/name@alias, {BEST_SINGLE}, {RANDOM}, or one of {', '.join(outcomes.models)}"
            )
    return evaluator.report(policies, tuple(families))


def restricted(router: Router, catalog: Catalog, name: str) -> Router:
    """Give the router over the candidates of a log.

    Raises
    ------
    InvalidInputError
        If the router knows other candidates than the log; then it cannot say what it would do there.
    """
    if set(router.catalog.names) != set(catalog.names):
        if name == "default":
            from arbiter.cold_start import rated_estimator

            estimator = rated_estimator(catalog, router.context_map.dim)
            return replace(router, catalog=catalog, estimator=estimator)
        raise InvalidInputError(
            f"{name} chooses between {', '.join(router.catalog.names)}, the log has {', '.join(catalog.names)}; "
            "evaluate on a log of the same models"
        )
    return router


def _is_bundle(name: str) -> bool:
    return name.startswith("models:/") or (Path(name) / "manifest.json").is_file()


def _summary(table: TrafficTable, outcomes: OutcomeMatrix, routers: dict[str, Router]) -> LogSummary:
    return LogSummary(
        source=", ".join(table.notes.sources),
        fingerprint=table.fingerprint(),
        n_requests=outcomes.n,
        models=outcomes.models,
        kind=kind_of(outcomes),
        protocol=(
            "all requests of the log; outcome models behind the doubly robust estimate are cross-fitted on it. A router "
            "that was trained on these very requests looks better here than it is: evaluate on later traffic."
        ),
    )
