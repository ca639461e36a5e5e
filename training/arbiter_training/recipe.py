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
    if path is None:
        return TrainOptions()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is not a TOML file: {error}") from error
    return changed(TrainOptions(), values, str(path))


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
    return replace(options, **new)  # type: ignore[type-var]


def _value(old: Any, value: Any, place: str) -> Any:
    if is_dataclass(old) and not isinstance(old, type):
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"{place} is a table, got {value!r}")
        return changed(old, value, place)
    if isinstance(old, tuple):
        return tuple(value) if isinstance(value, list) else (value,)
    expected = (bool,) if isinstance(old, bool) else (int, float) if isinstance(old, int | float | None) else (str,)
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise InvalidInputError(f"{place} wants {' or '.join(t.__name__ for t in expected)}, got {value!r}")
    return value
