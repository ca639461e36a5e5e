"""What every log reader is: one record in, its rows and judgements out."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from arbiter_training.importing.items import Item

Record = Mapping[str, Any]


class LogReader(Protocol):
    """A reader of one format. It keeps nothing between records, so that blocks of a log can be read side by side."""

    @property
    def name(self) -> str:
        """What ``--format`` calls it."""
        ...

    @property
    def judges(self) -> bool:
        """Whether its records may hold judgements."""
        ...

    def recognises(self, record: Record) -> bool:
        """Say whether a record is of this format; by what it holds, never by the name of its file."""
        ...

    def read(self, record: Record) -> Iterator[Item]:
        """Give what a record holds; at least one item.

        Raises
        ------
        UnusableError
            If nothing in it can be used.
        """
        ...
