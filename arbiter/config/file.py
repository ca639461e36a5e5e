"""The configuration's file: where it is, what it holds, and on which line."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arbiter.errors import ConfigError

NAME = "arbiter.toml"
"""Read where nothing else is named, if it lies in the working directory; no other folder is searched."""

VARIABLE = "ARBITER_CONFIG"
"""The environment variable that names another one."""

_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([\w.-]+|"[^"]*"|'[^']*')\s*=""")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """What a file holds.

    Attributes
    ----------
    path : the file; None where there is none.
    document : its tables, as TOML has them.
    lines : table and key, joined by dots, to the line, counted from 1; those alone that are found without doubt.
    """

    path: Path | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def at(self, name: str) -> str:
        """Give file and, where it is known, line of a table or a key, for messages."""
        line = self.lines.get(name)
        return f"{self.path}" if line is None else f"{self.path}:{line}"


def find_file(named: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Give the file: the one that is named, else the variable's, else the working directory's, if there is one."""
    if named is not None:
        return named
    if environment.get(VARIABLE):
        return Path(environment[VARIABLE])
    return Path(NAME) if Path(NAME).exists() else None


def read_file(path: Path | None) -> ConfigFile:
    """Read a file; None gives an empty one.

    Raises
    ------
    ConfigError
        If it cannot be read, or is not TOML.
    """
    if path is None:
        return ConfigFile()
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return ConfigFile(path=path, document=tomllib.loads(text), lines=_lines(text))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}; check the path of the configuration"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); convert it"]) from error
    except ValueError as error:  # of tomllib, or of a number with thousands of digits
        raise ConfigError([f"{path} is not TOML: {error}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{path} is not TOML that can be read: it is nested too deeply"]) from error


def template() -> str:
    """Give the commented file that `arbiter config init` writes."""
    return Path(__file__).with_name("template.toml").read_text(encoding="utf-8")


def _lines(text: str) -> dict[str, int]:
    """Find tables and keys. What occurs twice, such as in a text of several lines, is left out."""
    found: dict[str, int] = {}
    table, seen = "", Counter[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            name = table = _plain(header[1])
        elif key := _KEY.match(line):
            name = f"{table}.{_plain(key[1])}" if table else _plain(key[1])
        else:
            continue
        seen[name] += 1
        found[name] = number
    return {name: number for name, number in found.items() if seen[name] == 1}


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
