"""Enums that compare by the order of their definition."""

from enum import StrEnum
from functools import cache
from typing import Self


@cache
def _members(kind: type[StrEnum]) -> tuple[StrEnum, ...]:
    return tuple(kind)


@cache
def _ranks(kind: type[StrEnum]) -> dict[str, int]:
    return {member: rank for rank, member in enumerate(kind)}


class OrderedStrEnum(StrEnum):
    """A string enum whose members compare in the order in which they are defined."""

    @property
    def rank(self) -> int:
        """Position in the definition, from 0."""
        return _ranks(type(self))[self]

    def __lt__(self, other: str) -> bool:
        return self.rank < self._rank_of(other)

    def __le__(self, other: str) -> bool:
        return self.rank <= self._rank_of(other)

    def __gt__(self, other: str) -> bool:
        return self.rank > self._rank_of(other)

    def __ge__(self, other: str) -> bool:
        return self.rank >= self._rank_of(other)

    def _rank_of(self, other: str) -> int:
        kind = type(self)
        rank = _ranks(kind).get(other)
        return kind(other).rank if rank is None else rank  # the former tells what is wrong with it

    @classmethod
    def at(cls, rank: int) -> Self:
        """Give the member at ``rank``."""
        return _members(cls)[rank]  # type: ignore[return-value]  # members of cls
