"""An SQLite file as the ledger's database: opening, version, and creation by several processes at once."""

import logging
import sqlite3
import threading
from collections.abc import Iterable

from arbiter.errors import LedgerError
from arbiter.ledger.database import SCHEMA_VERSION, Dialect
from arbiter.sqlite_connection import SqliteConnection

APPLICATION_ID = 0x41524254  # "ARBT": tells a ledger from any other SQLite file

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


class SqliteDatabase(SqliteConnection):
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
        super().__init__(path, "ledger", LedgerError, timeout_s)
        with self.translated():
            try:
                self._prepare(timeout_s)
                self._connection.execute(f"PRAGMA synchronous = {synchronous}")
                self._connection.execute("SELECT max(sequence) FROM events").fetchone()  # cut files show here
            except BaseException:
                self._connection.close()
                raise

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
