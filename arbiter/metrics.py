"""What a ledger says of each model and strategy: a fold over decisions, outcomes and feedback."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from arbiter.catalog import Catalog
from arbiter.ledger import Ledger
from arbiter.records import Decision, Feedback, Outcome
from arbiter.scoring import History
from arbiter.vocabulary import FeedbackSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetrics:
    """What was asked of one model and what came of it.

    Attributes
    ----------
    model : its name.
    decisions : times it was chosen.
    calls, errors : attempts that were recorded, and those of them that failed.
    error_reasons : why, to how often.
    judged : its answers that have a judged quality.
    quality : their mean; None where there is none.
    deviation : root mean square of (judged - expected quality); None where there is none.
    cost_usd : what was measured, in all; None where nothing was.
    cost_known : on how many requests.
    expected_cost_usd : what its decisions were expected to cost, in all.
    latency_p50_s, latency_p95_s : of what was measured; None where nothing was.
    latency_known : on how many requests.
    """

    model: str
    decisions: int = 0
    calls: int = 0
    errors: int = 0
    error_reasons: Mapping[str, int] = field(default_factory=dict)
    judged: int = 0
    quality: float | None = None
    deviation: float | None = None
    cost_usd: float | None = None
    cost_known: int = 0
    expected_cost_usd: float = 0.0
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    latency_known: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyMetrics:
    """What was decided under one strategy.

    Attributes
    ----------
    strategy : its name.
    decisions, reviews, degraded : decisions; those marked for human review; those made with something broken.
    judged, quality : judged answers and their mean; None where there is none.
    expected_cost_usd : mean per decision.
    """

    strategy: str
    decisions: int = 0
    reviews: int = 0
    degraded: int = 0
    judged: int = 0
    quality: float | None = None
    expected_cost_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMetrics:
    """Models and strategies, each by falling number of decisions."""

    models: tuple[ModelMetrics, ...]
    strategies: tuple[StrategyMetrics, ...]

    def history(self, catalog: Catalog) -> History:
        """Give what scoring takes, for the candidates of a catalog."""
        known = {m.model: m for m in self.models}
        rows = [known.get(name, ModelMetrics(model=name)) for name in catalog.names]
        squares = [m.judged * (m.deviation or 0.0) ** 2 for m in rows]
        return History(
            calls=np.array([float(m.calls) for m in rows]),
            failures=np.array([float(m.errors) for m in rows]),
            judged=np.array([float(m.judged) for m in rows]),
            squared_deviation=np.array(squares),
        )


@dataclass(slots=True)
class _Tally:
    """Sums of one model."""

    decisions: int = 0
    calls: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    expected_cost_usd: float = 0.0
    cost_usd: list[float] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)
    quality: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _StrategyTally:
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
    strategy: str
    expected: float
    measured: dict[str, float] = field(default_factory=dict)
    given: dict[tuple[FeedbackSource, str], float] = field(default_factory=dict)


class _Fold:
    """Takes a ledger's events in; memory grows with the judged decisions and the measurements, not with all events."""

    def __init__(self) -> None:
        self.models: dict[str, _Tally] = {}
        self.strategies: dict[str, _StrategyTally] = {}
        self.judged: dict[str, _Judged] = {}
        self.served: dict[str, str] = {}  # decisions that another model than the chosen one answered
        self.measured: set[tuple[str, str]] = set()  # (decision, quantity) that an outcome told

    def tally(self, model: str) -> _Tally:
        return self.models.setdefault(model, _Tally())

    def decision(self, decision: Decision) -> None:
        tally, row = self.tally(decision.model), self.strategies.setdefault(str(decision.strategy), _StrategyTally())
        tally.decisions += 1
        row.decisions += 1
        row.reviews += decision.needs_human_review
        row.degraded += bool(decision.degraded)
        estimate = decision.estimates.get(decision.model)
        if estimate is not None and np.isfinite(estimate.cost_usd):
            tally.expected_cost_usd += estimate.cost_usd
            row.expected_cost_usd += estimate.cost_usd

    def outcome(self, outcome: Outcome, chosen: str) -> None:
        tally = self.tally(outcome.model)
        tally.calls += 1
        if not outcome.ok:
            tally.reasons[str(outcome.fallback_reason or "unknown")] += 1
        elif outcome.model != chosen:
            self.served[outcome.decision_id] = outcome.model
        for name in ("cost_usd", "latency_s"):
            value = getattr(outcome, name)
            if value is not None:
                getattr(tally, name).append(value)
                self.measured.add((outcome.decision_id, name))

    def feedback(self, feedback: Feedback, decision: Decision) -> None:
        model = self.served.get(decision.id, decision.model)
        estimate = decision.estimates.get(model)
        expected = estimate.quality if estimate is not None else float("nan")
        judged = self.judged.setdefault(
            decision.id, _Judged(model=model, strategy=str(decision.strategy), expected=expected)
        )
        for name in ("cost_usd", "latency_s"):
            value = getattr(feedback, name)
            if value is not None and (decision.id, name) not in self.measured:
                judged.measured[name] = value  # the last value holds
        if feedback.quality is not None:
            judged.given[(feedback.source, feedback.key)] = feedback.quality

    def settle(self) -> None:
        """Add up what feedback said in the end."""
        for judged in self.judged.values():
            tally, given = self.tally(judged.model), judged.given
            for name, value in judged.measured.items():
                getattr(tally, name).append(value)
            if given:
                quality = sum(given.values()) / len(given)
                tally.quality.append(quality)
                tally.deviation.append(quality - judged.expected)
                self.strategies[judged.strategy].quality.append(quality)


