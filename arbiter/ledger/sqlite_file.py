"""An SQLite file as a ledger: opening, schema, and what its errors mean to a user.

``SCHEMA_VERSION`` is kept in the file's ``user_version``. To change the schema: raise the number, and let ``_prepare``
bring a file of the former version up to date inside its transaction.
"""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator

from arbiter.errors import LedgerError

SCHEMA_VERSION = 1
APPLICATION_ID = 0x41524254  # "ARBT": tells a ledger from any other SQLite file
IN_MEMORY = ":memory:"

_LOG = logging.getLogger(__name__)
_RETRY_S = 0.01

_SCHEMA = """
CREATE TABLE events (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CHECK (kind IN ('decision', 'outcome', 'feedback')),
    decision_id TEXT NOT NULL,
    source      TEXT NOT NULL DEFAULT '',
    key         TEXT NOT NULL DEFAULT '',
    model       TEXT NOT NULL,
    timestamp   REAL NOT NULL,
    payload     TEXT NOT NULL
);
CREATE UNIQUE INDEX decisions ON events (decision_id) WHERE kind = 'decision';
CREATE INDEX answers ON events (decision_id, kind, source, key, sequence);
CREATE INDEX kinds ON events (kind, model);
CREATE TRIGGER never_changed BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE VIEW effective_feedback AS
    SELECT decision_id, source, key, model, max(sequence) AS sequence, max(timestamp) AS timestamp,
        {fields}
    FROM events AS one WHERE kind = 'feedback' GROUP BY decision_id, source, key;
"""

# The latest value that is not null: feedback that says nothing of a field does not unmake what was said before.
_LATEST = """(SELECT json_extract(payload, '$.{field}') FROM events AS later
            WHERE later.kind = 'feedback' AND later.decision_id = one.decision_id AND later.source = one.source
            AND later.key = one.key AND json_extract(payload, '$.{field}') IS NOT NULL
            ORDER BY later.sequence DESC LIMIT 1) AS {field}"""


def open_file(path: str, synchronous: str, timeout_s: float) -> sqlite3.Connection:
    """Open a ledger file and create it where there is none.

    Parameters
    ----------
    path : the file, or ``:memory:``.
    synchronous : ``NORMAL`` or ``FULL``.
    timeout_s : how long to wait for another process that writes.

    Returns
    -------
    connection : in autocommit mode, usable from any thread; the caller sees to one at a time.

    Raises
    ------
    LedgerError
        If the file cannot be opened, is damaged, is no ledger, or has another schema version.
    """
    with translated(path):
        connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path, timeout_s)
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute("SELECT max(sequence) FROM events").fetchone()  # touches the end: cut files show here
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing; takes the write lock at the start, so that what is read inside stays true."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn errors of SQLite into LedgerErrors that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(f"{_meaning(path, error)} ({type(error).__name__}: {error})") from error


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
    if "closed" in text:
        return f"the ledger {path} is closed; open it again"
    return f"the ledger {path} cannot be used"


def _prepare(connection: sqlite3.Connection, path: str, timeout_s: float) -> None:
    if path != IN_MEMORY:
        _use_wal(connection, path, timeout_s)
    version, application = _versions(connection)
    if (version, application) == (0, 0):
        with transaction(connection):
            if _versions(connection) == (0, 0):  # another process may have been faster
                _create(connection, path)
        version, application = _versions(connection)
    if application != APPLICATION_ID:
        raise LedgerError(f"{path} is an SQLite database but not a ledger of arbiter; name another file")
    if version != SCHEMA_VERSION:
        raise LedgerError(
            f"the ledger {path} has schema version {version}, this arbiter reads {SCHEMA_VERSION}; "
            + ("install a newer arbiter" if version > SCHEMA_VERSION else "export it with the arbiter that wrote it")
        )


def _create(connection: sqlite3.Connection, path: str) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables:
        raise LedgerError(f"{path} is an SQLite database but not a ledger of arbiter; name another file")
    fields = ",\n        ".join(_LATEST.format(field=field) for field in ("quality", "cost_usd", "latency_s"))
    statement = ""
    for line in _SCHEMA.format(fields=fields).splitlines():  # executescript would commit the transaction
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _versions(connection: sqlite3.Connection) -> tuple[int, int]:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return version, application


def _use_wal(connection: sqlite3.Connection, path: str, timeout_s: float) -> None:
    """Switch to write-ahead logging: readers do not block writers, and a commit is one append.

    SQLite does not wait for its lock here when several processes create the file at once; so this does.
    """
    pause = threading.Event()
    for remaining in range(max(1, int(timeout_s / _RETRY_S)), 0, -1):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or remaining == 1:
                raise
            pause.wait(_RETRY_S)
    if mode != "wal":
        _LOG.warning("the ledger %s cannot use write-ahead logging (a network disk?): writers will block readers", path)
