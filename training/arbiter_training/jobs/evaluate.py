"""The job of `arbiter evaluate`."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import catalog_for_log, read_catalog
from arbiter.errors import InvalidInputError, NotEvaluableError
from arbiter.loading import load_router
from arbiter.manifest import MANIFEST
from arbiter.ope import ExplorationGoal, Forecast, plan_exploration
from arbiter.router import Router
from arbiter.vocabulary import Objective
from arbiter_training.evaluation.evaluate import BEST_SINGLE, RANDOM, Evaluator, PolicyFamily
from arbiter_training.evaluation.records import EvaluationReport, LogSummary, PolicyRow
from arbiter_training.evaluation.routers import evaluator_of, frontier, policies_of
from arbiter_training.evaluation.segments import segments_of
from arbiter_training.report import figure_png, frontier_figure, write_html
from arbiter_training.traffic import OutcomeMatrix, TrafficTable, lacks_texts, pivot, read_traffic, require_texts
from arbiter_training.train import Say, kind_of

FloatArray = NDArray[np.float64]

TIE_WIDTH = 0.02
"""Utility within which candidates count as tied in an exploration plan: the loss that a verdict tolerates."""

UNKNOWN_DAILY = 1000.0
"""Requests a day where the log has no timestamps and the user names no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateJob:
    """What to evaluate on what.

    Attributes
    ----------
    traffic : tables.
    policies : bundles' folders, ``models:/...``, ``best-single``, ``random``, or names of models.
    report, figure : files to write; None writes none.
    catalog : TOML file with prices of the log's models; None takes the shipped one and litellm's table.
    segments : columns of the traffic whose values are segments, besides domain, complexity and risk.
    observational : whether propensities that were not logged are estimated.
    requests_per_day : for the plan that would make knowable what is not; None takes it from the timestamps.
    """

    traffic: tuple[Path, ...]
    policies: tuple[str, ...]
    report: Path | None = None
    figure: Path | None = None
    catalog: Path | None = None
    segments: tuple[str, ...] = ()
    observational: bool = False
    requests_per_day: float | None = None


def run(job: EvaluateJob, say: Say) -> EvaluationReport:
    """Read, evaluate, write.

    Raises
    ------
    TrafficError, CatalogError, BundleError, InvalidInputError
        If an input is wrong.
    NotEvaluableError
        If the log cannot answer.
    """
    for path in (job.report, job.figure):
        _check_file(path)
    wanted = tuple(dict.fromkeys(job.policies))
    routers = {name: load_router(name) for name in wanted if _is_bundle(name)}
    known = read_catalog(job.catalog) if job.catalog else None
    say("reading the traffic")
    table = read_traffic(list(job.traffic))
    if routers:
        require_texts(table, f"{', '.join(routers)} cannot be evaluated on them")
    outcomes = pivot(table)
    catalog = catalog_for_log(outcomes.models, known)
    for name in wanted:
        _check_policy(name, routers, outcomes.models)
    say(f"evaluating on {outcomes.n} requests")
    reader = next(iter(routers.values()), None) or load_router()
    summary = _summary(table, outcomes)
    try:
        evaluator = evaluator_of(outcomes, reader.features, catalog, summary, job.observational)
    except NotEvaluableError as error:
        raise NotEvaluableError(f"{error}. {_way_out(routers, outcomes, job.requests_per_day)}".strip()) from error
    evaluator = replace(evaluator, segments=_segments(None if lacks_texts(table) else reader, outcomes, job.segments))
    report = evaluate(evaluator, outcomes, routers, wanted)
    if job.report is not None:
        write_html(report, job.report)
    if job.figure is not None:
        _write_whole(job.figure, figure_png(frontier_figure(report)))
    return report


