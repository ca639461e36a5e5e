"""The job of `arbiter promote`: the gate between a bundle and the champion's alias; and the way back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.errors import BundleError, InvalidInputError
from arbiter.vocabulary import Objective
from arbiter_training.bundle_registry import BundleRegistry
from arbiter_training.evaluation.evaluate import best_single
from arbiter_training.gate import GateDecision, GateRules, decide
from arbiter_training.jobs.contest import Contest, read_contest
from arbiter_training.jobs.train import Tracking
from arbiter_training.look_record import LookRecord, contest_key
from arbiter_training.sequential import LookPlan
from arbiter_training.tracking import CHALLENGER, CHAMPION, DataNote, MetricLink, Registered, Tracker, metric_name
from arbiter_training.tracking_labels import command_tags, shown_source
from arbiter_training.train import Say

PREVIOUS = "previous"
"""The alias of the champion before this one: where a rollback goes."""

LONGEST_TAG = 1_000
"""Letters of the gate's reasons with a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAsk:
    """What the user asks of the gate; see :class:`arbiter_training.gate.GateRules`.

    Attributes
    ----------
    margin, budget_usd, max_drop : as there.
    quality_per_usd : None takes what the challenger was set to.
    alpha : chance of a false promotion over all looks.
    planned_requests : requests (sessions, where the log has them) at the last look, for the sharper bound; None keeps
        to the plan of the first look, and at the first takes a bound that holds for any number of looks.
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
    look : which look this was, in words.
    store : of MLflow.
    """

    decision: GateDecision
    against: str
    version: int
    look: str
    store: str

    def lines(self) -> list[str]:
        """Say it to people."""
        advice = " ".join(filter(None, (str(self.decision.recommendation), self.decision.constant)))
        verdict = "promoted" if self.decision.promote else f"not promoted: {advice}"
        lines = [f"version {self.version} against {self.against}: {verdict}", self.look, ""]
        for check in self.decision.figures:
            lines.append(f"  {'ok  ' if check.passed else 'FAIL'}  {check.reason}")
        lines += [
            f"  {reason}" for reason in self.decision.reasons if reason not in {c.reason for c in self.decision.figures}
        ]
        return [*lines, "", f"MLflow: {self.store}"]

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        told = {"against": self.against, "version": self.version, "look": self.look, "mlflow": self.store}
        return {**told, **self.decision.to_dict()}


def run(job: PromoteJob, say: Say) -> PromoteDone:
    """Judge the challenger, register it, remember the look, and move the champion's alias if the gate lets it.

    Raises
    ------
    TrafficError, CatalogError, BundleError, InvalidInputError
        If an input is wrong; the registry is untouched then.
    NotEvaluableError
        If the log cannot answer.
    """
    say("reading the traffic")
    contest = read_contest(job.bundle, job.traffic, job.catalog)
    run_name, tags = f"promote {job.bundle.name}", command_tags("promote")
    with Tracker(job.tracking.folder, job.tracking.experiment, run_name, tags) as tracker:
        say("asking the gate")
        registry, name = tracker.registry, job.tracking.name
        champion = registry.version_of(name, CHAMPION)
        key = contest_key(contest.manifest["files"], champion)
        record = _record(job.ask, contest, registry.note(name, key), champion)
        rival = contest.constant(record.against) if champion is None else contest.version(registry, name, champion)
        evidence, ids = contest.against(rival), contest.outcomes.request_ids.tolist()
        earlier = record.earlier(evidence.log.units, ids)
        decision = decide(evidence, rules_of(job.ask, record), earlier)
        record = record.after(earlier, evidence.log.units, ids)
        challenger = _log(tracker, job, contest, decision)
        version = challenger.version
        registry.set_note(name, key, record.to_text())
        _point(registry, challenger, champion, promoted=decision.promote)
        against = best_single(record.against) if champion is None else f"champion {record.against}"
        done = PromoteDone(
            decision=decision, against=against, version=version, look=record.sentence(), store=tracker.uri
        )
        _describe(tracker, challenger, contest, done)
        return done


