"""`arbiter audit`."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arbiter.cli.options import Json
from arbiter.cli.output import plain, show, show_json
from arbiter.config import AUDIT_KEY
from arbiter.errors import InvalidInputError

if TYPE_CHECKING:
    from arbiter.governance import Seal


def audit(
    log: Annotated[Path, typer.Argument(help=f"The file that a SqliteAudit keeps; its key in {AUDIT_KEY}.")],
    sealed: Annotated[str, typer.Option(help="A seal of before, as this command prints it: ENTRIES:DIGEST.")] = "",
    entries: Annotated[bool, typer.Option(help="Print every entry, one JSON document a line.")] = False,
    as_json: Json = False,
) -> None:
    """Check an audit log against tampering and print its seal; the exit status is 1 if it was tampered with."""
    from arbiter.governance import SqliteAudit

    kept = SqliteAudit(log, key=os.environ.get(AUDIT_KEY, "").encode(), must_exist=True)
    try:
        seal = kept.verify(_seal(sealed))
        if entries:
            show(json.dumps(_told(entry), ensure_ascii=False) for entry in kept.entries())
    finally:
        kept.close()
    if as_json:
        show_json(seal)
    elif not entries:
        show([f"{seal.entries} entries, none of them changed; seal {seal.entries}:{seal.digest}"])


def _told(entry: object) -> Any:
    return {name: value for name, value in plain(entry).items() if value not in (None, "", {})}


def _seal(text: str) -> "Seal | None":
    from arbiter.governance import Seal

    if not text:
        return None
    number, _, digest = text.partition(":")
    if not number.isdigit() or not digest:
        raise InvalidInputError(f"--sealed {text!r} must be ENTRIES:DIGEST, as this command prints it")
    return Seal(entries=int(number), digest=digest)