def _segments(reader: Router | None, outcomes: OutcomeMatrix, columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Give the gatekeeper's segments, those that the log labels itself, and those asked for; None reads no texts."""
    found = {} if reader is None else dict(segments_of(reader.outlook(outcomes.queries)))
    own = {**outcomes.extras, **outcomes.labels}
    for name in (*outcomes.labels, *columns):
        if name not in own:
            raise InvalidInputError(
                f"the traffic has no column {name!r} with one value per request; it has {', '.join(own)}"
            )
        found[name] = tuple("unknown" if value is None else str(value) for value in own[name])
    return found


def _way_out(routers: Mapping[str, Router], outcomes: OutcomeMatrix, requests_per_day: float | None) -> str:
    """Say what exploration would make the question answerable, as the first router's estimates see it."""
    if not routers:
        return ""
    router = next(iter(routers.values()))
    outlook = router.outlook(outcomes.queries)
    weighed = outlook.expectation.weighed(router.settings.weights(Objective.LEARNED))
    eligible = router.eligible(outlook)
    forecast = Forecast(
        utility=np.where(eligible, weighed.utility, -np.inf), quality=weighed.quality, cost_usd=weighed.cost_usd
    )
    daily = requests_per_day or _daily(outcomes)
    plan = plan_exploration(forecast, TIE_WIDTH, ExplorationGoal(requests_per_day=daily))
    return f"What would make it knowable, at {daily:.0f} requests a day: {plan.sentence()}"


def _daily(outcomes: OutcomeMatrix) -> float:
    times = outcomes.timestamps[~np.isnat(outcomes.timestamps)]
    days = (times.max() - times.min()) / np.timedelta64(1, "D") if times.size > 1 else 0.0
    return float(times.size / days) if days > 0 else UNKNOWN_DAILY


def evaluate(
    evaluator: Evaluator, outcomes: OutcomeMatrix, routers: Mapping[str, Router], wanted: tuple[str, ...]
) -> EvaluationReport:
    """Evaluate routers and constant policies on one log; the baselines are always among them.

    Parameters
    ----------
    evaluator, outcomes : the log.
    routers : name to router; each one's candidates are models of the log.
    wanted : names of routers, of models, or of baselines.
    """
    policies: dict[str, FloatArray] = {}
    families: list[PolicyFamily] = []
    for name in wanted:
        if name in routers:
            outlook = routers[name].outlook(outcomes.queries)
            columns = routers[name].catalog.names
            found = policies_of(routers[name], outlook, name)
            policies |= {each: aligned(probs, columns, outcomes.models) for each, probs in found.items()}
            family = frontier(routers[name], outlook, name)
            probs = aligned(family.action_probs, columns, outcomes.models)
            families.append(PolicyFamily(name=name, quality_per_usd=family.quality_per_usd, action_probs=probs))
        elif name in outcomes.models:
            policies[name] = np.tile(np.eye(outcomes.n_models)[outcomes.models.index(name)], (outcomes.n, 1))
    return evaluator.report(policies, tuple(families))


def aligned(probs: FloatArray, columns: tuple[str, ...], models: tuple[str, ...]) -> FloatArray:
    """Put a router's probabilities in the order of a log's models; those that it does not know get none.

    Parameters
    ----------
    probs : (..., k), one column per candidate of the router.
    columns : the k candidates, all of them among the models.
    models : the K models of the log.

    Returns
    -------
    probs : (..., K).
    """
    found = np.zeros((*probs.shape[:-1], len(models)))
    found[..., [models.index(name) for name in columns]] = probs
    return found


def refused(report: EvaluationReport, policies: tuple[str, ...]) -> tuple[PolicyRow, ...]:
    """Give the rows of the policies asked for whose quality the log cannot tell."""
    return tuple(row for row in report.rows if row.outcomes.get("quality") is None and _asked(row.name, policies))


def _asked(row: str, policies: tuple[str, ...]) -> bool:
    return any(row == name or row.startswith((f"{name}, ", f"{name} (")) for name in policies)


def _check_policy(name: str, routers: Mapping[str, Router], models: tuple[str, ...]) -> None:
    if name in routers:
        strange = [candidate for candidate in routers[name].catalog.names if candidate not in models]
        if strange:
            raise InvalidInputError(
                f"{name} may choose {', '.join(strange)}, which the log never asked (it has {', '.join(models)}); "
                "evaluate on a log of the same models"
            )
    elif name not in models and name not in (RANDOM, BEST_SINGLE):
        raise InvalidInputError(
            f"policy {name!r} is no bundle's folder, and the log has no such model; give a folder written by "
            f"`arbiter train`, models:/name@alias, {BEST_SINGLE}, {RANDOM}, or one of {', '.join(models)}"
        )


def _check_file(path: Path | None) -> None:
    """Make sure that a file can be written, before the work of making it."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        what = "is a folder" if path.is_dir() else f"lies in {path.parent}, which does not exist"
        raise InvalidInputError(f"{path} {what}; name a file in an existing folder")


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _is_bundle(name: str) -> bool:
    return name.startswith("models:/") or (Path(name) / MANIFEST).is_file()


def _summary(table: TrafficTable, outcomes: OutcomeMatrix) -> LogSummary:
    return LogSummary(
        source=", ".join(table.notes.sources),
        fingerprint=table.fingerprint(),
        n_requests=outcomes.n,
        models=outcomes.models,
        kind=kind_of(outcomes),
        protocol=(
            "all requests of the log; outcome models behind the doubly robust estimate are cross-fitted on it. A "
            "router that was trained on these very requests looks better here than it is: evaluate on later traffic."
        ),
    )
