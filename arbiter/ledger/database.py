"""The border between the ledger and a database, and the schema that every database has.

To change the schema: raise ``SCHEMA_VERSION``, and let each database bring one of the former version up to date inside
its transaction.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

SCHEMA_VERSION = 3

Value = str | int | float
Row = tuple[Any, ...]


class Cursor(Protocol):
    """What came of a statement."""

    @property
    def rowcount(self) -> int:
        """Number of rows that were written."""
        ...

    def fetchone(self) -> Any:
        """Give the next row, None where there is none."""
        ...


class Transaction(Protocol):
    """Statements of which all or none are carried out, while nobody else writes."""

    def execute(self, statement: str, values: Sequence[Value] = ()) -> Cursor:
        """Carry out one statement; ``?`` stands for a value."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]]) -> int:
        """Carry out one statement for each row of values; give how many rows were written."""
        ...


class Database(Protocol):
    """A database that holds a ledger; one call at a time, the ledger sees to that.

    Attributes
    ----------
    name : what messages call it; never with a password.
    lasting : whether it outlives the process.
    """

    name: str
    lasting: bool

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Give the rows of a query; ``?`` stands for a value. Raises LedgerError."""
        ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that holds the ledger's write lock from its start.

        So what is read inside stays true, and events become visible in the order of their sequence numbers. Raises
        LedgerError.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; closing twice is no error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where databases write differently.

    Attributes
    ----------
    sequence : column type of a growing number that is never given twice.
    field : expression for a field of the JSON text in ``payload``, null where it is null; ``{field}`` is its name.
    append_only : statements that let every update of an event fail.
    """

    sequence: str
    field: str
    append_only: tuple[str, ...]

    def schema(self) -> tuple[str, ...]:
        """Give the statements that make an empty ledger."""
        return (_EVENTS.format(sequence=self.sequence), *_INDEXES, *self.append_only, *self.added_since(1))

    def added_since(self, version: int) -> tuple[str, ...]:
        """Give the statements that bring a ledger of an older version, from 1 up, to this one."""
        return (*(self._added_in_2() if version < 2 else ()), *(_ADDED_IN_3 if version < 3 else ()))

    def _added_in_2(self) -> tuple[str, ...]:
        fields = ", ".join(
            _LATEST.format(name=name, found=self.field.format(field=name))
            for name in ("quality", "cost_usd", "latency_s")
        )
        return (*_ADDED_IN_2, _EFFECTIVE.format(fields=fields))


_EVENTS = """
CREATE TABLE events (
    sequence    {sequence},
    kind        TEXT NOT NULL CHECK (kind IN ('decision', 'outcome', 'feedback')),
    decision_id TEXT NOT NULL,
    source      TEXT NOT NULL DEFAULT '',
    key         TEXT NOT NULL DEFAULT '',
    model       TEXT NOT NULL,
    timestamp   DOUBLE PRECISION NOT NULL,
    payload     TEXT NOT NULL
)"""

_INDEXES = (
    "CREATE UNIQUE INDEX decisions ON events (decision_id) WHERE kind = 'decision'",
    "CREATE INDEX answers ON events (decision_id, kind, source, key, sequence)",
    "CREATE INDEX kinds ON events (kind, model)",
)

_ADDED_IN_2 = (
    "CREATE INDEX kinds_in_order ON events (kind, sequence)",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """
CREATE TABLE snapshots (
    name     TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    taken_at DOUBLE PRECISION NOT NULL,
    sha256   TEXT NOT NULL,
    payload  TEXT NOT NULL
)""",
    "DROP VIEW IF EXISTS effective_feedback",
)

_ADDED_IN_3 = ("CREATE INDEX responses ON events (key, sequence) WHERE kind = 'outcome' AND key <> ''",)

# The latest value that is not null: feedback that says nothing of a field does not unmake what was said before.
_LATEST = """(SELECT {found} FROM events AS later
    WHERE later.kind = 'feedback' AND later.decision_id = one.decision_id AND later.source = one.source
    AND later.key = one.key AND {found} IS NOT NULL
    ORDER BY later.sequence DESC LIMIT 1) AS {name}"""

_EFFECTIVE = """
CREATE VIEW effective_feedback AS
    SELECT decision_id, source, key, min(model) AS model, max(sequence) AS sequence, max(timestamp) AS timestamp,
        {fields}
    FROM events AS one WHERE kind = 'feedback' GROUP BY decision_id, source, key"""
