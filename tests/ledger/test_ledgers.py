"""The contract of ledgers, run over all of them."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arbiter.errors import InvalidInputError, LedgerError, UnknownDecisionError
from arbiter.ledger import BufferedLedger, Event, EventKind, Ledger, Snapshot, SqliteLedger, open_ledger
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import FeedbackSource

MakeDecision = Callable[..., Decision]


def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    """Open the ledger that a parameter names; PostgreSQL's tests are skipped where there is no server."""
    if "postgres" in request.param:
        inner = open_ledger(request.getfixturevalue("postgres").new_database())
    else:
        inner = open_ledger(":memory:" if request.param == "memory" else tmp_path / "ledger.db")
    return BufferedLedger(inner) if "buffered" in request.param else inner


@pytest.fixture(params=["file", "memory", "postgres", "buffered", "buffered postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made = opened(request, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["file", "memory", "postgres"])
def direct(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made = opened(request, tmp_path)
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


def test_the_last_outcomes_come_in_order(ledger: Ledger, make_decision: MakeDecision) -> None:
    """So many at most, after a number, and of outcomes alone; each call of a decision is one."""
    ledger.append(of(make_decision("d")))
    calls = [of(Outcome(decision_id="d", model="a", ok=False, attempt=i), float(i)) for i in range(5)]
    ledger.append_many(calls[:3])
    ledger.append(of(Feedback(decision_id="d", quality=1.0)))
    ledger.append_many(calls[3:])
    assert len(list(ledger.events())) == 7  # a buffered ledger writes before it reads
    found = ledger.outcomes(0, 10)
    assert [event for _, event in found] == calls
    assert ledger.outcomes(0, 2) == found[-2:]
    assert ledger.outcomes(found[3][0], 10) == found[4:]
    assert ledger.outcomes(found[4][0], 10) == []


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


def test_calls_count_once_however_their_repeats_are_mixed(ledger: Ledger, make_decision: MakeDecision) -> None:
    """A server that took a group and died before it said so gets the whole group again."""
    calls = [of(Outcome(decision_id="d", model="a", ok=i == 2, cost_usd=0.1, attempt=i)) for i in range(3)]
    ledger.append(of(make_decision("d")))
    for group in (calls, calls, calls[:1]):
        ledger.append_many(group)
    assert [event for _, event in ledger.events()][1:] == calls


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


def test_an_answer_is_found_by_its_own_id(ledger: Ledger, make_decision: MakeDecision) -> None:
    """The id that the provider gave leads to the decision; of repeated ids, to the latest; others are unknown."""
    ledger.append_many([of(make_decision("1")), of(make_decision("2"))])
    for decision, response in (("1", "chatcmpl-a"), ("1", None), ("2", "chatcmpl-b"), ("1", "again"), ("2", "again")):
        ledger.append(of(Outcome(decision_id=decision, model="a", ok=True, response_id=response)))
    found = {response: ledger.answered(response) for response in ("chatcmpl-a", "chatcmpl-b", "again")}
    assert found == {"chatcmpl-a": "1", "chatcmpl-b": "2", "again": "2"}
    for unknown in ("1", "chatcmpl-c", ""):
        with pytest.raises(UnknownDecisionError, match="holds no answer"):
            ledger.answered(unknown)


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


def test_closing_twice_is_no_error(ledger: Ledger, make_decision: MakeDecision) -> None:
    """close() may be called again; what comes after is refused, not lost."""
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError):
        ledger.append(of(make_decision("late")))


def test_a_direct_ledger_refuses_two_decisions_of_one_id(direct: Ledger, make_decision: MakeDecision) -> None:
    """An id stands for one decision; a batch with a refused event is not written at all."""
    direct.append(of(make_decision("d", "a")))
    with pytest.raises(InvalidInputError, match="id of its own"):
        direct.append_many([of(make_decision("e")), of(make_decision("d", "b"))])
    with pytest.raises(UnknownDecisionError):
        direct.append_many([of(make_decision("f")), of(Feedback(decision_id="nobody"))])
    assert [event.decision_id for _, event in direct.events()] == ["d"]


def test_a_batch_may_repeat_itself_and_what_is_held(direct: Ledger, make_decision: MakeDecision) -> None:
    """Of equal decisions in one batch, and of those held before, one is kept."""
    direct.append(of(make_decision("d")))
    direct.append_many([of(make_decision(name)) for name in ("d", "e", "e", "d", "f")])
    assert [event.decision_id for _, event in direct.events()] == ["d", "e", "f"]


def test_odd_texts_come_back(direct: Ledger, make_decision: MakeDecision) -> None:
    """Question marks, percent signs, quotes, zero characters inside a prompt, and numbers that are none."""
    decision = replace(make_decision("?%s'\""), confidence=float("nan"))
    event = Event(record=decision, timestamp=1e9 + 1 / 3, prompt={"text": "a\x00b ? %s \\ \u2028"})
    direct.append(event)
    direct.append(of(Feedback(decision_id=decision.id, latency_s=float("inf"), key="%(x)s ?")))
    assert repr(direct.decision_event(decision.id)) == repr(event)
    assert direct.feedback_for(decision.id)[0].latency_s == float("inf")


# what a fold reads


def test_judged_gives_feedback_with_its_past(ledger: Ledger, make_decision: MakeDecision) -> None:
    """In order, each with its decision and the feedback on it before; from any mark on the rest, none again."""
    ledger.append_many([of(make_decision("1")), of(make_decision("2"))])
    given = [
        Feedback(decision_id="1", quality=0.1),
        Feedback(decision_id="2", quality=0.2, source=FeedbackSource.JUDGE),
        Feedback(decision_id="1", quality=0.3),
        Feedback(decision_id="1", latency_s=0.5, key="x"),
    ]
    for i, feedback in enumerate(given):
        ledger.append(of(feedback, float(i)))
    found = list(ledger.judged())
    assert [(j.feedback, j.timestamp, j.decision.id) for j in found] == [
        (feedback, float(i), feedback.decision_id) for i, feedback in enumerate(given)
    ]
    assert [j.earlier for j in found] == [(), (), (given[0],), (given[0], given[2])]
    assert list(ledger.judged(found[1].sequence)) == found[2:]
    assert ledger.last_judged() == found[-1].sequence
    assert list(ledger.judged(ledger.last_judged())) == []


def test_judged_crosses_pages(direct: Ledger, make_decision: MakeDecision) -> None:
    """2,500 corrections of one decision and one of another: nothing is missed between pages."""
    direct.append_many([of(make_decision("1")), of(make_decision("2"))])
    direct.append_many(of(Feedback(decision_id="1" if i else "2", quality=(i % 7) / 7)) for i in range(2_500))
    found = list(direct.judged())
    assert [j.feedback.quality for j in found] == [(i % 7) / 7 for i in range(2_500)]
    assert all(len(j.earlier) == max(i - 1, 0) for i, j in enumerate(found))


# snapshots and retention


def test_a_snapshot_is_kept_until_one_knows_more(ledger: Ledger) -> None:
    """By name; an older one does not replace a newer one, whichever process comes last."""
    assert ledger.snapshot("a") is None
    first, later = (Snapshot(position=n, taken_at=1.0 * n, payload=f"text {n}") for n in (1, 2))
    for snapshot in (first, later, first):
        ledger.keep_snapshot("a", snapshot)
    assert ledger.snapshot("a") == later
    assert ledger.snapshot("b") is None


def test_identity_is_that_of_the_ledger(tmp_path: Path, make_decision: MakeDecision) -> None:
    """It stays when a file is opened again, differs between files, and is empty in memory."""
    names = []
    for name in ("a.db", "a.db", "b.db"):
        with SqliteLedger(tmp_path / name) as ledger:
            names.append(ledger.identity)
    assert names[0] == names[1] != names[2] and all(names)
    assert SqliteLedger(":memory:").identity == ""


def old_and_new(ledger: Ledger, make_decision: MakeDecision) -> int:
    """Fill a ledger: old judged, old unjudged, old but judged late, and new; give the number of the old judgement."""
    ledger.append_many([of(make_decision(name), 1.0) for name in ("judged", "unjudged", "late")])
    ledger.append(of(Feedback(decision_id="judged", quality=0.5), 2.0))
    old = ledger.last_judged()
    ledger.append_many([of(make_decision("new"), 100.0), of(Outcome(decision_id="late", model="a", ok=True), 3.0)])
    ledger.append(of(Feedback(decision_id="late", quality=0.5), 101.0))
    return old


def ids(ledger: Ledger) -> set[str]:
    return {event.decision_id for _, event in ledger.events()}


def test_pruning_keeps_what_no_snapshot_holds(ledger: Ledger, make_decision: MakeDecision) -> None:
    """Without a snapshot only what teaches nothing goes; decisions go as a whole or stay."""
    old_and_new(ledger, make_decision)
    done = ledger.prune(before=50.0)
    assert (done.events, done.held_back) == (1, 1)
    assert ids(ledger) == {"judged", "late", "new"}
    assert ledger.pruned_through() == 0


def test_pruning_deletes_what_snapshots_hold(ledger: Ledger, make_decision: MakeDecision) -> None:
    """The snapshot that knows least counts; one that nobody renewed for so long does not, and goes."""
    old = old_and_new(ledger, make_decision)
    ledger.keep_snapshot("abandoned", Snapshot(position=0, taken_at=10.0, payload=""))
    ledger.keep_snapshot("used", Snapshot(position=old, taken_at=99.0, payload=""))
    ledger.keep_snapshot("also used", Snapshot(position=old + 5, taken_at=99.0, payload=""))
    done = ledger.prune(before=50.0)
    assert (done.events, done.held_back) == (3, 0)
    assert ids(ledger) == {"late", "new"}
    assert ledger.pruned_through() == old
    assert ledger.snapshot("abandoned") is None and ledger.snapshot("used") is not None
    ledger.prune(before=50.0)
    assert ledger.pruned_through() == old
