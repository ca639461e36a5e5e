"""Columns as a file holds them, before they are checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter_training.traffic.columns import BoolArray, as_objects


@dataclass(frozen=True, slots=True, kw_only=True)
class RawColumn:
    """One unchecked column.

    Attributes
    ----------
    values : (n,) objects, numbers or times.
    known : (n,) False where the cell is null; kept apart from NaN, which is a value and a wrong one.
    zoned : False where ``values`` are times that were written without a time zone.
    """

    values: NDArray[Any]
    known: BoolArray
    zoned: bool = True

    @classmethod
    def of(cls, values: Sequence[object]) -> "RawColumn":
        """Build a column from Python values, None for null."""
        known = np.fromiter((value is not None for value in values), dtype=np.bool_, count=len(values))
        return cls(values=as_objects(values, len(values)), known=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawChunk:
    """Consecutive rows of one file.

    Attributes
    ----------
    source : the file, as the user named it.
    first_row : number of the first row, from 1.
    n_rows : rows in the chunk.
    columns : name to column, all of ``n_rows`` rows.
    """

    source: str
    first_row: int
    n_rows: int
    columns: Mapping[str, RawColumn]

    @classmethod
    def of_records(cls, source: str, first_row: int, records: Sequence[Mapping[str, object]]) -> "RawChunk":
        """Build a chunk from mappings; a key that a record does not have is null there."""
        names = {name: None for record in records for name in record}
        columns = {name: RawColumn.of([record.get(name) for record in records]) for name in names}
        return cls(source=source, first_row=first_row, n_rows=len(records), columns=columns)
