"""Reads the tables of a plan's file and gathers every problem, so that all are told at once."""

import datetime
import math
from collections.abc import Iterable, Mapping
from typing import Any

from arbiter.catalog.entry import nearest
from arbiter.planning.token_count import TokenCount

LARGEST = 1e12
"""No plan is for more dollars, tokens or requests a day than that; a number beyond it is a slip."""

WIDEST = 100.0
"""Deviation over mean, and ninth decile over median, that no lengths reach."""


class TableReader:
    """Takes values out of one TOML table; what is wrong goes to a shared list and the default is given instead.

    Parameters
    ----------
    table : of the file.
    where : how messages call it.
    problems : one text per problem, shared by all readers of a file.
    """

    def __init__(self, table: Mapping[str, Any], where: str, problems: list[str]) -> None:
        self._table, self._where, self._problems = table, where, problems
        self._asked: set[str] = set()

    def problem(self, text: str) -> None:
        """Note a problem of this table."""
        self._problems.append(f"{self._where}: {text}")

    def finish(self) -> None:
        """Note the keys that nobody asked for."""
        for key in self._table:
            if key not in self._asked:
                self.problem(f"unknown key '{key}'{nearest(key, sorted(self._asked))}")

    def has(self, key: str) -> bool:
        """Tell whether the table has a key."""
        self._asked.add(key)
        return key in self._table

    def is_empty(self, key: str) -> bool:
        """Tell whether a key holds an empty list."""
        return self._table.get(key) == []

    def number(self, key: str, default: float | None, least: float = 0.0, most: float = math.inf) -> float | None:
        """Give a number in [least, most]."""
        if not self.has(key):
            return default
        value = self._table[key]
        if not _is_number(value) or not least <= value <= most:
            ends = f"from {least:g} up" if most == math.inf else f"in [{least:g}, {most:g}]"
            self.problem(f"{key} = {value!r} must be a number {ends}")
            return default
        if value > LARGEST:
            self.problem(f"{key} = {value!r} is beyond {LARGEST:g}: check its zeros")
            return default
        return float(value)

    def known_number(self, key: str, default: float, least: float = 0.0, most: float = math.inf) -> float:
        """Give a number that has a default."""
        value = self.number(key, default, least, most)
        return default if value is None else value

    def required_number(self, key: str, least: float = 0.0, most: float = math.inf) -> float:
        """Give a number that must be there."""
        if not self.has(key):
            self.problem(f"key '{key}' is missing")
        return self.known_number(key, 1.0, least, most)

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """Give a whole number in [least, most]."""
        value = self.known_number(key, default, least, most)
        if value != int(value):
            self.problem(f"{key} = {value!r} must be a whole number")
        return int(value)

    def text(self, key: str, default: str | None = None) -> str | None:
        """Give a text that is not empty."""
        if not self.has(key):
            return default
        value = self._table[key]
        if not isinstance(value, str) or not value.strip():
            self.problem(f"{key} = {value!r} must be a text")
            return default
        return value

    def required_text(self, key: str) -> str:
        """Give a text that must be there."""
        if not self.has(key):
            self.problem(f"key '{key}' is missing")
        return self.text(key) or ""

    def member(self, key: str, known: Iterable[str], default: str | None = None) -> str | None:
        """Give one of some names."""
        value, names = self.text(key, default), [str(name) for name in known]
        if value is None or value in names:
            return value
        self.problem(f"{key} = '{value}' is not one of {', '.join(names)}{nearest(value, names)}")
        return default

    def flag(self, key: str) -> bool:
        """Give true or false; false by default."""
        value = self._table[key] if self.has(key) else False
        if not isinstance(value, bool):
            self.problem(f"{key} = {value!r} must be true or false")
        return value is True

    def names(self, key: str, known: Iterable[str] | None = None, what: str = "name") -> frozenset[str]:
        """Give a list of texts; ``known`` are those that there are, None takes any."""
        value = self._table[key] if self.has(key) else []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.problem(f"{key} = {value!r} must be a list of texts")
            return frozenset()
        listed = None if known is None else [str(name) for name in known]
        for each in value if listed is not None else []:
            if each not in (listed or ()):
                self.problem(f"{key} names the unknown {what} '{each}'{nearest(each, listed or ())}")
        return frozenset(each for each in value if listed is None or each in listed)

    def date(self, key: str, default: datetime.date) -> datetime.date:
        """Give a date."""
        value = self._table[key] if self.has(key) else default
        if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
            self.problem(f"{key} = {value!r} must be a date such as 2027-01-31, without quotes")
            return default
        return value

    def weights(self, key: str, count: int) -> tuple[float, ...]:
        """Give ``count`` weights of which one at least is above 0; equal ones by default."""
        even = (1.0,) * count
        value = self._table[key] if self.has(key) else list(even)
        fits = isinstance(value, list) and len(value) == count and all(_is_number(v) and v >= 0 for v in value)
        if not fits or sum(value) <= 0:
            self.problem(f"{key} must be a list of {count} numbers from 0 up, one of them above 0; got {value!r}")
            return even
        return tuple(float(each) for each in value)

    def tokens(self, key: str) -> TokenCount | None:
        """Give a number of tokens, or a table of mean and sd, or of p50 and p90."""
        if not self.has(key):
            return None
        value = self._table[key]
        if _is_number(value) and 0 <= value <= LARGEST:
            return TokenCount(mean=float(value))
        if isinstance(value, dict) and all(_is_number(v) and 0 <= v <= LARGEST for v in value.values()):
            if set(value) == {"mean", "sd"} and value["mean"] > 0 and value["sd"] <= WIDEST * value["mean"]:
                return TokenCount(mean=float(value["mean"]), sd=float(value["sd"]))
            if set(value) == {"p50", "p90"} and 0 < value["p50"] <= value["p90"] <= WIDEST * value["p50"]:
                return TokenCount.from_quantiles(float(value["p50"]), float(value["p90"]))
        self.problem(
            f"{key} = {value!r} must be a number of tokens from 0 up, or {{mean = .., sd = ..}}, or {{p50 = .., "
            f"p90 = ..}} with p50 at most p90 and a spread below {WIDEST:g} times"
        )
        return None

    def table(self, key: str) -> Mapping[str, Any]:
        """Give a table of texts to texts; empty by default."""
        value = self._table[key] if self.has(key) else {}
        if not isinstance(value, dict) or not all(isinstance(each, str | int | float) for each in value.values()):
            self.problem(f"{key} = {value!r} must be a table of names and texts")
            return {}
        return {name: str(each) for name, each in value.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
