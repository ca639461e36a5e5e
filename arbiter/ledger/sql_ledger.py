"""The ledger in a database: one code path for SQLite and PostgreSQL."""

import contextlib
import itertools
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Self

from arbiter.errors import InvalidInputError, LedgerError, UnknownDecisionError
from arbiter.ledger.database import Database, Row, Transaction, Value
from arbiter.ledger.events import Event, EventKind, Record
from arbiter.ledger.protocol import EventCount, Judged
from arbiter.ledger.upkeep import Upkeep
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import FeedbackSource

PAGE_EVENTS = 1_000
"""Events that are read at a time, so that a long read holds neither lock nor memory."""

_INSERT = (
    "INSERT INTO events (kind, decision_id, source, key, model, timestamp, payload) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_DECISION = "SELECT model, timestamp, payload FROM events WHERE decision_id = ? AND kind = 'decision'"
_ANSWERED = (
    "SELECT decision_id FROM events WHERE kind = 'outcome' AND key <> '' AND key = ? ORDER BY sequence DESC LIMIT 1"
)
_LATEST = (
    "SELECT payload FROM events WHERE decision_id = ? AND kind = 'feedback' AND source = ? AND key = ? "
    "ORDER BY sequence DESC LIMIT 1"
)
_HELD = "SELECT 1 FROM events WHERE decision_id = ? AND kind = 'outcome' AND payload = ?"
_PAGE = "SELECT sequence, kind, timestamp, payload FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?"
_OUTCOMES = (
    "SELECT sequence, timestamp, payload FROM events WHERE kind = 'outcome' AND sequence > ? "
    "ORDER BY sequence DESC LIMIT ?"
)
_JUDGED = (
    "SELECT f.sequence, f.decision_id, f.timestamp, f.payload, d.payload FROM events AS f "
    "JOIN events AS d ON d.decision_id = f.decision_id AND d.kind = 'decision' "
    "WHERE f.kind = 'feedback' AND f.sequence > ? ORDER BY f.sequence LIMIT ?"
)
# CROSS JOIN and + keep SQLite from walking through all feedback instead of looking up that of the few decisions.
_EARLIER = (
    "SELECT e.sequence, e.kind, e.decision_id, e.timestamp, e.payload FROM (SELECT DISTINCT decision_id FROM events "
    "WHERE kind = 'feedback' AND sequence BETWEEN ? AND ?) AS j CROSS JOIN events AS e "
    "WHERE e.decision_id = j.decision_id AND e.kind IN ('feedback', 'outcome') AND +e.sequence <= ? ORDER BY e.sequence"
)
_LAST = "SELECT coalesce(max(sequence), 0) FROM events WHERE kind = 'feedback'"
_EFFECTIVE = (
    "SELECT source, key, quality, cost_usd, latency_s FROM effective_feedback WHERE decision_id = ? ORDER BY sequence"
)
_COUNTS = "SELECT kind, model, count(*) FROM events GROUP BY kind, model ORDER BY kind, model"


class SqlLedger(Upkeep):
    """A ledger in a database; :class:`SqliteLedger` and :class:`PostgresLedger` open one.

    Any number of threads may use one ledger (one connection behind one lock: writes are serial anyway), and any number
    of processes one database, each with a ledger of its own. A ledger does not cross a fork.

    Parameters
    ----------
    database : where the events lie; closed together with this.
    """

    def __init__(self, database: Database) -> None:
        self._database: Database | None = database
        self._name = database.name
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._identity = self._read_identity() if database.lasting else ""

    @property
    def identity(self) -> str:
        """See :attr:`arbiter.ledger.protocol.Ledger.identity`."""
        return self._identity

    def append(self, event: Event) -> None:
        """See :meth:`arbiter.ledger.protocol.Ledger.append`."""
        self.append_many((event,))

    def append_many(self, events: Iterable[Event]) -> None:
        """See :meth:`arbiter.ledger.protocol.Ledger.append_many`; one transaction."""
        rows = [(event, event.payload()) for event in events]
        with self._writing() as transaction:
            for kind, alike in itertools.groupby(rows, key=lambda row: row[0].kind):
                if kind is EventKind.DECISION:
                    _write_decisions(transaction, list(alike))
                else:
                    for event, payload in alike:
                        _write_answer(transaction, event, payload)

    def decision_event(self, decision_id: str) -> Event:
        """See :meth:`arbiter.ledger.protocol.Ledger.decision_event`."""
        rows = self._rows(_DECISION, decision_id)
        if not rows:
            raise _unknown(decision_id)
        _, timestamp, payload = rows[0]
        return Event.parse(EventKind.DECISION, float(timestamp), payload)

    def decision(self, decision_id: str) -> Decision:
        """See :meth:`arbiter.ledger.protocol.Ledger.decision`."""
        return _decision_of(self.decision_event(decision_id))

    def answered(self, response_id: str) -> str:
        """See :meth:`arbiter.ledger.protocol.Ledger.answered`."""
        rows = self._rows(_ANSWERED, response_id)
        if not rows:
            raise UnknownDecisionError(
                f"the ledger holds no answer {response_id!r:.80}; give the id of a response that was recorded in it"
            )
        return str(rows[0][0])

    def events(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """See :meth:`arbiter.ledger.protocol.Ledger.events`."""
        while True:
            rows = self._rows(_PAGE, after, PAGE_EVENTS)
            for sequence, kind, timestamp, payload in rows:
                yield sequence, self._read(sequence, kind, timestamp, payload)
                after = sequence
            if len(rows) < PAGE_EVENTS:
                return

    def judged(self, after: int = 0) -> Iterator[Judged]:
        """See :meth:`arbiter.ledger.protocol.Ledger.judged`."""
        while True:
            rows = self._rows(_JUDGED, after, PAGE_EVENTS)
            if not rows:
                return
            heard = self._heard(rows[0][0], rows[-1][0])
            for sequence, decision_id, timestamp, payload, decided in rows:
                decision = _decision_of(self._read(sequence, EventKind.DECISION, 0.0, decided))
                said = [(e.timestamp, e.record) for n, e in heard[decision_id] if n < sequence]
                earlier = [(at, record) for at, record in said if isinstance(record, Feedback)]
                yield Judged(
                    sequence=sequence,
                    timestamp=timestamp,
                    feedback=_feedback(self._read(sequence, EventKind.FEEDBACK, 0.0, payload)),
                    decision=decision,
                    earlier=tuple(record for _, record in earlier),
                    earlier_at=tuple(at for at, _ in earlier),
                    served=_served(decision, [event.record for _, event in heard[decision_id]]),
                )
                after = sequence
            if len(rows) < PAGE_EVENTS:
                return

    def outcomes(self, after: int, most: int) -> list[tuple[int, Event]]:
        """See :meth:`arbiter.ledger.protocol.Ledger.outcomes`."""
        rows = self._rows(_OUTCOMES, after, most)
        return [
            (sequence, Event.parse(EventKind.OUTCOME, timestamp, payload))
            for sequence, timestamp, payload in rows[::-1]
        ]

    def last_judged(self) -> int:
        """See :meth:`arbiter.ledger.protocol.Ledger.last_judged`."""
        ((last,),) = self._rows(_LAST)
        return int(last)

    def feedback_for(self, decision_id: str) -> tuple[Feedback, ...]:
        """See :meth:`arbiter.ledger.protocol.Ledger.feedback_for`."""
        if not self._rows(_DECISION, decision_id):
            raise _unknown(decision_id)
        return tuple(
            Feedback(
                decision_id=decision_id,
                quality=None if quality is None else float(quality),
                cost_usd=None if cost_usd is None else float(cost_usd),
                latency_s=None if latency_s is None else float(latency_s),
                source=FeedbackSource(source),
                key=key,
            )
            for source, key, quality, cost_usd, latency_s in self._rows(_EFFECTIVE, decision_id)
        )

    def counts(self) -> tuple[EventCount, ...]:
        """See :meth:`arbiter.ledger.protocol.Ledger.counts`."""
        return tuple(EventCount(kind=EventKind(k), model=model, events=n) for k, model, n in self._rows(_COUNTS))

    def close(self) -> None:
        """See :meth:`arbiter.ledger.protocol.Ledger.close`."""
        if os.getpid() != self._process:
            return  # the connection is the other process's, and goes on there
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _heard(self, first: int, last: int) -> dict[str, list[tuple[int, Event]]]:
        """Give, for the decisions judged between two sequence numbers, all that was heard of them up to the last."""
        heard: dict[str, list[tuple[int, Event]]] = defaultdict(list)
        for sequence, kind, decision_id, timestamp, payload in self._rows(_EARLIER, first, last, last):
            heard[decision_id].append((sequence, self._read(sequence, kind, timestamp, payload)))
        return heard

    def _read(self, sequence: int, kind: str, timestamp: float, payload: str) -> Event:
        """Rebuild an event, or say which it is that cannot be: one stops every reader."""
        try:
            return Event.parse(kind, timestamp, payload)
        except LedgerError as error:
            what = f"at event {sequence} of {self._name}; restore a backup, or delete the rows of its decision"
            raise LedgerError(f"{error} ({what})") from error

    def _open(self) -> Database:
        if self._database is None:
            raise LedgerError(f"the ledger {self._name} is closed; open it again")
        return self._database

    def _require_own_process(self) -> None:
        """Refuse another process; before the lock, which another thread may have held at the fork."""
        if os.getpid() != self._process:
            raise LedgerError(f"the ledger {self._name} was opened before a fork; open one in each process, after it")

    def _rows(self, statement: str, *values: Value) -> list[Row]:
        self._require_own_process()
        with self._lock:
            try:
                return self._open().rows(statement, values)
            except UnicodeEncodeError as error:
                raise InvalidInputError(f"a name that is asked for cannot be written as UTF-8: {error}") from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Transaction]:
        self._require_own_process()
        with self._lock, self._open().writing() as transaction:
            yield transaction


def _row(event: Event, model: str | None, payload: str) -> tuple[Value, ...]:
    values = (str(event.kind), event.decision_id, event.source, event.key, model or "", event.timestamp, payload)
    return values


def _write_decisions(transaction: Transaction, rows: list[tuple[Event, str]]) -> None:
    written = transaction.executemany(_INSERT, [_row(event, event.model, payload) for event, payload in rows])
    if written == len(rows):
        return
    for event, payload in rows:  # some were held before: repeated, or an id that is another decision's
        if transaction.execute(_DECISION, (event.decision_id,)).fetchone()[2] != payload:
            raise InvalidInputError(
                f"the ledger holds another decision with the id {event.decision_id!r}; "
                "every decision needs an id of its own"
            )


def _write_answer(transaction: Transaction, event: Event, payload: str) -> None:
    held = transaction.execute(_DECISION, (event.decision_id,)).fetchone()
    if held is None:
        raise _unknown(event.decision_id)
    if not _is_repeated(transaction, event, payload):
        transaction.execute(_INSERT, _row(event, event.model or held[0], payload))


def _is_repeated(transaction: Transaction, event: Event, payload: str) -> bool:
    """Tell whether an answer is held: a call happens once; a judgement may return to what it was before another."""
    if event.kind is EventKind.OUTCOME:
        return transaction.execute(_HELD, (event.decision_id, payload)).fetchone() is not None
    latest = transaction.execute(_LATEST, (event.decision_id, event.source, event.key)).fetchone()
    return latest is not None and latest[0] == payload


def _decision_of(event: Event) -> Decision:
    assert isinstance(event.record, Decision), "the row was selected by its kind"
    return event.record


def _feedback(event: Event) -> Feedback:
    assert isinstance(event.record, Feedback), "the row was selected by its kind"
    return event.record


def _served(decision: Decision, heard: Iterable[Record]) -> str:
    """Give who answered, as far as was known at the first feedback."""
    served = decision.model
    for record in itertools.takewhile(lambda record: not isinstance(record, Feedback), heard):
        if isinstance(record, Outcome) and record.ok:
            served = record.model
    return served


def _unknown(decision_id: str) -> UnknownDecisionError:
    return UnknownDecisionError(
        f"the ledger holds no decision {decision_id!r:.80}; feedback needs the id of a decision that it took before"
    )
