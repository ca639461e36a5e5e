"""One entry of a catalog, between the record and plain JSON or TOML values; every check of an entry is here."""

import datetime
import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any

from arbiter.errors import CatalogError
from arbiter.records import Candidate
from arbiter.vocabulary import Capability, Category, Status, Tier

_FIELDS = {field.name: field for field in fields(Candidate)}
_REQUIRED = tuple(name for name, field in _FIELDS.items() if field.default is MISSING)


class _WrongValueError(Exception):
    """A value that a key cannot take; the text says what is wanted."""


def candidate_to_dict(candidate: Candidate) -> dict[str, Any]:
    """Give an entry as JSON-ready values; what is unknown (None) is left out, and that it had no other name.

    Parameters
    ----------
    candidate : the entry.

    Returns
    -------
    values : field name to str, int, float or sorted list of str.
    """
    values: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(candidate, name)
        if isinstance(value, frozenset) and (value or name != "former_names"):
            values[name] = sorted(str(member) for member in value)
        elif value is not None and not isinstance(value, frozenset):
            values[name] = str(value) if isinstance(value, StrEnum) else value
    return values


def candidate_from_dict(values: Mapping[str, Any]) -> Candidate:
    """Build an entry from plain values.

    Parameters
    ----------
    values : as :func:`candidate_to_dict` gives them; keys with a default may be missing.

    Returns
    -------
    candidate : the entry.

    Raises
    ------
    CatalogError
        In one line, with every problem of the entry.
    """
    candidate, problems = read_entry(values)
    if candidate is None:
        raise CatalogError(f"model {values.get('name', '?')!r}: " + "; ".join(problems))
    return candidate


def read_entry(values: Mapping[str, Any]) -> tuple[Candidate | None, list[str]]:
    """Read an entry and say what is wrong with it, rather than raise, so that a file's problems can be gathered.

    Parameters
    ----------
    values : plain values by key.

    Returns
    -------
    candidate : the entry, or None where there are problems.
    problems : one text per problem: key, value, and what would be right.
    """
    problems = [f"unknown key '{key}'{nearest(key, _FIELDS)}" for key in values if key not in _FIELDS]
    problems += [f"key '{key}' is missing" for key in _REQUIRED if key not in values]
    read: dict[str, Any] = {}
    for key, value in values.items():
        if key in _FIELDS:
            try:
                read[key] = _READERS[key](value)
            except _WrongValueError as wrong:
                problems.append(f"{key} = {_shown(value)} {wrong}")
    if not problems and read["max_output_tokens"] > read["context_window_tokens"]:
        problems.append(
            f"max_output_tokens = {read['max_output_tokens']} is above context_window_tokens = "
            f"{read['context_window_tokens']}"
        )
    return (None, problems) if problems else (Candidate(**read), [])


def nearest(word: str, valid: Iterable[str]) -> str:
    """Give ``"; did you mean 'x'?"`` for the valid word that resembles ``word``, or an empty text."""
    close = difflib.get_close_matches(word.lower(), list(valid), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


# What each key takes ----------------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    text = repr(str(value)) if isinstance(value, str | datetime.date) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise _WrongValueError("must be a text without spaces around it")
    return value


def _any_text(value: Any) -> str:
    return "" if value == "" else _text(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _WrongValueError("must be a finite number")
    return float(value)


def _price(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise _WrongValueError("is negative; give US dollars per million tokens, 0 or more")
    return number


def _positive(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise _WrongValueError("must be above 0")
    return number


def _seconds(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise _WrongValueError("is negative; give seconds, 0 or more")
    return number


def _rating(value: Any) -> float:
    number = _number(value)
    if not 0.0 <= number <= 1.0:
        raise _WrongValueError("lies outside [0, 1]")
    return number


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise _WrongValueError("must be a whole number of tokens above 0")
    return value


def _date(value: Any) -> str:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    try:
        return datetime.date.fromisoformat(_text(value)).isoformat()
    except ValueError:
        raise _WrongValueError("is not a date; write it as YYYY-MM-DD") from None


def _member_of(vocabulary: type[StrEnum]) -> Callable[[Any], StrEnum]:
    members = [str(member) for member in vocabulary]

    def read(value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in members:
            hint = nearest(value, members) if isinstance(value, str) else ""
            raise _WrongValueError(f"is not one of {', '.join(members)}{hint}")
        return vocabulary(value)

    return read


def _tags(value: Any) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _WrongValueError("must be a list of texts")
    return frozenset(_text(tag) for tag in value)


def _capabilities(value: Any) -> frozenset[Capability]:
    read = _member_of(Capability)
    wrong: list[str] = []
    members: set[Capability] = set()
    for tag in sorted(_tags(value)):
        try:
            members.add(Capability(read(tag)))
        except _WrongValueError:
            wrong.append(f"'{tag}'{nearest(tag, Capability)}")
    if wrong:
        raise _WrongValueError(f"holds no capability called {', '.join(wrong)} (known: {', '.join(Capability)})")
    return frozenset(members)


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": _text,
    "provider": _text,
    "tier": _member_of(Tier),
    "category": _member_of(Category),
    "context_window_tokens": _count,
    "max_output_tokens": _count,
    "usd_per_mtok_in": _price,
    "usd_per_mtok_out": _price,
    "litellm_model": _text,
    "family": _any_text,
    "status": _member_of(Status),
    "capabilities": _capabilities,
    "usd_per_mtok_cached_in": _price,
    "usd_per_mtok_batch_in": _price,
    "usd_per_mtok_batch_out": _price,
    "ttft_s": _seconds,
    "output_tokens_per_s": _positive,
    "latency_p99_s": _seconds,
    "quality": _rating,
    "safety": _rating,
    "reliability": _rating,
    "sla_availability": _rating,
    "regions": _tags,
    "compliance": _tags,
    "languages": _tags,
    "release_date": _date,
    "deprecation_date": _date,
    "former_names": _tags,
}
assert set(_READERS) == set(_FIELDS), "every field of Candidate needs a reader"
