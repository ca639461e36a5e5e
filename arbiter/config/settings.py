"""What is set, and by what: the file and the environment, read against the options that there are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from arbiter.catalog.entry import nearest
from arbiter.config.file import VARIABLE, ConfigFile, find_file, read_file
from arbiter.config.option import Mark, Option, WrongValueError, without_password
from arbiter.errors import ConfigError

DEFAULTS = "defaults"
"""The table whose keys hold for every command that shares an option of that name."""

PREFIX = "ARBITER_"

AUDIT_KEY = "ARBITER_AUDIT_KEY"
"""The variable with an audit log's key: no file sets it, and on a command line every process could read it."""

PLUGINS = "ARBITER_PLUGINS"
"""The variable that names files or modules for the command to import first, such as those that register components: as
in PATH, with a colon between them (a semicolon on Windows). No file sets it, since it runs code."""

ALIKE = 0.8
"""From this likeness on, a variable that sets nothing is taken for a misspelled one. Others belong to somebody else: a
Kubernetes service that is called arbiter, for one, sets ARBITER_SERVICE_HOST in every container."""

Table = Mapping[str, Option]
Tables = Mapping[str, Table]
"""Name of a table, with dots where it lies in another, to its keys and their options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A value in force.

    Attributes
    ----------
    table, key : whose.
    value : as the option's kind has it.
    source : what set it: ``flag``, the name of a variable, file and table, or ``default``.
    place : the table that was set, its own or the shared one; empty where none was.
    option : what it is the value of.
    """

    table: str
    key: str
    value: object
    source: str
    place: str
    option: Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is set.

    Attributes
    ----------
    tables : what can be set.
    file : what was read; it may be none.
    filed : table to key to value, of the file.
    varied : the same of the environment.
    flagged : the same of a command line, where one is given to be explained.
    strays : variables that look like ours and set nothing, to what may be meant, or an empty text.
    """

    tables: Tables
    file: ConfigFile = field(default_factory=ConfigFile)
    filed: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    varied: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    flagged: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    strays: Mapping[str, str] = field(default_factory=dict)

    def of(self, table: str) -> list[Setting]:
        """Give the values in force for a table: flag, environment, file; of each its own before the shared one."""
        return [self._setting(table, key, option) for key, option in self.tables[table].items()]

    def given(self, table: str) -> dict[str, Any]:
        """Give those that are not defaults, by key."""
        return {setting.key: setting.value for setting in self.of(table) if setting.place}

    def _setting(self, table: str, key: str, option: Option) -> Setting:
        places = (table, DEFAULTS) if Mark.SHARED in option.marks else (table,)
        told = [(self.flagged, table, "flag")]
        told += [(self.varied, place, variable(place, key)) for place in places]
        told += [(self.filed, place, f"{self.file.path} [{place}]") for place in places]
        for values, place, source in told:
            if key in values.get(place, {}):
                value = values[place][key]
                return Setting(table=table, key=key, value=value, source=source, place=place, option=option)
        return Setting(table=table, key=key, value=option.default, source="default", place="", option=option)


def variable(table: str, key: str) -> str:
    """Give the name of the environment variable that sets a key."""
    name = key if table == DEFAULTS else f"{table}_{key}"
    return PREFIX + name.replace(".", "_").replace("-", "_").upper()


def read_settings(
    tables: Tables, environment: Mapping[str, str], named: Path | None = None, elsewhere: frozenset[str] = frozenset()
) -> Settings:
    """Read what file and environment set, and check all of it.

    Parameters
    ----------
    tables : what can be set.
    environment : variables.
    named : the file; None looks where :func:`arbiter.config.file.find_file` says.
    elsewhere : further names of tables, which are somebody else's to check.

    Raises
    ------
    ConfigError
        If anything is wrong; one text per problem, with the key, the value, and what would be right.
    """
    problems: list[str] = []
    try:
        file = read_file(find_file(named, environment))
    except ConfigError as error:
        file, problems = ConfigFile(), list(error.problems)
    filed = _Reader(tables, file, elsewhere, problems).values()
    varied = _varied(tables, environment, problems)
    if problems:
        raise ConfigError(problems)
    strays = _strays(tables, environment, elsewhere)
    return Settings(tables=tables, file=file, filed=filed, varied=varied, strays=strays)


class _Reader:
    """Reads the tables of one file, and gathers what is wrong with them."""

    def __init__(self, tables: Tables, file: ConfigFile, elsewhere: frozenset[str], problems: list[str]) -> None:
        self._tables, self._file, self._elsewhere, self._problems = tables, file, elsewhere, problems
        self._folder = None if file.path is None else file.path.parent
        self._found: dict[str, dict[str, object]] = {}

    def values(self) -> dict[str, dict[str, object]]:
        """Give table to key to value."""
        known = {*(name.partition(".")[0] for name in self._tables), *self._elsewhere}
        for name, content in self._file.document.items():
            spelled = _spelled(name, known)
            if spelled is None and not isinstance(content, dict):
                self._problem(name, f"{name!r} stands above every table; write it below [{DEFAULTS}] or a command's")
            elif spelled is None:
                self._problem(name, f"unknown table [{name}]{nearest(name, known)}")
            elif not isinstance(content, dict):
                self._problem(name, f"{name} must be a table, [{name}], got {content!r:.60}")
            elif spelled not in self._elsewhere:
                self._table(spelled, name, content)
        return self._found

    def _table(self, table: str, written: str, content: Mapping[str, Any]) -> None:
        options = self._tables.get(table, {})
        below = {name.removeprefix(f"{table}.").partition(".")[0] for name in self._tables if _is_in(name, table)}
        for key, value in content.items():
            spelled, place = _spelled(key, {*options, *below}), f"{written}.{key}"
            if spelled is None:
                self._problem(place, f"unknown key {key!r} in [{written}]{self._hint(key, table, [*options, *below])}")
            elif spelled in below and isinstance(value, dict):
                self._table(f"{table}.{spelled}", place, value)
            elif spelled in below:
                self._problem(place, f"{key} of [{written}] must be a table, [{place}], got {value!r:.60}")
            elif spelled in self._found.setdefault(table, {}):
                self._problem(place, f"[{written}] sets {spelled} twice, with and without a dash")
            else:
                self._value(table, spelled, place, value)

    def _value(self, table: str, key: str, place: str, value: object) -> None:
        option = self._tables[table][key]
        self._found[table][key] = value
        try:
            self._found[table][key] = option.read(value, self._folder)
        except WrongValueError as error:
            written, _, name = place.rpartition(".")
            self._problem(place, f"[{written}] {name} = {option.shown(value)!r:.80} {error}")

    def _hint(self, key: str, table: str, known: list[str]) -> str:
        homes = [name for name, options in self._tables.items() if key in options and name != DEFAULTS]
        if homes:
            return f"; it belongs to [{homes[0]}]" + (" and others, each by itself" if homes[1:] else "")
        return nearest(key, known) or f"; `arbiter config show {table.replace('.', ' ')}` lists what there is"

    def _problem(self, place: str, text: str) -> None:
        self._problems.append(f"{self._file.at(place)}: {without_password(text)}")


def _spelled(name: str, known: Mapping[str, object] | set[str]) -> str | None:
    """Give a name as it is known: with dashes or underscores, whichever was written."""
    return next((each for each in (name, name.replace("_", "-"), name.replace("-", "_")) if each in known), None)


def _is_in(name: str, table: str) -> bool:
    return name.startswith(f"{table}.")


def _varied(tables: Tables, environment: Mapping[str, str], problems: list[str]) -> dict[str, dict[str, object]]:
    """Read the environment; an empty variable is as good as none."""
    found: dict[str, dict[str, object]] = {}
    for table, key, option, name in _variables(tables):
        text = environment.get(name, "")
        if not text:
            continue
        try:
            found.setdefault(table, {})[key] = option.parse(text)
        except WrongValueError as error:
            problems.append(f"{name} = {option.shown(text)!r:.80} {error}")
    return found


def _variables(tables: Tables) -> Iterator[tuple[str, str, Option, str]]:
    for table, options in tables.items():
        for key, option in options.items():
            yield table, key, option, variable(table, key)


def _strays(tables: Tables, environment: Mapping[str, str], elsewhere: frozenset[str]) -> dict[str, str]:
    known = [
        name.removeprefix(PREFIX) for name in (VARIABLE, AUDIT_KEY, PLUGINS, *(each for *_, each in _variables(tables)))
    ]
    others = tuple(variable(name, "") for name in elsewhere)
    found: dict[str, str] = {}
    for name in sorted(environment):
        rest = name.removeprefix(PREFIX)
        if name != rest and name.isascii() and rest not in known and not (others and name.startswith(others)):
            near = get_close_matches(rest, known, n=1, cutoff=ALIKE)
            found[name] = PREFIX + near[0] if near else ""
    return found
