"""The job of `arbiter evaluate`."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog, catalog_for_log, read_catalog
from arbiter.errors import InvalidInputError, NotEvaluableError
from arbiter.loading import load_router
from arbiter.manifest import MANIFEST
from arbiter.ope import Verdict
from arbiter.own_code import OwnCode, is_own_code, own_object
from arbiter.policies import Rule
from arbiter.router import Router
from arbiter_training.bundle_registry import SOURCE_PREFIX
from arbiter_training.evaluation.evaluate import BEST_SINGLE, RANDOM, Evaluator
from arbiter_training.evaluation.exploring import ways_out
from arbiter_training.evaluation.noted import evaluation_note, shown_names
from arbiter_training.evaluation.records import EvaluationReport, LogSummary, PolicyFamily, PolicyRow
from arbiter_training.evaluation.routers import aligned, evaluator_of, frontier, policies_of, realigned
from arbiter_training.evaluation.segments import pooled, segments_of
from arbiter_training.evaluation.tracked import as_shown, log_evaluation
from arbiter_training.mlflow_connection import has_store
from arbiter_training.quality_sources import judged_only, shares_told
from arbiter_training.report import figure_png, frontier_figure, write_html
from arbiter_training.report.document import check_target_file
from arbiter_training.tracking import Tracker
from arbiter_training.tracking_labels import command_tags
from arbiter_training.traffic import OutcomeMatrix, TrafficTable, lacks_texts, pivot, read_traffic, require_texts
from arbiter_training.train import Say, kind_of

FloatArray = NDArray[np.float64]

USUAL_SEGMENTS = ("language", "lang", "tenant", "tenant_id", "customer", "team", "department")
"""Columns, by name, that are segments without being asked for."""

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateJob:
    """What to evaluate on what.

    Attributes
    ----------
    traffic : tables.
    policies : bundles' folders, ``models:/...``, ``best-single``, ``random``, names of models, or the user's own code
        as ``FILE.py:NAME``: a function from a request to a model's name (:class:`arbiter.policies.Rule`), or a Router.
    report, figure : files to write; None writes none.
    catalog : TOML file with prices of the log's models; None takes the shipped one and litellm's table.
    segments : columns of the traffic whose values are segments, besides domain, complexity and risk.
    judged_by : sources whose qualities count, such as ``human``; none takes all.
    observational : whether propensities that were not logged are estimated.
    requests_per_day : for the plan that would make knowable what is not; None takes it from the timestamps.
    tracking : folder of the MLflow store that the run is logged to; None takes the server of MLFLOW_TRACKING_URI or the
        store that lies in the current folder, and logs nothing where there is neither.
    experiment : of MLflow.
    """

    traffic: tuple[Path, ...]
    policies: tuple[str, ...]
    report: Path | None = None
    figure: Path | None = None
    catalog: Path | None = None
    segments: tuple[str, ...] = ()
    judged_by: tuple[str, ...] = ()
    observational: bool = False
    requests_per_day: float | None = None
    tracking: Path | None = None
    experiment: str = "arbiter"


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
        check_target_file(path)
    wanted = tuple(dict.fromkeys(job.policies))
    routers = {name: load_router(name) for name in wanted if _is_bundle(name)}
    known = read_catalog(job.catalog) if job.catalog else None
    say("reading the traffic")
    table = judged_only(read_traffic(list(job.traffic)), job.judged_by)
    outcomes = pivot(table)
    own = {name: own_object(name) for name in wanted if is_own_code(name) and name not in outcomes.models}
    if routers or own:
        require_texts(table, f"{', '.join((*routers, *own))} cannot be evaluated on them")
    routers |= {name: found for name, found in own.items() if isinstance(found, Router)}
    fixed = {name: rule_probabilities(Rule(own[name]), name, outcomes) for name in own if name not in routers}
    for name in wanted:
        if name not in fixed:
            _check_policy(name, routers, outcomes.models)
    say(f"evaluating on {outcomes.n} requests")
    reader = next(iter(routers.values()), None) or load_router()
    evaluator = _evaluator(job, (table, outcomes), reader, catalog_for_log(outcomes.models, known), routers)
    report = evaluate(evaluator, outcomes, {**routers, **fixed}, wanted)
    if routers and any(row.verdict != Verdict.SOUND for row in report.rows if _asked(row.name, wanted)):
        ways = ways_out(_first(routers), outcomes, job.requests_per_day, report.baseline_model)
        report = replace(report, exploration=ways)
    _write(job, report, say)
    return report


def _first(routers: Mapping[str, Router]) -> Router:
    return next(iter(routers.values()))


def _evaluator(
    job: EvaluateJob,
    traffic: tuple[TrafficTable, OutcomeMatrix],
    reader: Router,
    catalog: Catalog,
    routers: Mapping[str, Router],
) -> Evaluator:
    table, outcomes = traffic
    try:
        found = evaluator_of(outcomes, reader.features, catalog, _summary(table, outcomes), job.observational)
    except NotEvaluableError as error:
        ways = ways_out(_first(routers), outcomes, job.requests_per_day) if routers else ()
        raise NotEvaluableError(" ".join((f"{error}.", *ways)) if ways else str(error)) from error
    return replace(found, segments=_segments(None if lacks_texts(table) else reader, outcomes, job.segments))


def _write(job: EvaluateJob, report: EvaluationReport, say: Say) -> None:
    if job.report is not None:
        write_html(report, job.report)
    if job.figure is not None:
        _write_whole(job.figure, figure_png(frontier_figure(report)))
    folder = job.tracking or (Path() if has_store(Path()) else None)
    if folder is not None:
        say("logging to MLflow")
        _log(job, report, folder)


def _log(job: EvaluateJob, report: EvaluationReport, folder: Path) -> None:
    shown, short = as_shown(report, job.policies), shown_names(job.policies)
    tags = command_tags("evaluate")
    with Tracker(folder, job.experiment, f"evaluate on {shown.log.source}"[:200], tags) as tracker:
        asked = [short.get(name, name) for name in job.policies]
        tracker.log_params({"policies": asked, "baseline": shown.baseline, "observational": job.observational})
        judged = {name: tracker.registry.of(name) for name in job.policies if _is_bundle(name)}
        for found in dict.fromkeys(each.model_id for each in judged.values() if each is not None):
            tracker.used_model(found)
        first = next(iter(judged.values()), None)  # the lead: it was asked for first
        log_evaluation(tracker, shown, model_id=None if first is None else first.model_id)
        told = [f"`{short.get(n, n)}` is {f.link}." for n, f in judged.items() if f is not None]
        tracker.describe("\n\n".join([evaluation_note(shown), *told]))


def _segments(reader: Router | None, outcomes: OutcomeMatrix, columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Give the gatekeeper's segments, those that the log labels itself, language and tenant, and those asked for.

    None reads no texts: then there are none of the gatekeeper's.
    """
    found = {} if reader is None else dict(segments_of(reader.outlook(outcomes.queries)))
    own = {**outcomes.extras, **outcomes.labels}
    usual = [name for name in own if name.lower() in USUAL_SEGMENTS]
    for name in dict.fromkeys((*outcomes.labels, *usual, *columns)):
        if name not in own:
            raise InvalidInputError(
                f"the traffic has no column {name!r} with one value per request; it has {', '.join(own)}"
            )
        found[name] = pooled([UNKNOWN if value is None else str(value) for value in own[name]])
    return found


