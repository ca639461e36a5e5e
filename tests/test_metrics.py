"""Laws of what a ledger says of models and strategies."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.intake import read_request
from arbiter.ledger import Event, SqliteLedger
from arbiter.metrics import LedgerMetrics, measure
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import FallbackReason, FeedbackSource, Strategy

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini"])
MADE = cold_start_router(CATALOG).route(read_request("hi"), np.random.default_rng(0))


def decision(identity: str, model: str, strategy: Strategy = Strategy.BALANCED) -> Decision:
    return replace(MADE, id=identity, model=model, strategy=strategy)


def measured(*records: Decision | Outcome | Feedback) -> LedgerMetrics:
    with SqliteLedger(":memory:") as ledger:
        ledger.append_many(Event(record=record, timestamp=float(i)) for i, record in enumerate(records))
        return measure(ledger)


def expected(model: str) -> float:
    return MADE.estimates[model].quality


def test_an_empty_ledger_knows_nothing() -> None:
    """No models, no strategies, and a history of zeros."""
    found = measured()
    assert found == LedgerMetrics(models=(), strategies=())
    assert found.history(CATALOG).calls.tolist() == [0.0, 0.0]


def test_metrics_worked_by_hand() -> None:
    """Two decisions of one model, one failing over to the other; outcomes, judgements, costs and latencies."""
    found = measured(
        decision("1", "gpt-4o"),
        decision("2", "gpt-4o", Strategy.QUALITY_FIRST),
        decision("3", "gpt-4o-mini"),
        Outcome(decision_id="1", model="gpt-4o", ok=True, cost_usd=0.02, latency_s=2.0),
        Outcome(decision_id="2", model="gpt-4o", ok=False, fallback_reason=FallbackReason.TIMEOUT),
        Outcome(decision_id="2", model="gpt-4o-mini", ok=True, cost_usd=0.001, latency_s=1.0),
        Feedback(decision_id="1", quality=1.0),
        Feedback(decision_id="2", quality=0.5),
        Feedback(decision_id="3", quality=0.25, cost_usd=0.003, latency_s=3.0),
    )
    big, small = found.models
    assert (big.model, big.decisions, big.calls, big.errors) == ("gpt-4o", 2, 2, 1)
    assert big.error_reasons == {"timeout": 1}
    assert (big.judged, big.quality, big.cost_usd, big.latency_p50_s) == (1, 1.0, 0.02, 2.0)
    assert big.expected_cost_usd == pytest.approx(2 * MADE.estimates["gpt-4o"].cost_usd)
    # Of the second decision the small model gave the answer, so it is the one that was judged.
    assert (small.model, small.decisions, small.calls, small.judged) == ("gpt-4o-mini", 1, 1, 2)
    assert small.quality == pytest.approx(0.375)
    assert (small.cost_usd, small.cost_known) == (pytest.approx(0.004), 2)
    assert small.latency_p50_s == pytest.approx(2.0)
    deviation = np.array([0.5, 0.25]) - expected("gpt-4o-mini")
    assert small.deviation == pytest.approx(np.sqrt((deviation**2).mean()))
    by_name = {row.strategy: row for row in found.strategies}
    assert (by_name["balanced"].decisions, by_name["balanced"].quality) == (2, pytest.approx(0.625))
    assert (by_name["quality_first"].decisions, by_name["quality_first"].quality) == (1, 0.5)
    assert by_name["quality_first"].expected_cost_usd == pytest.approx(MADE.estimates["gpt-4o"].cost_usd)


def test_repeated_feedback_counts_once_and_sources_are_averaged() -> None:
    """The last value of one source holds; several sources make one judgement, in which a judge counts half a person."""
    found = measured(
        decision("1", "gpt-4o"),
        Feedback(decision_id="1", quality=0.0, latency_s=9.0),
        Feedback(decision_id="1", quality=1.0, latency_s=1.0),
        Feedback(decision_id="1", quality=0.5, source=FeedbackSource.JUDGE),
    )
    (row,) = found.models
    assert (row.judged, row.quality) == (1, pytest.approx((1.0 + 0.5 * 0.5) / 1.5))
    assert (row.latency_p50_s, row.latency_known) == (1.0, 1)


def test_what_an_outcome_measured_feedback_does_not_count_again() -> None:
    """One request has one cost."""
    found = measured(
        decision("1", "gpt-4o"),
        Outcome(decision_id="1", model="gpt-4o", ok=True, cost_usd=0.02),
        Feedback(decision_id="1", cost_usd=0.03, latency_s=1.5),
    )
    (row,) = found.models
    assert (row.cost_usd, row.cost_known, row.latency_p50_s) == (0.02, 1, 1.5)
    assert (row.judged, row.quality) == (0, None)


def test_the_history_is_that_of_the_catalogs_candidates() -> None:
    """In its order; models that it lacks are left out, those never asked have zeros."""
    found = measured(
        decision("1", "gpt-4o"),
        Outcome(decision_id="1", model="retired", ok=False),
        Outcome(decision_id="1", model="gpt-4o", ok=True),
        Feedback(decision_id="1", quality=0.5),
    )
    history = found.history(CATALOG)
    assert history.calls.tolist() == [1.0, 0.0]
    assert history.failures.tolist() == [0.0, 0.0]
    assert history.squared_deviation[0] == pytest.approx((0.5 - expected("gpt-4o")) ** 2)
