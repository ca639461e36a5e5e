"""The ledger on a PostgreSQL server: for many hosts."""

from arbiter.ledger.postgres_database import PostgresDatabase
from arbiter.ledger.sql_ledger import SqlLedger


class PostgresLedger(SqlLedger):
    """A ledger on a PostgreSQL server, for the processes of many hosts; see :class:`SqlLedger`.

    An append is acknowledged by returning; then the server has it on its disk, unless its ``synchronous_commit`` says
    otherwise. A connection that was lost is made anew at the next call.

    Parameters
    ----------
    url : ``postgresql://user@host:port/database``; tables are made in its schema ``arbiter`` where there are none.
    timeout_s : how long to wait for another process that writes.

    Raises
    ------
    MissingExtraError
        If psycopg is not installed.
    LedgerError
        If the server cannot be reached, refuses the user, or holds a ledger of another schema version.
    """

    def __init__(self, url: str, *, timeout_s: float = 30.0) -> None:
        super().__init__(PostgresDatabase(url, timeout_s))
