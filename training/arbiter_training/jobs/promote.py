"""The job of `arbiter promote`: the gate between a bundle and the champion's alias; and the way back."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.bundle import load_bundle
from arbiter.catalog import catalog_for_log, read_catalog
from arbiter.deciding import Outlook
from arbiter.errors import BundleError, InvalidInputError
from arbiter.manifest import SCHEMA_VERSION
from arbiter.router import Router
from arbiter.vocabulary import Objective
from arbiter_training.evaluation.evaluate import BEST_SINGLE
from arbiter_training.evaluation.records import LogSummary
from arbiter_training.evaluation.routers import evaluator_of
from arbiter_training.evaluation.segments import segments_of
from arbiter_training.gate import GateDecision, GateRules, decide
from arbiter_training.gate_checks import GateEvidence, schema_problems
from arbiter_training.jobs.evaluate import aligned
from arbiter_training.jobs.train import Tracking
from arbiter_training.sequential import LookPlan
from arbiter_training.tracking import CHALLENGER, CHAMPION, DataNote, Tracker
from arbiter_training.traffic import OutcomeMatrix, pivot, read_traffic
from arbiter_training.train import Say, kind_of

FloatArray = NDArray[np.float64]

PREVIOUS = "previous"
"""The alias of the champion before this one: where a rollback goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAsk:
    """What the user asks of the gate; see :class:`arbiter_training.gate.GateRules`.

    Attributes
    ----------
    margin, budget_usd, max_drop : as there.
    quality_per_usd : None takes what the challenger was set to.
    alpha : chance of a false promotion over all looks.
    planned_requests : requests at the last look, for the sharper bound; None keeps one that holds for any number of
        looks.
    floors : segment, e.g. ``domain=coding``, to least quality.
    """

    margin: float = 0.0
    budget_usd: float | None = None
    max_drop: float | None = 0.05
    quality_per_usd: float | None = None
    alpha: float = 0.05
    planned_requests: int | None = None
    floors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteJob:
    """What to promote, on what evidence.

    Attributes
    ----------
    bundle : the challenger's folder.
    traffic : tables of requests that the challenger was not trained on.
    tracking : registry and name.
    ask : what the gate asks.
    catalog : TOML file with prices; None takes the shipped one and litellm's table.
    """

    bundle: Path
    traffic: tuple[Path, ...]
    tracking: Tracking
    ask: GateAsk = field(default_factory=GateAsk)
    catalog: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteDone:
    """What the gate decided, and what was done.

    Attributes
    ----------
    decision : with every check.
    against : the champion, in words.
    version : registered version of the challenger.
    store : of MLflow.
    """

    decision: GateDecision
    against: str
    version: int
    store: str

    def lines(self) -> list[str]:
        """Say it to people."""
        verdict = "promoted" if self.decision.promote else f"not promoted: {self.decision.recommendation}"
        lines = [f"version {self.version} against {self.against}: {verdict}", ""]
        for check in self.decision.figures:
            lines.append(f"  {'ok  ' if check.passed else 'FAIL'}  {check.reason}")
        lines += [
            f"  {reason}" for reason in self.decision.reasons if reason not in {c.reason for c in self.decision.figures}
        ]
        return [*lines, "", f"MLflow: {self.store}"]

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        return {"against": self.against, "version": self.version, "mlflow": self.store, **self.decision.to_dict()}


