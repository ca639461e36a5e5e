"""Sums over a ledger by model, task type and strategy; a fold that goes on where it stopped."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from arbiter.judgements import together
from arbiter.ledger import Ledger
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import NO_FAILURE, FallbackReason, FeedbackSource, TaskType


@dataclass(slots=True)
class Tally:
    """Sums of one model, on one task type or on all; they can be added.

    Attributes
    ----------
    decisions : times it was chosen.
    calls : attempts that were recorded.
    untold : answers that feedback speaks of while no attempt was recorded.
    reasons : why attempts failed, to how often.
    expected_cost_usd : what its decisions were expected to cost.
    cost_usd, latency_s : what was measured.
    quality, deviation : of judged answers, and judged less expected quality.
    """

    decisions: int = 0
    calls: int = 0
    untold: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    expected_cost_usd: float = 0.0
    cost_usd: list[float] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)
    quality: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            decisions=self.decisions + other.decisions,
            calls=self.calls + other.calls,
            untold=self.untold + other.untold,
            reasons=self.reasons + other.reasons,
            expected_cost_usd=self.expected_cost_usd + other.expected_cost_usd,
            cost_usd=self.cost_usd + other.cost_usd,
            latency_s=self.latency_s + other.latency_s,
            quality=self.quality + other.quality,
            deviation=self.deviation + other.deviation,
        )


@dataclass(slots=True)
class StrategyTally:
    """Sums of one strategy."""

    decisions: int = 0
    reviews: int = 0
    degraded: int = 0
    expected_cost_usd: float = 0.0
    quality: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Judged:
    """A decision that feedback speaks of."""

    model: str
    task: TaskType
    strategy: str
    expected: float
    measured: dict[str, float] = field(default_factory=dict)
    given: dict[tuple[FeedbackSource, str], float] = field(default_factory=dict)


class LedgerFold:
    """Takes a ledger's events in; memory grows with the judged decisions and the measurements, not with all events.

    An outcome is one call; where an outcome tells cost or latency, feedback on the same decision does not count for it
    again. Of several judgements of a decision the mean counts, weighed by the usual precision of each source.
    """

    def __init__(self) -> None:
        self._position = 0
        self._models: dict[tuple[str, TaskType], Tally] = {}
        self._strategies: dict[str, StrategyTally] = {}
        self._judged: dict[str, _Judged] = {}
        self._served: dict[str, str] = {}  # decision to the model that answered, as far as a call was recorded
        self._told: dict[str, set[str]] = {}  # decision to the quantities that an outcome told

    def catch_up(self, ledger: Ledger) -> None:
        """Take in what the ledger holds since the last time.

        Raises
        ------
        LedgerError
            If it cannot be read.
        """
        for position, event in ledger.events(self._position):
            match event.record:
                case Decision() as decision:
                    self._decision(decision)
                case Outcome() as outcome:
                    self._outcome(outcome, ledger.decision(outcome.decision_id))
                case Feedback() as feedback:
                    self._feedback(feedback, ledger.decision(feedback.decision_id))
            self._position = position

    def by_task(self) -> dict[tuple[str, TaskType], Tally]:
        """Give the sums of each model and task type, with what feedback said in the end."""
        found = {key: tally + Tally() for key, tally in self._models.items()}
        for identity, judged in self._judged.items():
            tally = found.setdefault((judged.model, judged.task), Tally())
            tally.untold += identity not in self._told
            for name, value in judged.measured.items():
                getattr(tally, name).append(value)
            known = together(judged.given)
            if known is not None:
                tally.quality.append(known.quality)
                tally.deviation.append(known.quality - judged.expected)
        return found

    def by_model(self) -> dict[str, Tally]:
        """Give the sums of each model over all task types."""
        found: dict[str, Tally] = {}
        for (model, _), tally in self.by_task().items():
            found[model] = found.get(model, Tally()) + tally
        return found

    def by_strategy(self) -> dict[str, StrategyTally]:
        """Give the sums of each strategy."""
        for row in self._strategies.values():
            row.quality = []
        for judged in self._judged.values():
            known = together(judged.given)
            if known is not None:
                self._strategies[judged.strategy].quality.append(known.quality)
        return self._strategies

    def _tally(self, model: str, decision: Decision) -> Tally:
        return self._models.setdefault((model, decision.profile.task_type), Tally())

    def _decision(self, decision: Decision) -> None:
        tally = self._tally(decision.model, decision)
        row = self._strategies.setdefault(str(decision.strategy), StrategyTally())
        tally.decisions += 1
        row.decisions += 1
        row.reviews += decision.needs_human_review
        row.degraded += bool(decision.degraded)
        estimate = decision.estimates.get(decision.model)
        if estimate is not None and np.isfinite(estimate.cost_usd):
            tally.expected_cost_usd += estimate.cost_usd
            row.expected_cost_usd += estimate.cost_usd

    def _outcome(self, outcome: Outcome, decision: Decision) -> None:
        if outcome.fallback_reason is FallbackReason.CIRCUIT_OPEN:
            return  # nobody was called
        tally = self._tally(outcome.model, decision)
        tally.calls += 1
        told = self._told.setdefault(decision.id, set())
        if outcome.ok:
            self._served[decision.id] = outcome.model
        elif outcome.fallback_reason not in NO_FAILURE:
            tally.reasons[str(outcome.fallback_reason or "unknown")] += 1
        for name in ("cost_usd", "latency_s"):
            value = getattr(outcome, name)
            if value is not None and (outcome.answered or (name == "cost_usd" and value > 0.0)):
                getattr(tally, name).append(value)  # how fast, and how free of charge, a call failed says nothing
                told.add(name)

    def _feedback(self, feedback: Feedback, decision: Decision) -> None:
        judged = self._judged.get(decision.id)
        if judged is None:
            model = self._served.get(decision.id, decision.model)
            estimate = decision.estimates.get(model)
            judged = self._judged[decision.id] = _Judged(
                model=model,
                task=decision.profile.task_type,
                strategy=str(decision.strategy),
                expected=float("nan") if estimate is None else estimate.quality,
            )
        for name in ("cost_usd", "latency_s"):
            value = getattr(feedback, name)
            if value is not None and name not in self._told.get(decision.id, ()):
                judged.measured[name] = value  # the last value holds
        if feedback.quality is not None:
            judged.given[(feedback.source, feedback.key)] = feedback.quality
