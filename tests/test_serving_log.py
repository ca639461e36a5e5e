"""Laws of the serving log: what a ledger recorded comes out as a valid traffic table, with its propensities."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.errors import LedgerError, TrafficError
from arbiter.intake import read_request
from arbiter.ledger import Event, PromptPolicy, PromptStorage, SqliteLedger
from arbiter.records import Decision, Feedback, Outcome
from arbiter.service import Arbiter, ServiceOptions
from arbiter.serving_log import ServingLog, serving_log
from arbiter.vocabulary import FallbackReason, FeedbackSource
from arbiter_training.traffic import read_traffic, require_texts, traffic_from_records, write_traffic

ROUTER = cold_start_router(Catalog.default().subset(["gpt-4o", "gpt-4o-mini"]))
MADE = ROUTER.route(read_request("hi"), np.random.default_rng(0))


def decision(identity: str, model: str = "gpt-4o", session_id: str | None = None) -> Decision:
    return replace(MADE, id=identity, model=model, propensity=0.25, session_id=session_id)


def logged(*records: Decision | Outcome | Feedback) -> ServingLog:
    with SqliteLedger(":memory:") as ledger:
        for i, record in enumerate(records):
            prompt = {"text": f"prompt {i}", "input_tokens": 3} if isinstance(record, Decision) else None
            ledger.append(Event(record=record, timestamp=float(i), prompt=prompt))
        return serving_log(ledger)


def test_rows_worked_by_hand() -> None:
    """Judged and corrected; measured by the call and by feedback; failed over; failed; not heard of."""
    found = logged(
        decision("judged", session_id="s"),
        decision("measured"),
        decision("replaced"),
        decision("failed"),
        decision("silent"),
        Feedback(decision_id="judged", quality=0.2, cost_usd=0.01),
        Feedback(decision_id="judged", quality=0.8, latency_s=1.5),
        Feedback(decision_id="judged", quality=0.2, source=FeedbackSource.JUDGE),
        Outcome(decision_id="measured", model="gpt-4o", ok=True, cost_usd=0.02),
        Feedback(decision_id="measured", cost_usd=0.5, latency_s=2.0),
        Outcome(decision_id="replaced", model="gpt-4o", ok=False, fallback_reason=FallbackReason.TIMEOUT),
        Outcome(decision_id="replaced", model="gpt-4o-mini", ok=True, cost_usd=0.001),
        Feedback(decision_id="replaced", quality=0.7, cost_usd=0.001),
        Outcome(decision_id="failed", model="gpt-4o", ok=False),
    )
    rows = {str(row["request_id"]): row for row in found.rows}
    judged = rows["judged"]
    assert judged["quality"] == pytest.approx(0.6)  # a judge counts half of a person
    assert (judged["cost_usd"], judged["latency_s"]) == (0.01, 1.5)
    assert (judged["prompt"], judged["session_id"], judged["propensity"]) == ("prompt 0", "s", 0.25)
    assert judged["timestamp"] == "1970-01-01T00:00:00+00:00"
    measured = rows["measured"]
    assert (measured["cost_usd"], measured["latency_s"]) == (0.02, 2.0) and "quality" not in measured
    replaced = rows["replaced"]
    assert (replaced["model"], replaced["status"], replaced["propensity"]) == ("gpt-4o", "timeout", 0.25)
    assert (replaced["served_by"], replaced["served_quality"]) == ("gpt-4o-mini", 0.7)
    assert not {"quality", "cost_usd"} & set(replaced)
    assert rows["failed"]["status"] == "error" and rows["silent"]["status"] == "ok"
    assert (found.texts, found.limits()) == (5, None)


def test_a_clock_that_gave_milliseconds_is_named() -> None:
    """Not as a fault of the feedback's."""
    with SqliteLedger(":memory:") as ledger:
        ledger.append(Event(record=decision("d"), timestamp=1.8e12))
        with pytest.raises(LedgerError, match=r"decision d was recorded at 1.8e\+12 seconds .* give milliseconds\?"):
            serving_log(ledger)


