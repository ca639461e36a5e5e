"""One value that can be set, and how it is read from a TOML file or from an environment variable."""

import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from arbiter.catalog.entry import nearest

HIDDEN = "***"
"""What stands in the place of a secret."""

_PASSWORD = re.compile(r"(://[^/\s:@]*):.*@|((?:password|passwd|secret|token|key)=)[^&\s]+", re.I)
_NO_PATH = re.compile(r"[a-z][a-z0-9+.-]+:/|:memory:$", re.I)
"""How URLs begin; a letter and a colon are a drive."""

_SWITCH = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_WANTED: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a text that names a file or folder",
}


class Mark(Enum):
    """What an option's type does not tell; stands beside it in ``Annotated``.

    Attributes
    ----------
    SHARED : the table ``[defaults]`` sets it, too.
    PLACE : a text that names a file or folder, unless it is a URL; in a file, relative to the file.
    PLACE_OR_NAME : likewise, but only where such a folder, or the file of ``FILE.py:NAME``, is there; else a name.
    SECRET : never shown.
    """

    SHARED = "shared"
    PLACE = "place"
    PLACE_OR_NAME = "place or name"
    SECRET = "secret"


class WrongValueError(Exception):
    """A value that an option cannot take; the text says what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One value that can be set.

    Attributes
    ----------
    kind : of the value, or of each where there are several; a StrEnum takes the texts of its members.
    many : whether it is a list.
    named : whether it is a table, of names to such values.
    least, most : bounds of a number; None has none.
    marks : what the kind does not tell.
    default : where nothing sets it.
    required : whether there is no default.
    """

    kind: type
    many: bool = False
    named: bool = False
    least: float | None = None
    most: float | None = None
    marks: frozenset[Mark] = frozenset()
    default: object = None
    required: bool = False

    @property
    def wanted(self) -> str:
        """What it takes, in words."""
        one = _WANTED.get(self.kind) or f"one of {', '.join(typing.cast('type[StrEnum]', self.kind))}"
        if self.many:
            return f"a list, of {one} each"
        return f"a table of names, to {one} each" if self.named else one

    def read(self, value: object, folder: Path | None = None) -> object:
        """Read a value of a TOML file.

        Parameters
        ----------
        value : as TOML has it.
        folder : what places are relative to; None leaves them as they are.

        Returns
        -------
        value : of the kind; a list or dict of such where there are several.

        Raises
        ------
        WrongValueError
            If it is of another kind, or outside its bounds.
        """
        if self.many and isinstance(value, list):
            return [self._one(each, folder) for each in value]
        if self.named and isinstance(value, dict):
            return {name: self._one(each, folder) for name, each in value.items()}
        if self.many or self.named:
            raise WrongValueError(f"must be {self.wanted}")
        return self._one(value, folder)

    def parse(self, text: str) -> object:
        """Read a value of an environment variable: lists with commas between, tables as ``a=1,b=2``.

        Raises
        ------
        WrongValueError
            As :meth:`read`.
        """
        parts = [part.strip() for part in text.split(",")]
        if self.many:
            return self.parse_each(parts)
        if self.named:
            pairs = [part.partition("=") for part in parts]
            return self.read({name.strip(): self._from_text(value.strip()) for name, _, value in pairs})
        return self.read(self._from_text(text))

    def parse_each(self, texts: Sequence[str]) -> object:
        """Read a list of texts, such as those of a flag that is repeated.

        Raises
        ------
        WrongValueError
            As :meth:`read`.
        """
        return self.read([self._from_text(text) for text in texts])

    def shown(self, value: object) -> object:
        """Give a value as it may be shown, JSON-ready: without a password."""
        if value is None:
            return None
        if Mark.SECRET in self.marks:
            return HIDDEN if value else value
        if isinstance(value, dict):
            return {name: self.shown(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.shown(each) for each in value]
        return without_password(str(value)) if isinstance(value, str | Path) else value

    def _from_text(self, text: str) -> object:
        if self.kind is bool:
            return _SWITCH.get(text.lower(), text)
        try:
            return self.kind(text) if self.kind in (int, float) else text
        except ValueError:
            return text  # which is of the wrong kind, and is told so

    def _one(self, value: object, folder: Path | None) -> object:
        if issubclass(self.kind, StrEnum):
            return self._member(value)
        text = self.kind in (str, Path)
        fits = type(value) is (str if text else self.kind) or (self.kind is float and type(value) is int)
        if not fits or (isinstance(value, float) and math.isnan(value)):
            raise WrongValueError(f"must be {self.wanted if not self.many else _WANTED[self.kind]}")
        if text:
            _require_writable(str(value))
            return self._placed(str(value), folder)
        return self._bounded(value)

    def _member(self, value: object) -> object:
        members = [str(member) for member in typing.cast("type[StrEnum]", self.kind)]
        if value not in members:
            hint = nearest(value, members) if isinstance(value, str) else ""
            raise WrongValueError(f"must be one of {', '.join(members)}{hint}")
        return self.kind(value)

    def _bounded(self, value: Any) -> object:
        try:
            value = float(value) if self.kind is float else value
        except OverflowError:
            raise WrongValueError("is greater than any number that can be reckoned with") from None
        if self.least is not None and value < self.least:
            raise WrongValueError(f"must be {self.least:g} or more")
        if self.most is not None and value > self.most:
            raise WrongValueError(f"must be {self.most:g} or less")
        return value

    def _placed(self, text: str, folder: Path | None) -> object:
        is_place = self.kind is Path or not self.marks.isdisjoint({Mark.PLACE, Mark.PLACE_OR_NAME})
        if folder is None or not is_place or not text or (self.kind is str and _NO_PATH.match(text)):
            return self.kind(text)
        try:
            place = folder / Path(text).expanduser()
        except RuntimeError as error:
            raise WrongValueError(f"names no folder that is known ({error})") from error
        if Mark.PLACE_OR_NAME in self.marks and not _file_of(place).exists():
            return text
        return self.kind(place)


def _file_of(place: Path) -> Path:
    """Give the file or folder that is meant: of ``rules.py:choose``, what stands before the name in it."""
    file, _, name = place.name.rpartition(":")
    return place.with_name(file) if file.endswith(".py") and name else place


def _require_writable(text: str) -> None:
    """Refuse what a command line could not say: a zero byte, which no path has, and bytes that are no text."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise WrongValueError("must be UTF-8 text without a zero byte")


def without_password(text: str) -> str:
    """Give a text with what stands where a URL has a password, or a key, left out."""
    return _PASSWORD.sub(lambda found: f"{found[1]}:{HIDDEN}@" if found[1] else f"{found[2]}{HIDDEN}", text)


def known_option(annotation: Any) -> Option:
    """Give the option of a type that a file can hold."""
    option = option_of(annotation)
    assert option is not None, annotation
    return option


def option_of(annotation: Any, default: object = None, *, required: bool = False) -> Option | None:
    """Give the option that a type annotation stands for; None for what no file can hold, such as a function.

    Parameters
    ----------
    annotation : ``bool``, ``int``, ``float``, ``str``, ``Path``, a StrEnum, a list of these or a mapping of names to
        them, or any of these or None; with marks, and with bounds ``min`` and ``max``, where it is ``Annotated``.
    default, required : see :class:`Option`.
    """
    told: list[Any] = []
    if get_origin(annotation) is Annotated:
        annotation, *told = get_args(annotation)
    kinds = [kind for kind in _alternatives(annotation) if kind is not types.NoneType]
    origin, parts = get_origin(kinds[0]), get_args(kinds[0])
    many, named = origin is list, origin is Mapping and parts[0] is str
    kind = parts[-1] if many or named else kinds[0]
    if len(kinds) != 1 or not isinstance(kind, type) or not (kind in _WANTED or issubclass(kind, StrEnum)):
        return None
    bounds = {"least": _told(told, "min"), "most": _told(told, "max")}
    marks = frozenset(mark for mark in told if isinstance(mark, Mark))
    return Option(kind=kind, many=many, named=named, marks=marks, default=default, required=required, **bounds)


def _told(told: Iterable[Any], name: str) -> float | None:
    return next((getattr(each, name) for each in told if hasattr(each, name)), None)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (types.UnionType, typing.Union)
    return get_args(annotation) if is_union else (annotation,)