def measure(ledger: Ledger) -> LedgerMetrics:
    """Fold a ledger into metrics.

    An outcome is one call; where an outcome tells cost or latency, feedback on the same decision does not count for it
    again. Of several judgements of a decision the mean counts.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    """
    fold = _Fold()
    for _, event in ledger.events():
        match event.record:
            case Decision() as decision:
                fold.decision(decision)
            case Outcome() as outcome:
                fold.outcome(outcome, ledger.decision(outcome.decision_id).model)
            case Feedback() as feedback:
                fold.feedback(feedback, ledger.decision(feedback.decision_id))
    fold.settle()
    models = sorted(fold.models.items(), key=lambda item: (-item[1].decisions, item[0]))
    strategies = sorted(fold.strategies.items(), key=lambda item: (-item[1].decisions, item[0]))
    return LedgerMetrics(
        models=tuple(_model(name, tally) for name, tally in models),
        strategies=tuple(_strategy(name, tally) for name, tally in strategies),
    )


def _model(name: str, tally: _Tally) -> ModelMetrics:
    deviation = np.array(tally.deviation)
    deviation = deviation[np.isfinite(deviation)]
    return ModelMetrics(
        model=name,
        decisions=tally.decisions,
        calls=tally.calls,
        errors=tally.reasons.total(),
        error_reasons=dict(tally.reasons),
        judged=len(tally.quality),
        quality=float(np.mean(tally.quality)) if tally.quality else None,
        deviation=float(np.sqrt(np.mean(deviation**2))) if deviation.size else None,
        cost_usd=float(np.sum(tally.cost_usd)) if tally.cost_usd else None,
        cost_known=len(tally.cost_usd),
        expected_cost_usd=tally.expected_cost_usd,
        latency_p50_s=float(np.quantile(tally.latency_s, 0.5)) if tally.latency_s else None,
        latency_p95_s=float(np.quantile(tally.latency_s, 0.95)) if tally.latency_s else None,
        latency_known=len(tally.latency_s),
    )


def _strategy(name: str, tally: _StrategyTally) -> StrategyMetrics:
    return StrategyMetrics(
        strategy=name,
        decisions=tally.decisions,
        reviews=tally.reviews,
        degraded=tally.degraded,
        judged=len(tally.quality),
        quality=float(np.mean(tally.quality)) if tally.quality else None,
        expected_cost_usd=tally.expected_cost_usd / tally.decisions,
    )
