"""What an import must remember between blocks, in SQLite: memory stays flat, and a kill loses one block."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arbiter.errors import TrafficError
from arbiter_training.importing.staging import Staged
from arbiter_training.importing.tally import Tally

SCHEMA = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
    seq INTEGER PRIMARY KEY, grp INTEGER NOT NULL, request INTEGER NOT NULL, session INTEGER
);
CREATE TABLE IF NOT EXISTS ids (id INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS spans (own INTEGER NOT NULL, parent INTEGER, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS places (seq INTEGER PRIMARY KEY, own INTEGER NOT NULL, parent INTEGER);
CREATE TABLE IF NOT EXISTS verdicts (
    target INTEGER NOT NULL, quality REAL NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL
);
"""

JOINED = """
CREATE INDEX IF NOT EXISTS by_group ON calls (grp);
CREATE INDEX IF NOT EXISTS by_span ON spans (own);
CREATE INDEX IF NOT EXISTS by_id ON ids (id);
DROP TABLE IF EXISTS temp.groups;
CREATE TEMP TABLE groups AS
    SELECT grp, MAX(seq) AS last FROM calls GROUP BY grp HAVING COUNT(*) > 1;
CREATE UNIQUE INDEX temp.by_repeated ON groups (grp);
DROP TABLE IF EXISTS temp.judged;
CREATE TEMP TABLE judged AS
    SELECT DISTINCT ids.seq AS seq, verdicts.rowid AS verdict FROM verdicts JOIN ids ON ids.id = verdicts.target;
CREATE INDEX temp.by_seq ON judged (seq);
"""

CLASHES = """
SELECT seq FROM calls JOIN (
    SELECT request, MIN(seq) AS first FROM calls GROUP BY request HAVING COUNT(DISTINCT grp) > 1
) AS twice ON calls.request = twice.request
WHERE calls.grp <> (SELECT grp FROM calls AS earlier WHERE earlier.seq = twice.first)
"""

Verdict = tuple[float, str, str, float]

LOCKED_S = 1.0
"""Seconds to wait for another import to end."""


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn errors of the database into one line.

    Raises
    ------
    TrafficError
        Instead of the database's own.
    """
    try:
        yield
    except sqlite3.Error as error:
        remedy = "wait for the other import to end, make room, or delete the folder and import again"
        raise TrafficError(f"{path}: {error}: {remedy}") from error


class ImportIndex:
    """The index of one import; a block is in it wholly or not at all.

    Parameters
    ----------
    path : of the database.

    Raises
    ------
    TrafficError
        If it cannot be opened, or another import has it open.
    """

    def __init__(self, path: Path) -> None:
        with database_errors(path):
            self._db = sqlite3.connect(path, timeout=LOCKED_S)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")  # two imports into one result would mix
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA temp_store = FILE")
            self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def load(self, name: str) -> Any:
        """Give a remembered value; None where there is none."""
        row = self._db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def save(self, name: str, value: Any) -> None:
        """Remember a plain JSON value."""
        self._put(name, value)
        self._db.commit()

    def _put(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, json.dumps(value)))

    def add(self, staged: Staged, first: int, progress: dict[str, Any], tally: Tally) -> None:
        """Remember a block, whose rows are staged already, and that it is done.

        Parameters
        ----------
        staged : the block.
        first : number of its first row.
        progress : where to go on.
        tally : counts with this block.
        """
        numbers = range(first, first + len(staged.groups))
        execute = self._db.executemany
        calls = zip(numbers, staged.groups, staged.requests, staged.sessions, strict=True)
        execute("INSERT INTO calls VALUES (?, ?, ?, ?)", calls)
        execute("INSERT INTO ids VALUES (?, ?)", ((key, first + row) for key, row in staged.ids))
        execute("INSERT INTO spans VALUES (?, ?, ?)", staged.spans)
        execute("INSERT INTO places VALUES (?, ?, ?)", ((first + row, own, up) for row, own, up in staged.places))
        execute("INSERT INTO verdicts VALUES (?, ?, ?, ?, ?)", staged.verdicts)
        self._put("progress", progress)
        self._put("tally", tally.to_state())
        self._db.commit()

    def join(self) -> None:
        """Bring together what belongs together; once all blocks are there."""
        self._db.executescript(JOINED)

    def repeated(self, first: int, end: int) -> dict[int, tuple[int, int]]:
        """Give the rows in a range that share their group: number to the group and its last row."""
        found = self._db.execute(
            "SELECT seq, calls.grp, last FROM calls JOIN groups ON calls.grp = groups.grp WHERE seq >= ? AND seq < ?",
            (first, end),
        )
        return {seq: (group, last) for seq, group, last in found}

    def has_traces(self) -> bool:
        """Say whether any rows were grouped by more than their request id."""
        return self._db.execute("SELECT 1 FROM calls WHERE grp <> request LIMIT 1").fetchone() is not None

    def has_attempts(self) -> bool:
        """Say whether any group has rows of several request ids; once joined."""
        question = (
            "SELECT 1 FROM calls JOIN groups ON calls.grp = groups.grp "
            "GROUP BY calls.grp HAVING COUNT(DISTINCT request) > 1 LIMIT 1"
        )
        return self._db.execute(question).fetchone() is not None

    def clashes(self) -> set[int]:
        """Give the rows whose request id an earlier row of another request has."""
        return {seq for (seq,) in self._db.execute(CLASHES)} if self.has_traces() else set()

    def verdicts(self, first: int, end: int) -> dict[int, list[Verdict]]:
        """Give the judgements of the rows in a range."""
        found: dict[int, list[Verdict]] = {}
        rows = self._db.execute(
            "SELECT judged.seq, quality, name, source, at FROM judged JOIN verdicts ON verdicts.rowid = judged.verdict "
            "WHERE judged.seq >= ? AND judged.seq < ? ORDER BY verdict",
            (first, end),
        )
        for seq, *verdict in rows:
            found.setdefault(seq, []).append(tuple(verdict))
        return found

    def places(self, first: int, end: int) -> Iterator[tuple[int, int | None]]:
        """Give row and parent span of the calls in a range that are spans."""
        yield from self._db.execute(
            "SELECT seq, parent FROM places WHERE seq >= ? AND seq < ?", (first, end)
        ).fetchall()

    def span(self, own: int) -> tuple[int | None, str] | None:
        """Give parent and kind of a span; None where it was not logged."""
        found: tuple[int | None, str] | None = self._db.execute(
            "SELECT parent, kind FROM spans WHERE own = ? LIMIT 1", (own,)
        ).fetchone()
        return found

    def count(self, what: str) -> int:
        """Give how many sessions there are, or judgements that were joined with a row.

        Parameters
        ----------
        what : ``"sessions"`` or ``"joined"``.
        """
        question = {
            "sessions": "SELECT COUNT(DISTINCT session) FROM calls",
            "joined": "SELECT COUNT(DISTINCT verdict) FROM judged",
        }[what]
        return int(self._db.execute(question).fetchone()[0])
