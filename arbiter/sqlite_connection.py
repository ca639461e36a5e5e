"""One connection to an SQLite file, whose errors are told in the words of what the file is."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from arbiter.errors import ArbiterError

IN_MEMORY = ":memory:"

Value = str | int | float | None
Row = tuple[Any, ...]


class SqliteConnection:
    """A connection in autocommit mode that any thread may use, one at a time; the caller sees to that.

    Parameters
    ----------
    path : the file, or ``:memory:``.
    noun : what messages call it, such as ``ledger``.
    error : what is raised where SQLite fails.
    timeout_s : how long to wait for another process that writes.
    """

    def __init__(self, path: str, noun: str, error: type[ArbiterError], timeout_s: float) -> None:
        self.name = path
        self.lasting = path != IN_MEMORY
        self._noun = noun
        self._error = error
        with self.translated():
            self._connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Give the rows of a query; ``?`` stands for a value."""
        with self.translated():
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Self]:
        """Open a transaction that holds the file's write lock from its start; an error inside undoes it."""
        with self.translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def execute(self, statement: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        """Carry out one statement inside :meth:`writing`."""
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]]) -> int:
        """Carry out one statement for each row of values inside :meth:`writing`; give how many rows were written."""
        return self._connection.executemany(statement, rows).rowcount

    def close(self) -> None:
        """Let go of the file; closing twice is no error."""
        with self.translated():
            self._connection.close()

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Raise SQLite's errors as this file's own."""
        try:
            yield
        except sqlite3.Error as error:
            meaning = _meaning(f"the {self._noun} {self.name}", self.name, str(error))
            raise self._error(f"{meaning} ({type(error).__name__}: {error})") from error


def _meaning(what: str, path: str, text: str) -> str:
    if "locked" in text or "busy" in text:
        return f"{what} stayed locked by another process; retry, or raise timeout_s"
    if "disk I/O" in text:  # what a quota or a lost mount looks like, too
        return f"{what} cannot be read or written; check its disk: space, quota, mount"
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return (
            f"{what} is damaged; restore a backup, or save what is readable with "
            f"`sqlite3 {path} .recover | sqlite3 recovered.db`"
        )
    if "unable to open" in text:
        return f"{what} cannot be opened; check that its folder exists and can be written"
    if "readonly" in text:
        return f"{what} cannot be written; check the permissions of the file and its folder, or read a copy of it"
    if "full" in text:
        return f"{what} cannot grow; free space on its disk"
    return f"{what} cannot be used"
