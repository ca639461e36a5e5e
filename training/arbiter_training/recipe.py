"""Recipes: a TOML file that says how a router is learned."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from arbiter.errors import InvalidInputError
from arbiter_training.train import TrainOptions

T = TypeVar("T")


def read_recipe(path: Path | None) -> TrainOptions:
    """Read how to train; None gives the defaults.

    The tables of the file are the fields of :class:`arbiter_training.train.TrainOptions`, and theirs::

        test_share = 0.2

        [learn]
        seed = 1
        quality_per_usd = 15.0

        [learn.bandit]
        share = 0.05

    Raises
    ------
    InvalidInputError
        If the file is not TOML, or a key or value is not one of these; the message names the nearest key.
    """
    return TrainOptions() if path is None else changed(TrainOptions(), read_toml(path, "recipe"), str(path))


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Read the values of a TOML file.

    Parameters
    ----------
    path : the file.
    what : it is, for messages, such as ``"recipe"``.

    Raises
    ------
    InvalidInputError
        If it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"the {what} {path} cannot be read ({error.strerror}); check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is not a TOML file: {error}") from error


def changed(options: T, values: Mapping[str, Any], place: str) -> T:
    """Give the options with some fields changed, and tables inside them likewise.

    Raises
    ------
    InvalidInputError
        If a key is no field, or a value is of another kind than the field's.
    """
    known = {f.name: getattr(options, f.name) for f in fields(options)}  # type: ignore[arg-type]  # a dataclass
    new: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise InvalidInputError(f"{place}: unknown key {key!r}; {hint}")
        new[key] = _value(known[key], value, f"{place}: {key}")
    try:
        return replace(options, **new)  # type: ignore[type-var]
    except InvalidInputError as error:
        raise InvalidInputError(f"{place}: {error}") from error


def _value(old: Any, value: Any, place: str) -> Any:
    if is_dataclass(old) and not isinstance(old, type):
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"{place} is a table, got {value!r}")
        return changed(old, value, place)
    if isinstance(old, tuple):
        items = value if isinstance(value, list) else [value]
        return tuple(_item(old[0], item, f"{place}, item {i}") for i, item in enumerate(items, start=1))
    kind = _kind(old)
    if type(value) is not kind and not (kind is float and type(value) is int):  # bool is a kind of int
        raise InvalidInputError(f"{place} wants {NAMES[kind]}, got {value!r}")
    return float(value) if type(value) is int and kind is float else value


def _item(old: Any, value: Any, place: str) -> Any:
    """Read one item of a list: a table of all fields where the default holds records, else a plain value."""
    if is_dataclass(old) and not isinstance(old, type) and isinstance(value, Mapping):
        missing = [f.name for f in fields(old) if f.name not in value]
        if missing:
            raise InvalidInputError(f"{place} lacks {', '.join(missing)}; give each item whole")
    return _value(old, value, place)


def _kind(old: Any) -> type:
    """Give the type that a value must have; what is None by default is a number."""
    return float if old is None else type(old) if type(old) in NAMES else str


NAMES: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
