"""`arbiter config show` and `arbiter config init`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import Force, Json
from arbiter.cli.output import show, show_json, write_new
from arbiter.errors import InvalidInputError

if TYPE_CHECKING:
    from arbiter.config import Setting, Settings

config = typer.Typer(help="What arbiter.toml and the environment set: show it, or write a file to start from.")


@config.command("show")
def show_command(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(help="E.g. route, plan strategy, serve. Default: what is set, of all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what holds for a command's options, and what set it: a variable, the file, or nothing."""
    settings: Settings = context.obj
    found = _of_table(settings, command) if command else _of_all(settings)
    path = settings.file.path
    if as_json:
        rows = [{"table": s.table, "key": s.key, "value": s.option.shown(s.value), "source": s.source} for s in found]
        show_json({"file": path, "settings": rows, "unknown_variables": list(settings.strays)})
        return
    show([f"file: {path or 'none'}", *_lines(found)])
    show(f"{name} sets nothing" for name in settings.strays)


@config.command("init")
def init_command(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("arbiter.toml"),
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a commented file to start from; it sets nothing."""
    from arbiter.config import template

    write_new(path, template(), force=force)
    if as_json:
        show_json({"written": path})
    else:
        show([f"{path}: change it, then look at what holds: arbiter config show"])


def _of_all(settings: "Settings") -> "list[Setting]":
    return [setting for table in settings.tables for setting in settings.of(table) if setting.place == table]


def _of_table(settings: "Settings", command: list[str]) -> "list[Setting]":
    from arbiter.catalog.entry import nearest

    name = ".".join(command)
    found = [table for table in settings.tables if table == name or table.startswith(f"{name}.")]
    if not found:
        raise InvalidInputError(
            f"no command and no table is called {' '.join(command)!r}{nearest(name, settings.tables)}"
        )
    return [setting for table in found for setting in settings.of(table)]


def _lines(found: "Iterable[Setting]") -> list[str]:
    cells = [(f"[{s.table}] {s.key}", _value(s), s.source) for s in found]
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(2)]
    return [f"{key:<{widths[0]}}  {value:<{widths[1]}}  {source}" for key, value, source in cells]


def _value(setting: "Setting") -> str:
    shown = setting.option.shown(setting.value)
    if shown is None:
        return "(required)" if setting.option.required else "-"
    if isinstance(shown, bool):
        return "true" if shown else "false"
    return ", ".join(map(str, shown)) if isinstance(shown, list) else str(shown)
