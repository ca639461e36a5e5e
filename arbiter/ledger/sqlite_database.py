"""An SQLite file as the ledger's database: opening, version, and what its errors mean to a user."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence

from arbiter.errors import LedgerError
from arbiter.ledger.database import SCHEMA_VERSION, Cursor, Dialect, Row, Value

APPLICATION_ID = 0x41524254  # "ARBT": tells a ledger from any other SQLite file
IN_MEMORY = ":memory:"

_LOG = logging.getLogger(__name__)
_RETRY_S = 0.01

SQLITE = Dialect(
    sequence="INTEGER PRIMARY KEY AUTOINCREMENT",
    field="json_extract(later.payload, '$.{field}')",
    append_only=(
        "CREATE TRIGGER never_changed BEFORE UPDATE ON events "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    ),
)


class SqliteDatabase:
    """One connection to an SQLite file.

    Parameters
    ----------
    path : the file, created where there is none, or ``:memory:``.
    synchronous : ``NORMAL`` or ``FULL``.
    timeout_s : how long to wait for another process that writes.

    Raises
    ------
    LedgerError
        If the file cannot be opened, is damaged, is no ledger, or has another schema version.
    """

    def __init__(self, path: str, synchronous: str, timeout_s: float) -> None:
        self.name = path
        self.lasting = path != IN_MEMORY
        with self._translated():
            # In autocommit mode, and for any thread; the ledger sees to one at a time.
            self._connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(timeout_s)
                self._connection.execute(f"PRAGMA synchronous = {synchronous}")
                self._connection.execute("SELECT max(sequence) FROM events").fetchone()  # cut files show here
            except BaseException:
                self._connection.close()
                raise

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """See :meth:`arbiter.ledger.database.Database.rows`."""
        with self._translated():
            return self._connection.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator["SqliteDatabase"]:
        """See :meth:`arbiter.ledger.database.Database.writing`."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def execute(self, statement: str, values: Sequence[Value] = ()) -> Cursor:
        """See :meth:`arbiter.ledger.database.Transaction.execute`."""
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]]) -> int:
        """See :meth:`arbiter.ledger.database.Transaction.executemany`."""
        return self._connection.executemany(statement, rows).rowcount

    def close(self) -> None:
        """See :meth:`arbiter.ledger.database.Database.close`."""
        with self._translated():
            self._connection.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(f"{_meaning(self.name, error)} ({type(error).__name__}: {error})") from error

    def _prepare(self, timeout_s: float) -> None:
        if self.lasting:
            self._use_wal(timeout_s)
        if _to_be_made(self._versions()):
            with self.writing():
                versions = self._versions()  # another process may have been faster
                if _to_be_made(versions):
                    self._make(SQLITE.schema() if versions == (0, 0) else SQLITE.added_since(versions[0]), versions[0])
        version, application = self._versions()
        if application != APPLICATION_ID:
            raise self._not_a_ledger()
        if version != SCHEMA_VERSION:
            raise LedgerError(
                f"the ledger {self.name} has schema version {version}, this arbiter reads {SCHEMA_VERSION}; "
                + ("install a newer arbiter" if version > SCHEMA_VERSION else "read it with the arbiter that wrote it")
            )

    def _make(self, statements: Iterable[str], version: int) -> None:
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version == 0 and tables:
            raise self._not_a_ledger()
        for statement in statements:
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _not_a_ledger(self) -> LedgerError:
        return LedgerError(f"{self.name} is an SQLite database but not a ledger of arbiter; name another file")

    def _versions(self) -> tuple[int, int]:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        return version, application

    def _use_wal(self, timeout_s: float) -> None:
        """Switch to write-ahead logging: readers do not block writers, and a commit is one append.

        SQLite does not wait for its lock here when several processes create the file at once; so this does.
        """
        pause = threading.Event()
        for remaining in range(max(1, int(timeout_s / _RETRY_S)), 0, -1):
            try:
                (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or remaining == 1:
                    raise
                pause.wait(_RETRY_S)
        if mode != "wal":
            _LOG.warning(
                "the ledger %s cannot use write-ahead logging (a network disk?): writers will block readers", self.name
            )


def _to_be_made(versions: tuple[int, int]) -> bool:
    """Tell whether a file of that version and application is new, or a ledger of an older version."""
    version, application = versions
    return versions == (0, 0) or (application == APPLICATION_ID and 0 < version < SCHEMA_VERSION)


def _meaning(path: str, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"the ledger {path} stayed locked by another process; retry, or raise timeout_s"
    if "malformed" in text or "not a database" in text or "disk I/O" in text or "corrupt" in text:
        return (
            f"the ledger {path} is damaged; restore a backup, or save what is readable with "
            f"`sqlite3 {path} .recover | sqlite3 recovered.db`"
        )
    if "unable to open" in text:
        return f"the ledger {path} cannot be opened; check that its folder exists and can be written"
    if "readonly" in text:
        return f"the ledger {path} cannot be written; check the permissions of the file and its folder"
    if "full" in text:
        return f"the ledger {path} cannot grow; free space on its disk"
    return f"the ledger {path} cannot be used"
