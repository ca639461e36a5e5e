"""`arbiter plan init`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json
from arbiter.cli.output import show, show_json
from arbiter.errors import InvalidInputError


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("use-cases.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented file of use cases to start from."""
    from arbiter.planning import template

    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; name a file")
    if path.exists() and not force:
        raise InvalidInputError(f"{path} exists; name another file, or give --force to replace it")
    path.write_text(template(), encoding="utf-8")
    if as_json:
        show_json({"written": path})
    else:
        show([f"{path}: change it, then run: arbiter plan strategy {path}"])
