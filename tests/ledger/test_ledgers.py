"""The contract of ledgers, run over all of them."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arbiter.errors import InvalidInputError, UnknownDecisionError
from arbiter.ledger import BufferedLedger, Event, EventKind, Ledger, SqliteLedger
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import FeedbackSource

MakeDecision = Callable[..., Decision]


@pytest.fixture(params=["file", "memory", "buffered"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    inner = SqliteLedger(":memory:" if request.param == "memory" else tmp_path / "ledger.db")
    made: Ledger = BufferedLedger(inner) if request.param == "buffered" else inner
    yield made
    made.close()


def of(record: Decision | Outcome | Feedback, timestamp: float = 0.0) -> Event:
    return Event(record=record, timestamp=timestamp)


def test_events_come_back_in_order(ledger: Ledger, make_decision: MakeDecision) -> None:
    """events() gives all that was appended, in order, and from any high-water mark on the rest."""
    events = [of(make_decision(f"d{i}"), float(i)) for i in range(5)]
    events += [of(Outcome(decision_id="d0", model="b", ok=True), 6.0), of(Feedback(decision_id="d0", quality=1.0), 7.0)]
    ledger.append(events[0])
    ledger.append_many(events[1:])
    read = list(ledger.events())
    assert [event for _, event in read] == events
    marks = [mark for mark, _ in read]
    assert marks == sorted(set(marks))
    assert list(ledger.events(after=marks[2])) == read[3:]
    assert ledger.decision("d3") == events[3].record


def test_a_decision_keeps_what_was_kept_of_its_prompt(ledger: Ledger, make_decision: MakeDecision) -> None:
    """The prompt comes back with the event of its decision."""
    event = Event(record=make_decision("d"), timestamp=1.5, prompt={"text": "héllo 你好", "input_tokens": 3})
    ledger.append(event)
    assert ledger.decision_event("d") == event


def test_unknown_decisions_are_refused(ledger: Ledger) -> None:
    """Feedback for a decision that is not held, and asking for one, raise; nothing is written."""
    for ask in (ledger.decision, ledger.feedback_for, lambda i: ledger.append(of(Feedback(decision_id=i)))):
        with pytest.raises(UnknownDecisionError, match="'nobody'"):
            ask("nobody")
    assert list(ledger.events()) == []


def test_repeated_events_count_once(ledger: Ledger, make_decision: MakeDecision) -> None:
    """Appending an equal decision, outcome or feedback again changes nothing, whatever the time says."""
    records = (make_decision("d"), Outcome(decision_id="d", model="a", ok=True), Feedback(decision_id="d", quality=0.5))
    for timestamp in (1.0, 2.0, 3.0):
        for record in records:
            ledger.append(of(record, timestamp))
    assert [event.timestamp for _, event in ledger.events()] == [1.0, 1.0, 1.0]


def test_a_correction_replaces_and_both_are_kept(ledger: Ledger, make_decision: MakeDecision) -> None:
    """The latest feedback of a (decision, source, key) holds, also when it returns to an earlier value."""
    ledger.append(of(make_decision("d")))
    for quality in (0.2, 0.9, 0.2):
        ledger.append(of(Feedback(decision_id="d", quality=quality)))
    assert ledger.feedback_for("d") == (Feedback(decision_id="d", quality=0.2),)
    assert len(list(ledger.events())) == 4


def test_sources_and_keys_stand_side_by_side(ledger: Ledger, make_decision: MakeDecision) -> None:
    """Feedback of another source or key does not correct."""
    ledger.append(of(make_decision("d")))
    given = (
        Feedback(decision_id="d", quality=0.2),
        Feedback(decision_id="d", quality=0.4, source=FeedbackSource.JUDGE),
        Feedback(decision_id="d", quality=0.6, source=FeedbackSource.JUDGE, key="second"),
    )
    ledger.append_many([of(feedback) for feedback in given])
    assert ledger.feedback_for("d") == given


def test_partial_feedback_adds_up(ledger: Ledger, make_decision: MakeDecision) -> None:
    """What a later feedback does not know (None) stays as it was known before."""
    ledger.append(of(make_decision("d")))
    ledger.append(of(Feedback(decision_id="d", quality=0.0, latency_s=2.0)))
    ledger.append(of(Feedback(decision_id="d", cost_usd=0.1, latency_s=3.0)))
    assert ledger.feedback_for("d") == (Feedback(decision_id="d", quality=0.0, cost_usd=0.1, latency_s=3.0),)


def test_counts_are_by_kind_and_model(ledger: Ledger, make_decision: MakeDecision) -> None:
    """Feedback counts for the model of its decision, an outcome for the model that served."""
    ledger.append_many([of(make_decision("1", "a")), of(make_decision("2", "a")), of(make_decision("3", "b"))])
    ledger.append(of(Outcome(decision_id="3", model="a", ok=True)))
    ledger.append(of(Feedback(decision_id="3", quality=0.1)))
    counts = {(count.kind, count.model): count.events for count in ledger.counts()}
    assert counts == {
        (EventKind.DECISION, "a"): 2,
        (EventKind.DECISION, "b"): 1,
        (EventKind.OUTCOME, "a"): 1,
        (EventKind.FEEDBACK, "b"): 1,
    }


def test_threads_lose_and_double_nothing(ledger: Ledger, make_decision: MakeDecision) -> None:
    """Eight threads that append decisions and feedback at once leave exactly what they appended."""

    def work(worker: int) -> None:
        for i in range(25):
            ledger.append(of(make_decision(f"{worker}-{i}")))
            ledger.append(of(Feedback(decision_id=f"{worker}-{i}", quality=i / 25)))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = [event for _, event in ledger.events()]
    assert len(events) == 400
    assert {event.decision_id for event in events} == {f"{w}-{i}" for w in range(8) for i in range(25)}


def test_closing_twice_is_no_error(ledger: Ledger) -> None:
    """close() may be called again."""
    ledger.close()
    ledger.close()


def test_a_direct_ledger_refuses_two_decisions_of_one_id(make_decision: MakeDecision) -> None:
    """An id stands for one decision; a batch with a refused event is not written at all."""
    with SqliteLedger(":memory:") as ledger:
        ledger.append(of(make_decision("d", "a")))
        with pytest.raises(InvalidInputError, match="id of its own"):
            ledger.append_many([of(make_decision("e")), of(make_decision("d", "b"))])
        assert [event.decision_id for _, event in ledger.events()] == ["d"]
