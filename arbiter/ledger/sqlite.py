"""The ledger in an SQLite file: the default."""

from pathlib import Path
from typing import Literal

from arbiter.errors import InvalidInputError, LedgerError
from arbiter.ledger.sql_ledger import SqlLedger
from arbiter.ledger.sqlite_database import SqliteDatabase


class SqliteLedger(SqlLedger):
    """A ledger in one SQLite file, for the processes of one host; see :class:`SqlLedger`.

    An append is acknowledged by returning. What was acknowledged survives the end of the process at any moment. With
    ``synchronous="NORMAL"`` a loss of power may take the last appends with it, never the file; ``"FULL"`` waits for
    the disk (about 170 us instead of 10 us) and loses nothing.

    Parameters
    ----------
    path : the file, created where there is none; ``":memory:"`` for one that ends with the process.
    synchronous : what a loss of power may take.
    timeout_s : how long to wait for another process that writes.

    Raises
    ------
    LedgerError
        If the file cannot be opened, is damaged, is no ledger, or has another schema version.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
        timeout_s: float = 30.0,
    ) -> None:
        if synchronous not in ("NORMAL", "FULL"):
            raise InvalidInputError(f"synchronous must be 'NORMAL' or 'FULL', not {synchronous!r}")
        self.path = str(path)
        super().__init__(SqliteDatabase(self.path, synchronous, timeout_s))

    def check(self) -> None:
        """Read the whole file for damage; seconds for a large one.

        Raises
        ------
        LedgerError
            If there is any.
        """
        ((found,),) = self._rows("PRAGMA quick_check(1)")
        if found != "ok":
            raise LedgerError(f"the ledger {self.path} is damaged ({found}); restore a backup, or use `.recover`")