def evaluate(
    evaluator: Evaluator,
    outcomes: OutcomeMatrix,
    given: Mapping[str, Router | FloatArray],
    wanted: tuple[str, ...],
) -> EvaluationReport:
    """Evaluate routers, fixed and constant policies on one log; the baselines are always among them.

    Parameters
    ----------
    evaluator, outcomes : the log.
    given : name to router, whose candidates are models of the log, or to the (n, K) probabilities of a policy.
    wanted : names of those given, of models, or of baselines.
    """
    policies: dict[str, FloatArray] = {}
    families: list[PolicyFamily] = []
    for name in wanted:
        policy = given.get(name)
        if isinstance(policy, Router):
            outlook, columns = policy.outlook(outcomes.queries), policy.catalog.names
            found = policies_of(policy, outlook, name)
            policies |= {each: aligned(probs, columns, outcomes.models) for each, probs in found.items()}
            families.append(realigned(frontier(policy, outlook, name), columns, outcomes.models))
        elif policy is not None:
            policies[name] = policy
        elif name in outcomes.models:
            policies[name] = np.tile(np.eye(outcomes.n_models)[outcomes.models.index(name)], (outcomes.n, 1))
    return evaluator.report(policies, tuple(families))


def rule_probabilities(rule: Rule, name: str, outcomes: OutcomeMatrix) -> FloatArray:
    """Give the (n, K) probabilities of a rule on every request of a log; arbiter's own constraints are not applied.

    Raises
    ------
    InvalidInputError
        If it fails, names a model that the log never asked, or says nothing of a request.
    """
    with OwnCode(name):
        found = rule.shares(outcomes.queries, outcomes.models)
    silent = np.flatnonzero(found.sum(axis=1) == 0.0)
    if len(silent):
        raise InvalidInputError(
            f"{name} says nothing of {len(silent)} of {outcomes.n} requests, first of "
            f"{outcomes.request_ids[silent[0]]}: to be evaluated it must name a model for each"
        )
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
            f"`arbiter train`, models:/name@alias, FILE.py:RULE, {BEST_SINGLE}, {RANDOM}, or one of {', '.join(models)}"
        )


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _is_bundle(name: str) -> bool:
    return name.startswith(SOURCE_PREFIX) or (Path(name) / MANIFEST).is_file()


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
            f"{shares_told(outcomes)}"
        ),
    )
