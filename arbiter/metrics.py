"""What a ledger says of each model and strategy: a fold over decisions, outcomes and feedback."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from arbiter.catalog import Catalog
from arbiter.ledger import Ledger
from arbiter.scoring import History
from arbiter.tallies import LedgerFold, StrategyTally, Tally


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


def measure(ledger: Ledger) -> LedgerMetrics:
    """Fold a ledger into metrics; see :class:`arbiter.tallies.LedgerFold` for what counts as what.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    """
    fold = LedgerFold()
    fold.catch_up(ledger)
    models = sorted(fold.by_model().items(), key=lambda item: (-item[1].decisions, item[0]))
    strategies = sorted(fold.by_strategy().items(), key=lambda item: (-item[1].decisions, item[0]))
    return LedgerMetrics(
        models=tuple(_model(name, tally) for name, tally in models),
        strategies=tuple(_strategy(name, tally) for name, tally in strategies),
    )


def _model(name: str, tally: Tally) -> ModelMetrics:
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


def _strategy(name: str, tally: StrategyTally) -> StrategyMetrics:
    return StrategyMetrics(
        strategy=name,
        decisions=tally.decisions,
        reviews=tally.reviews,
        degraded=tally.degraded,
        judged=len(tally.quality),
        quality=float(np.mean(tally.quality)) if tally.quality else None,
        expected_cost_usd=tally.expected_cost_usd / tally.decisions,
    )
