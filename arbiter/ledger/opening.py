"""Which ledger a name stands for."""

from pathlib import Path

from arbiter.errors import LedgerError
from arbiter.ledger.postgres import PostgresLedger
from arbiter.ledger.postgres_database import SCHEMES
from arbiter.ledger.sql_ledger import SqlLedger
from arbiter.ledger.sqlite import SqliteLedger


def open_ledger(source: str | Path, *, must_exist: bool = False) -> SqlLedger:
    """Open a ledger.

    Parameters
    ----------
    source : an SQLite file, or ``postgresql://user@host:port/database``.
    must_exist : whether a file that is not there is an error; else it is made.

    Raises
    ------
    LedgerError
        If it cannot be opened.
    MissingExtraError
        If it is a PostgreSQL server's and psycopg is not installed.
    """
    if str(source).startswith(SCHEMES):
        return PostgresLedger(str(source))
    scheme = str(source).partition("://")
    if scheme[1]:
        raise LedgerError(f"no ledger is kept in {scheme[0]}://...; give a file, or postgresql://user@host/database")
    path = Path(source)
    if must_exist and not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise LedgerError(f"{path} {what}; name the ledger that `arbiter route --ledger` wrote")
    return SqliteLedger(source)
