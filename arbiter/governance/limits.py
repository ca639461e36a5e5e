"""Who may spend how much: limits for users, teams and everyone, from a TOML file or code."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter.governance.protocols import Owner, Period

EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What may be spent in a day and in a month; None is no limit."""

    day_usd: float | None = None
    month_usd: float | None = None

    def __post_init__(self) -> None:
        for name in ("day_usd", "month_usd"):
            usd = getattr(self, name)
            is_amount = isinstance(usd, int | float) and not isinstance(usd, bool) and 0 <= usd < math.inf
            if usd is not None and not is_amount:
                raise InvalidInputError(f"{name} must be a number of dollars from 0 up, or be left out; got {usd!r}")

    def limits(self) -> Iterator[tuple[Period, float]]:
        """Give the limits that there are."""
        for period, usd in ((Period.DAY, self.day_usd), (Period.MONTH, self.month_usd)):
            if usd is not None:
                yield period, usd


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """The limits of a service; each one that applies to an owner must leave enough.

    Attributes
    ----------
    everyone : all requests together.
    each_user : every user that ``users`` does not name; requests without a user share one account.
    each_team : every team that ``teams`` does not name.
    users, teams : by name.
    """

    everyone: Allowance = field(default_factory=Allowance)
    each_user: Allowance = field(default_factory=Allowance)
    each_team: Allowance = field(default_factory=Allowance)
    users: Mapping[str, Allowance] = field(default_factory=lambda: MappingProxyType({}))
    teams: Mapping[str, Allowance] = field(default_factory=lambda: MappingProxyType({}))

    def accounts(self, owner: Owner) -> tuple[tuple[str, Allowance], ...]:
        """Give the accounts that an owner's calls are charged to, with what each allows."""
        name = f"user {owner.user}" if owner.user else "unnamed users"
        found = [(name, self.users.get(owner.user or "", self.each_user))]
        if owner.team is not None:
            found.append((f"team {owner.team}", self.teams.get(owner.team, self.each_team)))
        return (*found, (EVERYONE, self.everyone))


def read_limits(path: str | Path) -> BudgetLimits:
    """Read limits from a TOML file.

    Parameters
    ----------
    path : a file with the tables ``[everyone]``, ``[each_user]``, ``[each_team]``, ``[users.NAME]`` and
        ``[teams.NAME]``, each with ``day_usd`` or ``month_usd`` or both.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, is not TOML, or names anything else.
    """
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"cannot read the limits {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is not a TOML file: {error}") from error
    single, named = ("everyone", "each_user", "each_team"), ("users", "teams")
    unknown = sorted(set(document) - {*single, *named})
    if unknown:
        raise InvalidInputError(f"{path}: unknown table {', '.join(unknown)}; there are {', '.join((*single, *named))}")
    tables: dict[str, Any] = {name: _allowance(path, name, document[name]) for name in single if name in document}
    for group in named:
        members = document.get(group, {})
        if not isinstance(members, dict):
            raise InvalidInputError(f"{path}: {group} must hold one table per name, such as [{group}.ada]")
        tables[group] = {name: _allowance(path, f"{group}.{name}", table) for name, table in members.items()}
    return BudgetLimits(**tables)


def _allowance(path: str | Path, name: str, table: object) -> Allowance:
    if not isinstance(table, dict) or set(table) - {"day_usd", "month_usd"}:
        raise InvalidInputError(f"{path}: [{name}] takes day_usd and month_usd, got {table!r:.80}")
    try:
        return Allowance(**table)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: [{name}]: {error}") from error