def test_a_call_that_failed_tells_nothing_of_what_an_answer_costs() -> None:
    """What was answered does: tokens, first token, and all the calls of the chosen model that were paid for."""
    failed = {"ok": False, "cost_usd": 0.0, "latency_s": 0.01, "cooldown_s": 10.0, "model": "gpt-4o"}
    found = logged(
        decision("failed"),
        decision("again"),
        decision("checked"),
        Outcome(decision_id="failed", fallback_reason=FallbackReason.ERROR, **failed),  # type: ignore[arg-type]
        Outcome(decision_id="again", fallback_reason=FallbackReason.ERROR, **failed),  # type: ignore[arg-type]
        Outcome(
            decision_id="again",
            model="gpt-4o",
            ok=True,
            cost_usd=0.02,
            latency_s=2.0,
            ttft_s=0.5,
            input_tokens=10,
            output_tokens=7,
            attempt=1,
        ),
        Outcome(decision_id="checked", model="gpt-4o", ok=True, cost_usd=0.02, output_tokens=7),
        Outcome(
            decision_id="checked",
            model="gpt-4o",
            ok=False,
            cost_usd=0.03,
            output_tokens=9,
            fallback_reason=FallbackReason.NOT_NEEDED,
            attempt=1,
        ),
    )
    rows = {str(row["request_id"]): row for row in found.rows}
    assert not {"cost_usd", "latency_s"} & set(rows["failed"])
    again = rows["again"]
    assert (again["status"], again["cost_usd"], again["latency_s"], again["ttft_s"]) == ("ok", 0.02, 2.0, 0.5)
    assert (again["input_tokens"], again["output_tokens"]) == (10, 7)
    assert rows["checked"]["cost_usd"] == pytest.approx(0.05)


@pytest.mark.parametrize("ending", [".jsonl", ".parquet", ".csv"])
def test_what_was_served_comes_back_as_traffic(tmp_path: Path, ending: str) -> None:
    """Every decision is one row with its own propensity, whatever the format; messages stay messages."""
    pytest.importorskip("pyarrow")
    with Arbiter(ROUTER, SqliteLedger(tmp_path / "l.db"), ServiceOptions(seed=0)) as service:
        requests = [f"request {i}" for i in range(20)]
        decisions = service.route_batch([*requests, [{"role": "user", "content": "turn"}]])
        for i, made in enumerate(decisions[:10]):
            service.feedback(made.id, quality=i / 10)
        rows = serving_log(service.ledger).rows
    write_traffic(traffic_from_records(rows), tmp_path / f"log{ending}")
    table = read_traffic(tmp_path / f"log{ending}")
    assert table.request_id.tolist() == [d.id for d in decisions]
    assert table.propensity.tolist() == [d.propensity for d in decisions]
    assert table.model.tolist() == [d.model for d in decisions]
    assert table.prompt.tolist()[:20] == requests and not isinstance(table.prompt[20], str)
    assert np.nan_to_num(table.quality, nan=-1.0).tolist() == [i / 10 for i in range(10)] + [-1.0] * 11
    require_texts(table, "nothing")


@pytest.mark.parametrize(("policy", "texts"), [(PromptPolicy.HASHED, 2), (PromptPolicy.NONE, 3)])
def test_without_texts_the_log_says_what_is_left(policy: PromptPolicy, texts: int) -> None:
    """It stays a valid table, hashes tell repeats, and learning from it is refused with what can be done."""
    options = ServiceOptions(prompts=PromptStorage(policy=policy))
    with Arbiter(ROUTER, SqliteLedger(":memory:"), options) as service:
        service.route_batch(["same", "same", "other"])
        log = serving_log(service.ledger)
    assert len({row["prompt"] for row in log.rows}) == texts
    assert "same" not in repr(log.rows)
    limits = log.limits()
    assert limits is not None and limits.startswith("3 of 3 requests have no text")
    with pytest.raises(TrafficError, match=r"3 of 3 rows hold no text.*no router can be learned.*best-single"):
        require_texts(traffic_from_records(log.rows), "no router can be learned from them")
