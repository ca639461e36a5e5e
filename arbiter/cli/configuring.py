"""How the configuration reaches the commands: their options are its keys, and what it sets are their defaults."""

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arbiter.config import DEFAULTS, SHARED, Option, Settings, WrongValueError, option_of, read_settings, serve_tables
from arbiter.errors import ConfigError, InvalidInputError

FLAG = "--config"

NEEDS_NO_SETTINGS = frozenset({"--help", "--version"})
"""Asked for by somebody whose configuration may be wrong; and no help should show what is set."""

MAKES_ANEW = ("config", "init")
"""The command that writes a file, where the one that is named may not be there yet, or be beyond repair."""


def take_file(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """Take the flag that names the configuration's file out of the arguments, wherever it stands before ``--``.

    Raises
    ------
    InvalidInputError
        If it names none.
    """
    kept, file = list[str](), None
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*kept, word, *words], file
        flag, given, value = word.partition("=")
        if flag != FLAG:
            kept.append(word)
            continue
        name = value if given else next(words, "")
        if not name:
            raise InvalidInputError(f"{FLAG} needs a file, such as {FLAG} arbiter.toml")
        file = Path(name)
    return kept, file


def settings_of(command: Any, arguments: Sequence[str], file: Path | None) -> Settings:
    """Read and check what is set; where help is asked for, or a wrong file is to be replaced, nothing is.

    Parameters
    ----------
    command : of typer, with all that are below it.
    arguments : of the command line.
    file : that the command line names.

    Raises
    ------
    ConfigError
        If anything is wrong.
    """
    tables = {DEFAULTS: SHARED, **serve_tables(), **{name: _keys(one) for name, one in commands_of(command)}}
    if not NEEDS_NO_SETTINGS.isdisjoint(arguments):
        return Settings(tables=tables)
    try:
        return read_settings(tables, os.environ, file)
    except ConfigError:
        if tuple(arguments[:2]) != MAKES_ANEW:
            raise
        return Settings(tables=tables)


def defaults_of(command: Any, settings: Settings) -> dict[str, Any]:
    """Give what is set as typer takes it: name of the command to name of the parameter to value."""
    found: dict[str, Any] = {}
    for table, one in commands_of(command):
        place, parameters = found, _parameters(one)
        for name in table.split("."):
            place = place.setdefault(name, {})
        place.update({parameters[key].name: _plain(value) for key, value in settings.given(table).items()})
    return found


def flags_of(command: Any, options: Mapping[str, Option], words: Sequence[str]) -> dict[str, object]:
    """Give key to value of the flags in a command line, which is read as far as that; nothing else need be there.

    Parameters
    ----------
    command : whose flags.
    options : its keys.
    words : behind its name.

    Raises
    ------
    InvalidInputError
        If a value is wrong; an unknown flag is typer's own usage error.
    """
    context = command.make_context(command.name, [], resilient_parsing=True)
    context.resilient_parsing = False
    given = command.make_parser(context).parse_args(list(words))[0]
    found: dict[str, object] = {}
    for key, parameter in _parameters(command).items():
        value = given.get(parameter.name)
        if value is None:
            continue
        try:
            found[key] = _read_flag(options[key], value)
        except WrongValueError as error:
            raise InvalidInputError(f"{parameter.opts[-1]} {value} {error}") from error
    return found


def _read_flag(option: Option, value: Any) -> object:
    if isinstance(value, list):
        return option.parse_each(value)
    return option.parse(value) if isinstance(value, str) else option.read(value)


def commands_of(command: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Give every command that does something, with its name: those in groups with the group's before a dot."""
    for name, below in command.commands.items():
        if hasattr(below, "commands"):
            yield from commands_of(below, f"{above}{name}.")
        else:
            yield f"{above}{name}", below


def _parameters(command: Any) -> dict[str, Any]:
    """Give key to what typer made of the option; the key is the long option, with underscores."""
    options = [each for each in command.params if each.param_type_name == "option"]
    return {max(each.opts, key=len).removeprefix("--").replace("-", "_"): each for each in options}


def _keys(command: Any) -> Mapping[str, Option]:
    """Give key to option, by the types that the command's function declares."""
    declared = inspect.signature(command.callback).parameters
    found: dict[str, Option] = {}
    for key, parameter in _parameters(command).items():
        default = declared[parameter.name].default
        required = default is inspect.Parameter.empty
        option = option_of(declared[parameter.name].annotation, None if required else default, required=required)
        assert option is not None, f"no file can hold --{key}"
        found[key] = option
    return found


def _plain(value: Any) -> Any:
    """Give a value as a command line would."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str | Path) else value


def told_strays(settings: Settings) -> list[str]:
    """Say which variables look like misspelled ones."""
    return [f"{name} sets nothing; {near} would" for name, near in settings.strays.items() if near]
