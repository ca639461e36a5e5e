"""Enums that compare by the order of their definition."""

from enum import StrEnum
from functools import cache
from typing import Self


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
        return self.rank < type(self)(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= type(self)(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > type(self)(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= type(self)(other).rank

    @classmethod
    def at(cls, rank: int) -> Self:
        """Give the member at ``rank``."""
        return list(cls)[rank]
