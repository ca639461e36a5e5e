"""A PostgreSQL server as the ledger's database, for many hosts; the only home of psycopg."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from arbiter.errors import InvalidInputError, LedgerError, MissingExtraError
from arbiter.ledger.database import SCHEMA_VERSION, Cursor, Dialect, Row, Value

if TYPE_CHECKING:
    import psycopg

SCHEMES = ("postgresql://", "postgres://")
"""How a URL of this database begins."""

WRITE_LOCK = 0x41524254
"""Advisory lock that writers hold from the start of a transaction until its events are visible to all. Without it a
transaction could become visible after another with greater sequence numbers, and a reader's high-water mark would pass
it by. An advisory lock, other than one on the table, leaves readers and vacuum alone."""

CONNECT_TIMEOUT_S = 10

POSTGRES = Dialect(
    sequence="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    field="CAST(CAST(later.payload AS json) ->> '{field}' AS double precision)",
    append_only=(
        "CREATE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''the ledger is append-only''; END'",
        "CREATE TRIGGER never_changed BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION never_changed()",
    ),
)


class PostgresDatabase:
    """One connection to a PostgreSQL server, made anew when it was lost; the tables lie in the schema ``arbiter``.

    Parameters
    ----------
    url : ``postgresql://user@host:port/database``, with the options that libpq knows. A password is better kept in
        ``~/.pgpass`` or ``PGPASSWORD``.
    timeout_s : how long to wait for another writer.

    Raises
    ------
    MissingExtraError
        If psycopg is not installed.
    LedgerError
        If the server cannot be reached, or its schema is of another version.
    """

    lasting = True

    def __init__(self, url: str, timeout_s: float) -> None:
        self._psycopg = _psycopg()
        try:
            named = self._psycopg.conninfo.conninfo_to_dict(url)
        except self._psycopg.ProgrammingError as error:  # without the URL, which may hold a password
            raise LedgerError(f"the ledger needs a URL like postgresql://user@host:5432/database ({error})") from error
        self.name = _without_password(named)
        self._how = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "arbiter", **named}
        self._timeout_ms = max(1, int(1000 * timeout_s))
        with self._translated():
            self._connection = self._connected()
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """See :meth:`arbiter.ledger.database.Database.rows`."""
        with self._translated():
            return self._first(statement, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator["PostgresDatabase"]:
        """See :meth:`arbiter.ledger.database.Database.writing`."""
        with self._translated():
            self._first("BEGIN")  # here a lost connection shows, before anything is written
            with self._settled():
                self.execute("SELECT pg_advisory_xact_lock(?)", (WRITE_LOCK,))
                yield self

    def execute(self, statement: str, values: Sequence[Value] = ()) -> Cursor:
        """See :meth:`arbiter.ledger.database.Transaction.execute`."""
        return self._run(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]]) -> int:
        """See :meth:`arbiter.ledger.database.Transaction.executemany`."""
        cursor = self._connection.cursor()
        cursor.executemany(statement.replace("?", "%s"), rows)
        return cursor.rowcount

    def close(self) -> None:
        """See :meth:`arbiter.ledger.database.Database.close`."""
        with self._translated():
            self._connection.close()

    def _run(self, statement: str, values: Sequence[Value] = ()) -> "psycopg.Cursor[Row]":
        return self._connection.execute(statement.replace("?", "%s"), values)

    def _first(self, statement: str, values: Sequence[Value] = ()) -> "psycopg.Cursor[Row]":
        """Carry out a statement outside of a transaction, on a new connection where the old one was lost."""
        try:
            return self._run(statement, values)
        except self._psycopg.OperationalError:
            if not self._connection.closed:
                raise
            self._connection = self._connected()
            return self._run(statement, values)

    @contextlib.contextmanager
    def _settled(self) -> Iterator[None]:
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            if not self._connection.closed:
                self._run("ROLLBACK")
            raise

    def _connected(self) -> "psycopg.Connection[Row]":
        connection: psycopg.Connection[Row] = self._psycopg.connect(**self._how, autocommit=True)
        connection.execute("SET search_path TO arbiter")
        connection.execute(f"SET lock_timeout = {self._timeout_ms}")
        return connection

    def _prepare(self) -> None:
        if not self.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'arbiter' AND tablename = 'facts'"):
            with self.writing():
                self._create()
        if 0 < self._version() < SCHEMA_VERSION:
            with self.writing():
                self._bring_up_to_date()
        version = self._version()
        if version != SCHEMA_VERSION:
            raise LedgerError(
                f"the ledger {self.name} has schema version {version}, this arbiter reads {SCHEMA_VERSION}; "
                "install the arbiter that wrote it, on every host"
            )

    def _create(self) -> None:
        if self._run("SELECT 1 FROM pg_tables WHERE schemaname = 'arbiter' AND tablename = 'facts'").fetchone():
            return  # another process was faster
        self._run("CREATE SCHEMA IF NOT EXISTS arbiter")
        for statement in POSTGRES.schema():
            self._run(statement)
        self._run("INSERT INTO facts (name, value) VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))

    def _bring_up_to_date(self) -> None:
        for statement in POSTGRES.added_since(self._version()):  # none if another process was faster
            self._run(statement)
        self._run("UPDATE facts SET value = ? WHERE name = 'schema_version'", (str(SCHEMA_VERSION),))

    def _version(self) -> int:
        ((version,),) = self.rows("SELECT value FROM facts WHERE name = 'schema_version'")
        return int(version)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._psycopg.DataError as error:  # refused for good: to try again would stop everything behind it
            raise InvalidInputError(f"the ledger {self.name} cannot hold a value: {error}") from error
        except self._psycopg.Error as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise LedgerError(f"{_meaning(self._psycopg, self.name, error)} ({reason})") from error


def _psycopg() -> Any:
    try:
        import psycopg
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("psycopg", "postgres") from error
    except ImportError as error:  # without its binary part, psycopg needs the system's libpq
        raise MissingExtraError(f"psycopg finds no libpq: pip install 'arbiter-router[postgres]' ({error})") from error
    return psycopg


def _without_password(how: dict[str, Any]) -> str:
    user = f"{how['user']}@" if how.get("user") else ""
    port = f":{how['port']}" if how.get("port") else ""
    return f"postgresql://{user}{how.get('host', '')}{port}/{how.get('dbname', '')}"


def _meaning(psycopg: Any, name: str, error: Exception) -> str:
    errors = psycopg.errors
    if isinstance(error, errors.LockNotAvailable):
        return f"the ledger {name} stayed locked by another process; retry, or raise timeout_s"
    if isinstance(error, errors.InsufficientPrivilege):
        return f"the ledger {name} refuses this user; grant CREATE on the database, or USAGE on the schema arbiter"
    if isinstance(error, errors.DiskFull):
        return f"the ledger {name} cannot grow; free space on its disk"
    if isinstance(error, psycopg.OperationalError):
        return f"the ledger {name} cannot be reached; check that the server runs and lets this host in"
    return f"the ledger {name} cannot be used"
