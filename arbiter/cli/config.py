"""`arbiter config show` and `arbiter config init`."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import Force, Json
from arbiter.cli.output import show, show_json, write_new
from arbiter.errors import InvalidInputError

if TYPE_CHECKING:
    from arbiter.config import Setting, Settings

config = typer.Typer(help="What arbiter.toml and the environment set: show it, or write a file to start from.")


@config.command("show", context_settings={"ignore_unknown_options": True})  # they are the command's that is shown
def show_command(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(help="E.g. route, or route --seed 3; serve. Default: what is set, of all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what holds for a command's options, and what set it: a flag, a variable, the file, or nothing."""
    settings: Settings = context.obj
    found = _of_command(settings, context, command) if command else _of_all(settings)
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


def _of_command(settings: "Settings", context: typer.Context, words: list[str]) -> "list[Setting]":
    from arbiter.catalog.entry import nearest
    from arbiter.cli.configuring import commands_of, flags_of

    length = next((n for n in range(len(words), 0, -1) if _tables(settings, words[:n])), 0)
    name, rest = ".".join(words[:length]), words[length:]
    if not length or (rest and name not in settings.tables):
        near = nearest(".".join(words[:2]), settings.tables)
        raise InvalidInputError(f"no command and no table is called {' '.join(words[:2])!r}{near}")
    if rest:
        one = dict(commands_of(context.find_root().command)).get(name)
        if one is None:
            raise InvalidInputError(f"{name} takes no flags, got {' '.join(rest)}")
        settings = replace(settings, flagged={name: flags_of(one, settings.tables[name], rest)})
    return [setting for table in _tables(settings, words[:length]) for setting in settings.of(table)]


def _tables(settings: "Settings", words: list[str]) -> list[str]:
    """Give the table of that name, and those that lie in it."""
    name = ".".join(words)
    return [table for table in settings.tables if table == name or table.startswith(f"{name}.")]


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
