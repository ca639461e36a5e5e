"""`arbiter plan init`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Force, Json
from arbiter.cli.output import show, show_json, write_new


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("use-cases.toml"),
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a commented file of use cases to start from."""
    from arbiter.planning import template

    write_new(path, template(), force=force)
    if as_json:
        show_json({"written": path})
    else:
        show([f"{path}: change it, then run: arbiter plan strategy {path}"])
