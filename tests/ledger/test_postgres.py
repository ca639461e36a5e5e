"""PostgreSQL: what is its own beside the contract of all ledgers."""

import sys
import threading
from collections.abc import Callable

import pytest
from postgres_server import PostgresServer, running

from arbiter.errors import LedgerError, MissingExtraError
from arbiter.ledger import Event, PostgresLedger, open_ledger
from arbiter.ledger.database import SCHEMA_VERSION
from arbiter.records import Decision, Feedback

MakeDecision = Callable[..., Decision]


def test_hosts_that_start_at_once_make_one_ledger(postgres: PostgresServer, make_decision: MakeDecision) -> None:
    """Six connections that find an empty database agree on one schema and one identity."""
    url, found = postgres.new_database(), list[str]()

    def start(number: int) -> None:
        with PostgresLedger(url) as ledger:
            ledger.append(Event(record=make_decision(str(number)), timestamp=0.0))
            found.append(ledger.identity)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and len(set(found)) == 1
    with PostgresLedger(url) as ledger:
        assert sorted(event.decision_id for _, event in ledger.events()) == list("012345")


def test_no_event_appears_below_a_mark_that_was_seen(postgres: PostgresServer, make_decision: MakeDecision) -> None:
    """While four hosts write, one follows by high-water marks; what it saw in all is the ledger, in order."""
    url, done = postgres.new_database(), threading.Event()

    def write(name: str) -> None:
        with PostgresLedger(url) as ledger:
            for i in range(40):
                ledger.append_many(Event(record=make_decision(f"{name}-{i}-{j}"), timestamp=0.0) for j in range(3))
                ledger.append(Event(record=Feedback(decision_id=f"{name}-{i}-0", quality=0.5), timestamp=0.0))

    def follow(seen: list[int], ledger: PostgresLedger) -> None:
        seen += [sequence for sequence, _ in ledger.events(after=seen[-1] if seen else 0)]

    with PostgresLedger(url) as reader:
        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        seen: list[int] = []
        while any(thread.is_alive() for thread in threads):
            follow(seen, reader)
            done.wait(0.001)
        follow(seen, reader)
        assert seen == [sequence for sequence, _ in reader.events()]
    assert len(seen) == 4 * 40 * 4


def test_a_lost_connection_is_made_anew(make_decision: MakeDecision) -> None:
    """The server restarts; the next read and the next write go through, and while it is away the message says so."""
    with running() as server, PostgresLedger(server.new_database()) as ledger:
        ledger.append(Event(record=make_decision("1"), timestamp=0.0))
        server.stop()
        with pytest.raises(LedgerError, match="cannot be reached; check that the server runs"):
            ledger.decision("1")
        server.start()
        assert ledger.decision("1").id == "1"
        server.stop()
        server.start()
        ledger.append(Event(record=make_decision("2"), timestamp=0.0))
        assert [event.decision_id for _, event in ledger.events()] == ["1", "2"]


def test_a_lock_that_stays_is_named(postgres: PostgresServer, make_decision: MakeDecision) -> None:
    """When another host keeps writing beyond the time limit, the message says so, and later it works again."""
    url = postgres.new_database()
    with PostgresLedger(url) as other, PostgresLedger(url, timeout_s=0.05) as ledger:
        with other._writing(), pytest.raises(LedgerError, match="stayed locked"):
            ledger.append(Event(record=make_decision("d"), timestamp=0.0))
        ledger.append(Event(record=make_decision("d"), timestamp=0.0))
        assert ledger.decision("d").id == "d"


def test_events_cannot_be_changed(postgres: PostgresServer, make_decision: MakeDecision) -> None:
    """The database itself refuses updates."""
    import psycopg

    url = postgres.new_database()
    with PostgresLedger(url) as ledger:
        ledger.append(Event(record=make_decision("d"), timestamp=0.0))
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error, match="append-only"):
        connection.execute("UPDATE arbiter.events SET payload = '{}'")


def test_a_server_of_version_2_is_brought_up_to_date(postgres: PostgresServer, make_decision: MakeDecision) -> None:
    """It gains what version 3 added, and keeps its events."""
    import psycopg

    url, event = postgres.new_database(), Event(record=make_decision("d"), timestamp=1.0)
    with PostgresLedger(url) as ledger:
        ledger.append(event)
    with psycopg.connect(url) as connection:
        connection.execute("DROP INDEX arbiter.responses")
        connection.execute("UPDATE arbiter.facts SET value = '2' WHERE name = 'schema_version'")
    with PostgresLedger(url) as ledger:
        assert [found for _, found in ledger.events()] == [event]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT value FROM arbiter.facts WHERE name = 'schema_version'").fetchone() == ("3",)
        assert connection.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'responses'").fetchone()


def test_another_schema_version_is_refused(postgres: PostgresServer) -> None:
    """Both versions are named."""
    import psycopg

    url = postgres.new_database()
    PostgresLedger(url).close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE arbiter.facts SET value = '99' WHERE name = 'schema_version'")
    with pytest.raises(LedgerError, match=f"schema version 99, this arbiter reads {SCHEMA_VERSION}"):
        PostgresLedger(url)


def test_wrong_urls_are_named_without_the_password(postgres: PostgresServer) -> None:
    """No server, no database, no URL, no such scheme: one line each, and never a password."""
    pytest.importorskip("psycopg")
    wrong = {
        "postgresql://me:secret@127.0.0.1:1/db": "postgresql://me@127.0.0.1:1/db cannot be reached",
        postgres.url("nothing"): 'database "nothing" does not exist',
        "postgresql://me:secret@h/db?nonsense=1": "needs a URL like postgresql://user@host:5432/database",
        "mysql://h/db": "no ledger is kept in mysql://",
    }
    for url, message in wrong.items():
        with pytest.raises(LedgerError) as caught:
            open_ledger(url)
        assert message in str(caught.value) and "secret" not in str(caught.value)


def test_without_psycopg_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named before anything else happens."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[postgres\]'"):
        open_ledger("postgresql://h/db")
