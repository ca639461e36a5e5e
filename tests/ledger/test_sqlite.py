"""The SQLite file: what survives, and what is refused."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from arbiter.errors import InvalidInputError, LedgerError
from arbiter.ledger import Event, Snapshot, SqliteLedger
from arbiter.ledger.database import SCHEMA_VERSION
from arbiter.records import Decision, Feedback, Outcome

MakeDecision = Callable[..., Decision]

# Appends decisions and feedback for ever and says so after each: what was said is acknowledged.
WRITER = """
import sys
from dataclasses import replace
from arbiter.ledger import Event, Snapshot, SqliteLedger
from arbiter.records import Feedback
with SqliteLedger(sys.argv[1]) as ledger:
    template = Event.parse("decision", 0.0, sys.argv[2])
    for i in range(10**9):
        name = f"{sys.argv[3]}-{i}"
        ledger.append(replace(template, record=replace(template.record, id=name)))
        ledger.append(Event(record=Feedback(decision_id=name, quality=0.5), timestamp=1.0))
        print(name, flush=True)
"""


def write_until_killed(path: Path, payload: str, acknowledged: int, name: str) -> list[str]:
    """Start a writer, kill it with SIGKILL after some acknowledged events, and give what it acknowledged."""
    command = [sys.executable, "-c", WRITER, str(path), payload, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().split("\n")[:-1]  # what it said before it fell; a cut line was not said
    assert process.returncode == -signal.SIGKILL
    return [line for line in said if line]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_process_loses_nothing_acknowledged(tmp_path: Path, make_decision: MakeDecision) -> None:
    """After SIGKILL at several moments all acknowledged events are held, once, and the file is whole."""
    path = tmp_path / "ledger.db"
    payload = Event(record=make_decision("x"), timestamp=0.0).payload()
    said = [name for round_, n in enumerate((1, 20, 57)) for name in write_until_killed(path, payload, n, str(round_))]
    with SqliteLedger(path) as ledger:
        ledger.check()
        held = [(event.kind, event.decision_id) for _, event in ledger.events()]
        assert len(held) == len(set(held))
        assert {("decision", name) for name in said} | {("feedback", name) for name in said} <= set(held)


def append_some(path: str, name: str, decision: Decision) -> None:
    with SqliteLedger(path) as ledger:
        for i in range(40):
            ledger.append(Event(record=replace(decision, id=f"{name}-{i}"), timestamp=float(i)))


def test_processes_share_a_file(tmp_path: Path, make_decision: MakeDecision) -> None:
    """Three processes that create and fill one file at once leave all that they appended."""
    path = str(tmp_path / "ledger.db")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=append_some, args=(path, str(n), make_decision("x"))) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with SqliteLedger(path) as ledger:
        assert len(list(ledger.events())) == 120


def test_reopening_shows_the_same(tmp_path: Path, make_decision: MakeDecision) -> None:
    """A ledger that is closed and opened again, FULL or NORMAL, holds what it held."""
    event = Event(record=make_decision("d"), timestamp=3.25)
    with SqliteLedger(tmp_path / "ledger.db", synchronous="FULL") as ledger:
        ledger.append(event)
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        assert list(ledger.events()) == [(1, event)]
        ledger.check()


def test_a_long_ledger_is_read_in_pages(tmp_path: Path, make_decision: MakeDecision) -> None:
    """Reading crosses page borders without gap, and sees what is appended meanwhile."""
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        ledger.append_many(Event(record=make_decision(str(i)), timestamp=0.0) for i in range(1000))
        reading = ledger.events()
        first = next(reading)
        ledger.append(Event(record=make_decision("late"), timestamp=0.0))
        assert [sequence for sequence, _ in (first, *reading)] == list(range(1, 1002))


def test_a_closed_ledger_says_so(tmp_path: Path, make_decision: MakeDecision) -> None:
    """Use after close raises a LedgerError."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.close()
    with pytest.raises(LedgerError, match="is closed"):
        ledger.append(Event(record=make_decision("d"), timestamp=0.0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_ledger_does_not_cross_a_fork(tmp_path: Path) -> None:
    """A forked process that uses its parent's ledger gets an error instead of a spoiled file."""
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        ledger._process += 1  # as a child process would see it
        with pytest.raises(LedgerError, match="before a fork"):
            list(ledger.events())
        ledger._process -= 1


def test_events_cannot_be_changed(tmp_path: Path, make_decision: MakeDecision) -> None:
    """The file itself refuses updates."""
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        ledger.append(Event(record=make_decision("d"), timestamp=0.0))
    connection = sqlite3.connect(tmp_path / "ledger.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("UPDATE events SET payload = '{}'")
    connection.close()


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    """A file of a newer arbiter is named with both versions and left as it is."""
    SqliteLedger(tmp_path / "ledger.db").close()
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(LedgerError, match=rf"schema version {SCHEMA_VERSION + 1}.*install a newer arbiter"):
        SqliteLedger(tmp_path / "ledger.db")


def test_another_database_is_refused(tmp_path: Path) -> None:
    """An SQLite file of something else is not written into."""
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match="not a ledger"):
        SqliteLedger(tmp_path / "other.db")


def test_damaged_files_name_the_remedy(tmp_path: Path, make_decision: MakeDecision) -> None:
    """Junk, a file cut short, and overwritten pages raise a LedgerError that says how to recover."""
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger:
        ledger.append_many(Event(record=make_decision(str(i)), timestamp=0.0) for i in range(100))
    whole = path.read_bytes()
    for spoiled in (b"junk " * 1000, whole[: len(whole) // 2], whole[:4096] + b"\xff" * (len(whole) - 4096)):
        path.write_bytes(spoiled)
        with pytest.raises(LedgerError, match="recover"), SqliteLedger(path) as ledger:
            list(ledger.events())
            ledger.check()


def test_an_event_that_cannot_be_read_is_named_with_its_ledger(tmp_path: Path, make_decision: MakeDecision) -> None:
    """By its number, in every way to read it."""
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger:
        ledger.append(Event(record=make_decision("d"), timestamp=0.0))
        ledger.append(Event(record=Feedback(decision_id="d", quality=1.0), timestamp=0.0))
        spoiled = sqlite3.connect(path, isolation_level=None)
        spoiled.execute("DROP TRIGGER never_changed")
        spoiled.execute("UPDATE events SET payload = 'no json' WHERE sequence = 2")
        spoiled.close()
        for read in (ledger.events, ledger.judged):
            with pytest.raises(LedgerError, match=r"cannot be read.*\(at event 2 of .*ledger.db; restore a backup, or"):
                list(read())


FULL = """
import resource, signal, sys
from arbiter.errors import LedgerError
from arbiter.ledger import SqliteLedger

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with SqliteLedger(sys.argv[1]) as ledger:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        ledger.prune(0.0)
    except LedgerError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    ledger.prune(0.0)
    ledger.check()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes on this system")
def test_a_quota_is_not_called_damage_and_passes(tmp_path: Path) -> None:
    """What cannot be written for want of space: the file is whole, and goes on when there is some."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "ledger.db")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    assert "check its disk: space, quota, mount" in found.stdout or "free space on its disk" in found.stdout
    assert "damaged" not in found.stdout


def test_a_missing_folder_and_a_read_only_file_are_named(tmp_path: Path) -> None:
    """The message tells what to look at."""
    with pytest.raises(LedgerError, match="check that its folder exists"):
        SqliteLedger(tmp_path / "no" / "ledger.db")
    with pytest.raises(InvalidInputError, match="'NORMAL' or 'FULL'"):
        SqliteLedger(":memory:", synchronous="OFF")  # type: ignore[arg-type]


def test_a_lock_that_stays_is_named(tmp_path: Path, make_decision: MakeDecision) -> None:
    """When another process keeps the write lock beyond the time limit, the message says so."""
    with SqliteLedger(tmp_path / "ledger.db", timeout_s=0.05) as ledger:
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="stayed locked"):
            ledger.append(Event(record=make_decision("d"), timestamp=0.0))
        other.execute("ROLLBACK")
        other.close()
        ledger.append(Event(record=make_decision("d"), timestamp=0.0))
        ledger.append(Event(record=Feedback(decision_id="d", quality=1.0), timestamp=0.0))
        assert ledger.feedback_for("d")[0].quality == 1.0


# The schema as version 1 made it.
VERSION_1 = """
CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('decision', 'outcome', 'feedback')), decision_id TEXT NOT NULL,
    source TEXT NOT NULL DEFAULT '', key TEXT NOT NULL DEFAULT '', model TEXT NOT NULL, timestamp REAL NOT NULL,
    payload TEXT NOT NULL);
CREATE UNIQUE INDEX decisions ON events (decision_id) WHERE kind = 'decision';
CREATE INDEX answers ON events (decision_id, kind, source, key, sequence);
CREATE INDEX kinds ON events (kind, model);
CREATE VIEW effective_feedback AS SELECT 1 AS old;
PRAGMA application_id = 0x41524254;
PRAGMA user_version = 1;
"""


def test_a_file_of_version_1_is_brought_up_to_date(tmp_path: Path, make_decision: MakeDecision) -> None:
    """Its events are read, judged and pruned as those of a new file."""
    event = Event(record=make_decision("d"), timestamp=1.0)
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.executescript(VERSION_1)
    values = ("decision", "d", "a", 1.0, event.payload())
    connection.execute(
        "INSERT INTO events (kind, decision_id, model, timestamp, payload) VALUES (?, ?, ?, ?, ?)", values
    )
    connection.commit()
    connection.close()
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        ledger.append(Event(record=Feedback(decision_id="d", quality=0.5), timestamp=2.0))
        ledger.append(Event(record=Outcome(decision_id="d", model="a", ok=True, response_id="r"), timestamp=2.0))
        assert ledger.feedback_for("d") == (Feedback(decision_id="d", quality=0.5),) and ledger.answered("r") == "d"
        assert [judged.decision for judged in ledger.judged()] == [event.record] and ledger.identity
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        assert next(iter(ledger.events())) == (1, event)


def test_a_damaged_snapshot_is_not_given(tmp_path: Path) -> None:
    """A changed text or position shows in the checksum."""
    snapshot = Snapshot(position=3, taken_at=1.0, payload="text")
    for change in ("payload = 'tect'", "position = 2"):
        path = tmp_path / f"{change[:3]}.db"
        with SqliteLedger(path) as ledger:
            ledger.keep_snapshot("a", snapshot)
            assert ledger.snapshot("a") == snapshot
        connection = sqlite3.connect(path)
        connection.execute(f"UPDATE snapshots SET {change}")
        connection.commit()
        connection.close()
        with SqliteLedger(path) as ledger:
            assert ledger.snapshot("a") is None
