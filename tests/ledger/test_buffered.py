"""The background writer: order, back-pressure, errors, draining."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from arbiter.errors import InvalidInputError, LedgerError
from arbiter.ledger import BufferedLedger, Event, SqliteLedger, open_ledger
from arbiter.records import Decision, Outcome

MakeDecision = Callable[..., Decision]


class StubbornLedger(SqliteLedger):
    """An in-memory ledger whose disk can be told to fail or to stall."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.failing = False
        self.may_write = threading.Event()
        self.may_write.set()
        self.groups: list[int] = []

    def append_many(self, events: Iterable[Event]) -> None:
        """Write when the disk may, or fail when it is told to."""
        self.may_write.wait(10)
        if self.failing:
            raise LedgerError("no space on the disk")
        events = tuple(events)
        super().append_many(events)
        self.groups.append(len(events))


def wait_until_failed(ledger: BufferedLedger) -> None:
    with ledger._changed:
        assert ledger._changed.wait_for(lambda: ledger._error is not None, 10)


def test_closing_writes_what_is_queued(tmp_path: Path, make_decision: MakeDecision) -> None:
    """Everything appended before close() is in the file afterwards, in order."""
    with BufferedLedger(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        for i in range(700):
            ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
    with SqliteLedger(tmp_path / "ledger.db") as inner:
        assert [event.decision_id for _, event in inner.events()] == [str(i) for i in range(700)]
    with pytest.raises(LedgerError, match="closed"):
        ledger.append(Event(record=make_decision("late"), timestamp=0.0))


FORKED = """
import os, sys, time
from arbiter.errors import LedgerError
from arbiter.ledger import BufferedLedger, Event, SqliteLedger
from arbiter.records import Feedback

ledger = BufferedLedger(SqliteLedger(sys.argv[1]), timeout_s=30.0)
child = os.fork()
if child == 0:
    feedback = Event(record=Feedback(decision_id="d", quality=1.0), timestamp=0.0)
    for ask in (lambda: ledger.append(feedback), ledger.flush, lambda: ledger.decision("d"), lambda: ledger.judged(0)):
        try:
            list(ask() or ())
        except LedgerError as error:
            print(error, flush=True)
    ledger.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert ledger.counts() == ()
ledger.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_says_so_at_once_and_leaves_the_ledger_to_its_process(tmp_path: Path) -> None:
    """Where a server was loaded before its workers were forked, the writer is not theirs: nothing waits for it."""
    command = [sys.executable, "-c", FORKED, str(tmp_path / "l.db")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=25)
    assert found.returncode == 0, found.stderr
    said = found.stdout.splitlines()
    assert len(said) == 4 and all("was opened before a fork; open one in each process, after it" in s for s in said)


def test_many_events_share_a_commit(make_decision: MakeDecision) -> None:
    """What gathers while the disk is busy goes out in one group, and appending does not wait for it."""
    inner = StubbornLedger()
    inner.may_write.clear()
    ledger = BufferedLedger(inner)
    for i in range(100):
        ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
    inner.may_write.set()
    ledger.flush()
    assert sum(inner.groups) == 100 and len(inner.groups) <= 3
    ledger.close()


def test_a_group_gathers_until_somebody_waits_for_it(
    make_decision: MakeDecision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written of its own accord for a minute; reading, a full group and closing do not wait for that."""
    monkeypatch.setattr("arbiter.ledger.buffered.LINGER_S", 60.0)
    monkeypatch.setattr("arbiter.ledger.buffered.GROUP_EVENTS", 20)
    inner = StubbornLedger()
    ledger = BufferedLedger(inner, timeout_s=5.0)
    for i in range(10):
        ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
    time.sleep(0.1)
    assert inner.groups == []
    assert ledger.decision("9").id == "9" and inner.groups == [10]
    for i in range(10, 30):
        ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
    with ledger._changed:
        assert ledger._changed.wait_for(lambda: ledger._settled == 30, 5.0)
    assert inner.groups == [10, 20]
    ledger.append(Event(record=make_decision("30"), timestamp=0.0))
    ledger.close()
    assert inner.groups == [10, 20, 1]


def test_a_full_queue_makes_appending_wait(make_decision: MakeDecision) -> None:
    """The queue is bounded: with a stalled disk an append waits, and gives up with an error in time."""
    inner = StubbornLedger()
    inner.may_write.clear()
    ledger = BufferedLedger(inner, max_pending=3, timeout_s=0.05)
    for i in range(3):
        ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
    with pytest.raises(LedgerError, match="queue of 3 events stays full"):
        ledger.append(Event(record=make_decision("3"), timestamp=0.0))
    with pytest.raises(LedgerError, match="is its disk stuck"):
        ledger.flush()
    inner.may_write.set()
    ledger._timeout_s = 10
    ledger.append(Event(record=make_decision("3"), timestamp=0.0))
    ledger.flush()
    assert len(list(inner.events())) == 4
    ledger.close()


def test_a_failed_write_is_raised_and_tried_again(make_decision: MakeDecision) -> None:
    """The next append raises the writer's error; when the disk recovers nothing is lost."""
    inner = StubbornLedger()
    inner.failing = True
    ledger = BufferedLedger(inner)
    ledger.append(Event(record=make_decision("1"), timestamp=0.0))
    wait_until_failed(ledger)
    inner.failing = False
    with pytest.raises(LedgerError, match="no space on the disk"):
        ledger.append(Event(record=make_decision("2"), timestamp=0.0))
    ledger.append(Event(record=make_decision("2"), timestamp=0.0))
    ledger.flush()
    assert [event.decision_id for _, event in inner.events()] == ["1", "2"]
    ledger.close()


def test_an_outage_that_is_shorter_than_the_queue_loses_nothing(make_decision: MakeDecision) -> None:
    """Every append may hear of it, and what it brought waits; a full queue refuses, and says why."""
    inner = StubbornLedger()
    inner.failing = True
    ledger = BufferedLedger(inner, max_pending=30)
    heard = 0
    for i in range(30):
        try:
            ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
        except LedgerError as error:
            assert "no space on the disk" in str(error)
            heard += 1
        if i % 10 == 0:
            wait_until_failed(ledger)
    assert heard >= 3
    wait_until_failed(ledger)
    with pytest.raises(LedgerError, match="no space on the disk"):
        ledger.append(Event(record=make_decision("30"), timestamp=0.0))
    with pytest.raises(LedgerError, match="no space on the disk"):
        ledger.flush()
    wait_until_failed(ledger)
    inner.failing = False
    ledger.flush()  # what failed before is no reason to refuse what goes through now
    assert [event.decision_id for _, event in inner.events()] == [str(i) for i in range(30)]
    ledger.close()


def test_a_refused_event_does_not_take_others_with_it(make_decision: MakeDecision) -> None:
    """Of a group with an orphan and a double id the rest is written, and the next flush names the refusal."""
    inner = StubbornLedger()
    inner.may_write.clear()
    ledger = BufferedLedger(inner)
    ledger.append_many(
        [
            Event(record=make_decision("1"), timestamp=0.0),
            Event(record=Outcome(decision_id="orphan", model="a", ok=True), timestamp=0.0),
            Event(record=make_decision("1", "b"), timestamp=0.0),
            Event(record=make_decision("2"), timestamp=0.0),
        ]
    )
    inner.may_write.set()
    with pytest.raises(LedgerError, match="orphan"):
        for _ in range(10):
            ledger.flush()
    ledger.flush()
    assert [event.decision_id for _, event in inner.events()] == ["1", "2"]
    ledger.close()


def test_closing_over_a_broken_disk_says_what_is_lost(make_decision: MakeDecision) -> None:
    """close() tries once more and then names the number of lost events."""
    inner = StubbornLedger()
    inner.failing = True
    ledger = BufferedLedger(inner)
    ledger.append_many(Event(record=make_decision(str(i)), timestamp=0.0) for i in range(3))
    wait_until_failed(ledger)
    with pytest.raises((LedgerError, InvalidInputError), match="3 events could not be written"):
        ledger.close()


def test_a_writer_that_is_slow_is_waited_for_as_long_as_it_writes(
    make_decision: MakeDecision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten commits of 0.15 s each, with a patience of 0.5 s: flushing, appending to a full queue and closing take it."""
    monkeypatch.setattr("arbiter.ledger.buffered.GROUP_EVENTS", 1)

    class SlowLedger(SqliteLedger):
        def append_many(self, events: Iterable[Event]) -> None:
            time.sleep(0.15)
            super().append_many(events)

    inner = SlowLedger(":memory:")
    ledger = BufferedLedger(inner, max_pending=10, timeout_s=0.5)
    for i in range(10):
        ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
    ledger.append(Event(record=make_decision("10"), timestamp=0.0))
    ledger.flush()
    assert len(list(inner.events())) == 11
    for i in range(11, 19):
        ledger.append(Event(record=make_decision(str(i)), timestamp=0.0))
    ledger.close()
    assert ledger._settled == 19


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_text_that_no_database_takes_stops_nothing(
    request: pytest.FixtureRequest, make_decision: MakeDecision, database: str
) -> None:
    """Half a character, and on PostgreSQL a NUL, are refused; what is queued behind them is written."""
    source = request.getfixturevalue("postgres").new_database() if database == "postgres" else ":memory:"
    with open_ledger(source) as inner:
        ledger = BufferedLedger(inner, timeout_s=10.0)
        ledger.append(Event(record=make_decision("1"), timestamp=0.0))
        strange = {"half a character": "m\ud800"} | ({"NUL": "m\x00"} if database == "postgres" else {})
        for name in strange.values():
            ledger.append(Event(record=Outcome(decision_id="1", model=name, ok=True), timestamp=0.0))
            with pytest.raises(LedgerError, match=r"cannot be written as UTF-8|cannot hold a value"):
                for _ in range(10):
                    ledger.flush()
        ledger.append(Event(record=make_decision("2"), timestamp=0.0))
        assert ledger.decision("2").id == "2"
        ledger.close()
