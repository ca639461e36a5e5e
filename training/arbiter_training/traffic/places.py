"""Where a row came from, so that an error can name it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arbiter.errors import TrafficError

ID_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stretch of consecutive rows of one file.

    Attributes
    ----------
    source : the file, as the user named it.
    first_row : number of the first row, counted from 1 over data rows (a CSV header and blank lines do not count).
    n_rows : rows in the stretch.
    """

    source: str
    first_row: int
    n_rows: int


class Places:
    """The places of all rows of a table, in order."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = tuple(places)
        self._ends = np.cumsum([place.n_rows for place in places])

    def name(self, index: int) -> str:
        """Give file and row of the row at ``index``, e.g. ``log.csv: row 7``."""
        part = int(np.searchsorted(self._ends, index, side="right"))
        place = self._places[part]
        start = int(self._ends[part]) - place.n_rows
        return f"{place.source}: row {place.first_row + index - start}"

    def error(self, index: int, request_id: object, message: str) -> TrafficError:
        """Give the one-line error about a row."""
        known = "" if request_id is None else f" (request_id {shown(request_id)})"
        return TrafficError(f"{self.name(index)}{known}: {message}")


def shown(value: object) -> str:
    """Give a value on one line, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= ID_WIDTH else text[: ID_WIDTH - 3] + "..."