def run(job: PromoteJob, say: Say) -> PromoteDone:
    """Judge the challenger, register it, and move the champion's alias if the gate lets it.

    Raises
    ------
    TrafficError, CatalogError, BundleError, InvalidInputError
        If an input is wrong; the registry is untouched then.
    NotEvaluableError
        If the log cannot answer.
    """
    challenger, manifest = load_bundle(job.bundle)
    say("reading the traffic")
    table = read_traffic(list(job.traffic))
    outcomes = pivot(table)
    known = read_catalog(job.catalog) if job.catalog else None
    summary = LogSummary(
        source=", ".join(table.notes.sources),
        fingerprint=table.fingerprint(),
        n_requests=outcomes.n,
        models=outcomes.models,
        kind=kind_of(outcomes),
        protocol="the gate",
    )
    evaluator = evaluator_of(outcomes, challenger.features, catalog_for_log(outcomes.models, known), summary)
    with Tracker(job.tracking.folder, job.tracking.experiment, run_name=f"promote {job.bundle.name}") as tracker:
        say("asking the gate")
        champion = tracker.registry.version_of(job.tracking.name, CHAMPION)
        outlook = challenger.outlook(outcomes.queries)
        evidence = GateEvidence(
            log=evaluator.log,
            models=outcomes.models,
            challenger=_probabilities(challenger, outlook, outcomes),
            champion=_champion(tracker, job, champion, outcomes),
            q_hat=evaluator.q_hat,
            predicted_quality=aligned(outlook.expectation.quality, challenger.catalog.names, outcomes.models),
            segments=segments_of(outlook),
            schema_problems=schema_problems(manifest, outcomes.models, SCHEMA_VERSION),
        )
        decision = decide(evidence, rules_of(job.ask, challenger, evaluator.log.n))
        tracker.log_data(
            DataNote(name=summary.source, fingerprint=summary.fingerprint, source=summary.source), "evaluation"
        )
        tracker.log_metrics({f"gate/{_key(c.name)}": c.estimate for c in decision.figures if np.isfinite(c.estimate)})
        tracker.log_params({"promote": decision.promote, "recommendation": decision.recommendation})
        version = tracker.register(job.bundle, job.tracking.name)
        tracker.registry.set_alias(job.tracking.name, CHALLENGER, version)
        if decision.promote:
            _move(tracker, job.tracking.name, version, champion)
        against = BEST_SINGLE if champion is None else f"champion version {champion}"
        return PromoteDone(decision=decision, against=against, version=version, store=tracker.uri)


def rollback(tracking: Tracking) -> int:
    """Give the champion's alias back to the version before; give that version.

    Raises
    ------
    BundleError
        If there is none.
    """
    registry = Tracker(tracking.folder, tracking.experiment).registry
    before = registry.version_of(tracking.name, PREVIOUS)
    now = registry.version_of(tracking.name, CHAMPION)
    if before is None:
        raise BundleError(f"{tracking.name} has no version under the alias {PREVIOUS!r}; nothing to roll back to")
    registry.set_alias(tracking.name, CHAMPION, before)
    if now is not None:
        registry.set_alias(tracking.name, PREVIOUS, now)
    return before


def rules_of(ask: GateAsk, challenger: Router, n: int) -> GateRules:
    """Give the gate's rules; one look plan that holds for any number of looks, unless a number was planned."""
    value = ask.quality_per_usd
    if value is None:
        value = challenger.settings.weights(Objective.LEARNED).quality_per_usd
    if ask.planned_requests is not None and ask.planned_requests < n:
        raise InvalidInputError(f"{ask.planned_requests} requests were planned, the log already has {n}; plan more")
    looks = LookPlan(
        planned_units=ask.planned_requests or n,
        alpha=ask.alpha,
        method="anytime" if ask.planned_requests is None else "spending",
    )
    return GateRules(
        looks=looks,
        quality_per_usd=value,
        margin=ask.margin,
        max_drop=ask.max_drop,
        budget_usd=ask.budget_usd,
        floors=dict(ask.floors),
    )


def _probabilities(router: Router, outlook: Outlook, outcomes: OutcomeMatrix) -> FloatArray:
    return aligned(router.action_probabilities(outlook), router.catalog.names, outcomes.models)


def _champion(tracker: Tracker, job: PromoteJob, version: int | None, outcomes: OutcomeMatrix) -> FloatArray:
    """Give what the champion would do; without one, the model of the best mean quality in the log does everything."""
    if version is None:
        best = int(np.nanargmax(np.nanmean(np.where(outcomes.observed, outcomes.quality, np.nan), axis=0)))
        return np.tile(np.eye(outcomes.n_models)[best], (outcomes.n, 1))
    with tempfile.TemporaryDirectory() as scratch:
        folder = tracker.registry.download(f"models:/{job.tracking.name}/{version}", Path(scratch))
        router, _ = load_bundle(folder)
    unknown = sorted(set(router.catalog.names) - set(outcomes.models))
    if unknown:
        raise InvalidInputError(f"the champion chooses between models that the log has not: {', '.join(unknown)}")
    return _probabilities(router, router.outlook(outcomes.queries), outcomes)


def _move(tracker: Tracker, name: str, version: int, champion: int | None) -> None:
    if champion is not None:
        tracker.registry.set_alias(name, PREVIOUS, champion)
    tracker.registry.set_alias(name, CHAMPION, version)


def _key(name: str) -> str:
    return "".join(ch if ch.isalnum() or ch in "_-./ " else "_" for ch in name)
