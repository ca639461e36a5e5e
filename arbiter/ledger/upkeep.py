"""What a ledger in a database keeps beside its events: who it is, snapshots of folds, and how much was deleted."""

import hashlib
import logging
import secrets
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from arbiter.ledger.database import Row, Transaction, Value
from arbiter.ledger.protocol import BUDGET, WATCH, Pruned, Snapshot

_LOG = logging.getLogger(__name__)

_FACT = "SELECT value FROM facts WHERE name = ?"
_FIRST_FACT = "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
_NEW_FACT = "UPDATE facts SET value = ? WHERE name = ?"

_SNAPSHOT = "SELECT position, taken_at, sha256, payload FROM snapshots WHERE name = ?"
_KEEP = (
    "INSERT INTO snapshots (name, position, taken_at, sha256, payload) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET position = excluded.position, taken_at = excluded.taken_at, "
    "sha256 = excluded.sha256, payload = excluded.payload WHERE excluded.position >= snapshots.position"
)
_FORGET = "DELETE FROM snapshots WHERE taken_at < ?"
_HELD = (
    "SELECT CASE WHEN count(CASE WHEN name LIKE ? THEN NULL ELSE 1 END) > 0 THEN min(position) ELSE 0 END "
    "FROM snapshots WHERE name NOT LIKE ?"
)

# Of each decision: when something was last heard of it, and the number of its last feedback.
_ENDED = (
    "SELECT decision_id, max(CASE WHEN kind = 'feedback' THEN sequence ELSE 0 END) AS judged "
    "FROM events GROUP BY decision_id HAVING max(timestamp) < ?"
)
_OVERVIEW = (
    f"SELECT coalesce(max(CASE WHEN judged <= ? THEN judged ELSE 0 END), 0), "
    f"coalesce(sum(CASE WHEN judged > ? THEN 1 ELSE 0 END), 0) FROM ({_ENDED}) AS ended"
)
_DELETE = f"DELETE FROM events WHERE decision_id IN (SELECT decision_id FROM ({_ENDED}) AS ended WHERE judged <= ?)"


class Upkeep(ABC):
    """The part of a ledger that is not events; shared code, not an interface."""

    def snapshot(self, name: str) -> Snapshot | None:
        """See :meth:`arbiter.ledger.protocol.Ledger.snapshot`."""
        rows = self._rows(_SNAPSHOT, name)
        if not rows:
            return None
        position, taken_at, digest, payload = rows[0]
        if _digest(position, payload) != digest:
            _LOG.warning("the snapshot %s in the ledger is damaged and is not used", name)
            return None
        return Snapshot(position=position, taken_at=taken_at, payload=payload)

    def keep_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """See :meth:`arbiter.ledger.protocol.Ledger.keep_snapshot`."""
        digest = _digest(snapshot.position, snapshot.payload)
        with self._writing() as transaction:
            transaction.execute(_KEEP, (name, snapshot.position, snapshot.taken_at, digest, snapshot.payload))

    def prune(self, before: float) -> Pruned:
        """See :meth:`arbiter.ledger.protocol.Ledger.prune`; an SQLite file keeps its size and fills the gaps."""
        with self._writing() as transaction:
            transaction.execute(_FORGET, (before,))
            (held,) = transaction.execute(_HELD, (f"{BUDGET}%", f"{WATCH}%")).fetchone()
            last, held_back = transaction.execute(_OVERVIEW, (held, held, before)).fetchone()
            deleted = transaction.execute(_DELETE, (before, held)).rowcount
            transaction.execute(_FIRST_FACT, ("pruned_through", "0"))
            (known,) = transaction.execute(_FACT, ("pruned_through",)).fetchone()
            transaction.execute(_NEW_FACT, (str(max(int(known), int(last))), "pruned_through"))
        return Pruned(events=deleted, held_back=int(held_back))

    def pruned_through(self) -> int:
        """See :meth:`arbiter.ledger.protocol.Ledger.pruned_through`."""
        rows = self._rows(_FACT, "pruned_through")
        return int(rows[0][0]) if rows else 0

    def _read_identity(self) -> str:
        if not self._rows(_FACT, "identity"):
            with self._writing() as transaction:
                transaction.execute(_FIRST_FACT, ("identity", secrets.token_hex(8)))
        ((identity,),) = self._rows(_FACT, "identity")
        return str(identity)

    @abstractmethod
    def _rows(self, statement: str, *values: Value) -> list[Row]: ...

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Transaction]: ...


def _digest(position: int, payload: str) -> str:
    return hashlib.sha256(f"{position}:{payload}".encode()).hexdigest()
