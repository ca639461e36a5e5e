"""An SQLite file that is made whole or not at all, and noticed when it vanishes under a running process."""

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from arbiter.errors import ArbiterError
from arbiter.sqlite_connection import IN_MEMORY, Row, SqliteConnection, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreKind:
    """What a file holds.

    Attributes
    ----------
    noun : what messages call it.
    application_id : tells it from any other SQLite file.
    version : of the schema; a file of another one is refused.
    schema : statements that make an empty one.
    error : what is raised where it cannot be used.
    """

    noun: str
    application_id: int
    version: int
    schema: tuple[str, ...]
    error: type[ArbiterError]


class SqliteStore:
    """A file shared by the threads of a process and the processes of a host; one call at a time.

    A file that is deleted, replaced or cut short while it is open is noticed at the next call: SQLite alone would go
    on with a file that nobody else sees. What a cut of the write-ahead log (``-wal``) takes is not noticed.

    Parameters
    ----------
    path : the file, or ``:memory:`` for one that ends with the process.
    kind : what it holds.
    timeout_s : how long to wait for another process that writes.
    must_exist : whether a missing file is an error; else it is made.

    Raises
    ------
    ArbiterError
        Of the kind's own class: if the file cannot be opened, is damaged, or is of another kind or version.
    """

    def __init__(self, path: str | Path, kind: StoreKind, *, timeout_s: float, must_exist: bool = False) -> None:
        self.path = str(path)
        self._kind = kind
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._seen = (0, 0, 0)  # device, inode, size
        if self.path != IN_MEMORY and not Path(self.path).exists():
            if must_exist:
                raise kind.error(f"the {kind.noun} {self.path} does not exist; name the right file, or make it once")
            _make(self.path, kind)
        self._connection: SqliteConnection | None = _opened(self.path, kind, timeout_s)
        self._look()

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Give the rows of a query; ``?`` stands for a value."""
        with self._lock:
            return self._whole().rows(statement, values)

    @contextlib.contextmanager
    def writing(self) -> Iterator[SqliteConnection]:
        """Open a transaction that nobody else writes beside; an error inside undoes it."""
        with self._lock, self._whole().writing() as transaction:
            yield transaction

    def close(self) -> None:
        """Let go of the file; closing twice is no error."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _whole(self) -> SqliteConnection:
        """Give the connection, if the file is still the one that it was, and no shorter."""
        noun = f"the {self._kind.noun} {self.path}"
        if self._connection is None:
            raise self._kind.error(f"{noun} is closed; open it again")
        if self._process != os.getpid():
            raise self._kind.error(f"{noun} was opened before a fork; open it in the process that uses it")
        self._look()
        return self._connection

    def _look(self) -> None:
        if self.path == IN_MEMORY:
            return
        noun = f"the {self._kind.noun} {self.path}"
        try:
            found = Path(self.path).stat()
        except OSError as error:
            raise self._kind.error(f"{noun} is gone ({error.strerror}); restore it and start again") from error
        device, inode, size = self._seen
        if inode and (found.st_dev, found.st_ino) != (device, inode):
            raise self._kind.error(f"{noun} was replaced by another file; start again")
        if found.st_size < size:
            raise self._kind.error(f"{noun} was cut short from {size} to {found.st_size} bytes; restore a backup")
        self._seen = (found.st_dev, found.st_ino, found.st_size)


def _make(path: str, kind: StoreKind) -> None:
    """Make an empty store under another name and link it, so that no process ever sees half of one."""
    draft = Path(f"{path}.{secrets.token_hex(8)}.part")
    connection = SqliteConnection(str(draft), kind.noun, kind.error, 0.0)
    try:
        with connection.translated():
            connection.execute("PRAGMA journal_mode = WAL")
        _fill(connection, kind)
        connection.close()
        with contextlib.suppress(FileExistsError):  # another process was faster
            Path(path).hardlink_to(draft)
    except OSError as error:
        raise kind.error(f"the {kind.noun} {path} cannot be made: {error.strerror or error}") from error
    finally:
        connection.close()
        draft.unlink(missing_ok=True)


def _fill(connection: SqliteConnection, kind: StoreKind) -> None:
    with connection.writing():
        for statement in kind.schema:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {kind.application_id}")
        connection.execute(f"PRAGMA user_version = {kind.version}")


def _opened(path: str, kind: StoreKind, timeout_s: float) -> SqliteConnection:
    connection = SqliteConnection(path, kind.noun, kind.error, timeout_s)
    try:
        if path == IN_MEMORY:
            _fill(connection, kind)
        ((application,),) = connection.rows("PRAGMA application_id")
        ((version,),) = connection.rows("PRAGMA user_version")
        if application != kind.application_id:
            raise kind.error(f"{path} is not a {kind.noun} of arbiter, or was emptied; name another file")
        if version != kind.version:
            raise kind.error(
                f"the {kind.noun} {path} has schema version {version}, this arbiter reads {kind.version}; "
                f"use the arbiter that wrote it"
            )
        connection.rows("SELECT count(*) FROM sqlite_master")  # files that lack whole pages show here
        ((page,),) = connection.rows("PRAGMA page_size")
        if path != IN_MEMORY and Path(path).stat().st_size % page:
            raise kind.error(f"the {kind.noun} {path} is damaged: its last page was cut short; restore a backup")
        connection.rows("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection
