"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.errors import LedgerError

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HeldLedger = Annotated[
    Path, typer.Option("--ledger", envvar="ARBITER_LEDGER", help="The ledger that `arbiter route --ledger` wrote.")
]


def require_ledger(path: Path) -> None:
    """Make sure that a ledger is there, since opening makes one.

    Raises
    ------
    LedgerError
        If there is no such file.
    """
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise LedgerError(f"{path} {what}; name the ledger that `arbiter route --ledger` wrote")