def _record(ask: GateAsk, contest: Contest, noted: str | None, champion: int | None) -> LookRecord:
    """Give the looks so far; before the first, the plan of them."""
    value = ask.quality_per_usd
    if value is None:
        value = contest.challenger.settings.weights(Objective.LEARNED).quality_per_usd
    asked: dict[str, object] = {"alpha": ask.alpha, "quality_per_usd": value}
    if ask.planned_requests is not None:
        asked |= {"planned_units": ask.planned_requests, "method": "spending"}
    if noted is not None:
        return LookRecord.of_text(noted).agreed(asked)
    units = contest.evaluator.log.units
    if ask.planned_requests is not None and ask.planned_requests < units:
        raise InvalidInputError(f"{ask.planned_requests} were planned, the log already has {units}; plan more")
    method = "anytime" if ask.planned_requests is None else "spending"
    return LookRecord(
        plan=LookPlan(planned_units=ask.planned_requests or units, alpha=ask.alpha, method=method),
        quality_per_usd=value,
        against=contest.evaluator.best_model() if champion is None else f"version {champion}",
    )


def _log(tracker: Tracker, job: PromoteJob, contest: Contest, decision: GateDecision) -> Registered:
    """Write the decision to the run, and name the challenger; give its version, made where there is none yet."""
    summary, name = contest.evaluator.summary, job.tracking.name
    data = DataNote(
        name=summary.source,
        fingerprint=summary.fingerprint,
        source=summary.source,
        profile={"requests": summary.n_requests},
    )
    tracker.log_data(data, "evaluation")
    found = tracker.registry.find(job.bundle, name)
    challenger = found or tracker.register(job.bundle, name)
    if found is not None:
        tracker.used_model(found.model_id)
    figures = [check for check in decision.figures if np.isfinite(check.estimate)]
    told = {f"gate/{metric_name(c.name)}": c.estimate for c in figures}
    told |= {f"gate/{metric_name(c.name)}/bound": c.bound for c in figures if np.isfinite(c.bound)}
    tracker.log_metrics(
        {**told, "gate/passed": float(decision.promote)}, of=MetricLink(model_id=challenger.model_id, data=data)
    )
    tracker.log_params({"promote": decision.promote, "recommendation": decision.recommendation})
    tracker.log_text("\n".join(check.reason for check in decision.figures), "gate.txt")
    return challenger


def _describe(tracker: Tracker, challenger: Registered, contest: Contest, done: PromoteDone) -> None:
    """Say in the run, and with the version, what the gate decided and why."""
    summary, decision = contest.evaluator.summary, done.decision
    verdict = done.lines()[0].partition(": ")[2]
    checks = [f"| {'passed' if check.passed else '**failed**'} | {check.reason} |" for check in decision.figures]
    more = [reason for reason in decision.reasons if reason not in {check.reason for check in decision.figures}]
    table = "\n".join(["| check | what was found |", "|---|---|", *checks])
    about = (
        f"Judged on {summary.n_requests} requests of `{shown_source(summary.source)}`, which it must not have been "
        f"trained on. This was {done.look}. Utility is quality less the price of money, in quality points per request."
    )
    tracker.describe("\n\n".join([f"**{challenger.link} against {done.against}: {verdict}**", *more, table, about]))
    why = "; ".join(decision.reasons)[:LONGEST_TAG]
    gate = {"arbiter.gate": "passed" if decision.promote else "refused", "arbiter.gate_run": tracker.run_id}
    tracker.registry.tag_version(
        challenger.name, challenger.version, {**gate, "arbiter.gate_reason": why or "every check was passed"}
    )


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


def rules_of(ask: GateAsk, record: LookRecord) -> GateRules:
    """Give the gate's rules under the plan of looks."""
    return GateRules(
        looks=record.plan,
        quality_per_usd=record.quality_per_usd,
        margin=ask.margin,
        max_drop=ask.max_drop,
        budget_usd=ask.budget_usd,
        floors=dict(ask.floors),
    )


def _point(registry: BundleRegistry, challenger: Registered, champion: int | None, *, promoted: bool) -> None:
    """Move the aliases; who asks for what he is leaves them as they are."""
    name, version = challenger.name, challenger.version
    if version == champion:
        return
    if not promoted:
        registry.set_alias(name, CHALLENGER, version)
        return
    if champion is not None:
        registry.set_alias(name, PREVIOUS, champion)
    registry.set_alias(name, CHAMPION, version)
    registry.remove_alias(name, CHALLENGER)  # it asks for nothing any more
