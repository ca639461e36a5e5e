"""Staged rows to the table: what belongs together is brought together, the rest passes through column by column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arbiter_training.importing.columnar import HALF, HELPERS
from arbiter_training.importing.fold import Judged, Row, fold, judge
from arbiter_training.importing.index import ImportIndex
from arbiter_training.importing.items import Half, Kind, Reason
from arbiter_training.importing.summary import Summary
from arbiter_training.importing.tally import Tally
from arbiter_training.traffic.columns import SOURCE
from arbiter_training.traffic.read_parquet import pyarrow_modules

FOLD_COLUMNS = {"attempts": "double", "served_by": "string", "served_quality": "double", "served_cost_usd": "double"}

ANCESTORS = 100
"""Spans looked at above a call; a deeper tree is one that goes round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A staged block.

    Attributes
    ----------
    path : of its Parquet file.
    first, end : numbers of its first row and after its last.
    """

    path: Path
    first: int
    end: int


class Finisher:
    """Goes through the parts once.

    A row whose group has others is held until the last of them has come; attempts at a request lie close together in a
    log, so few are held at a time.

    Parameters
    ----------
    index : with everything joined.
    parts : in order.
    schema : ``pyarrow.Schema`` of the result.
    tally : what is dropped here is counted in it.
    """

    def __init__(self, index: ImportIndex, parts: Sequence[Part], schema: Any, tally: Tally) -> None:
        self._index, self._parts, self._schema, self._tally = index, parts, schema, tally
        self._held: dict[int, list[tuple[Row, Sequence[Judged]]]] = {}
        self._clashes = index.clashes()
        self.summary = Summary()

    def tables(self) -> Iterator[Any]:
        """Give the result, part by part, as ``pyarrow.Table`` in the schema."""
        for part in self._parts:
            for table in self._tables(part):
                if table.num_rows:
                    self.summary.add(table)
                    yield table

    def _tables(self, part: Part) -> Iterator[Any]:
        arrow = pyarrow_modules()
        table = arrow.parquet.read_table(part.path)
        verdicts = self._index.verdicts(part.first, part.end)
        left_out = self._left_out(part, table)
        repeated = self._index.repeated(part.first, part.end)
        plain = np.ones(table.num_rows, dtype=np.bool_)
        plain[[seq - part.first for seq in {*left_out, *repeated}]] = False
        yield self._plain(arrow, table, plain, {seq - part.first: found for seq, found in verdicts.items()})
        rows = self._grouped(part, table, repeated, left_out, verdicts)
        if rows:
            yield self._in_schema(arrow, arrow.Table.from_pylist(rows, schema=self._row_schema(arrow, table)))

    def _left_out(self, part: Part, table: Any) -> set[int]:
        """Count and give the rows that their place in a trace, or another request's id, keeps out."""
        out: set[int] = set()
        for seq, parent in self._index.places(part.first, part.end):
            reason = self._by_place(parent)
            if reason is not None:
                out.add(seq)
                self._drop(reason, table, seq - part.first)
        for seq in self._clashes & set(range(part.first, part.end)) - out:
            out.add(seq)
            self._drop(Reason.CONTRADICTS, table, seq - part.first)
        return out

    def _by_place(self, parent: int | None) -> Reason | None:
        agents = 0
        for _ in range(ANCESTORS):
            found = None if parent is None else self._index.span(parent)
            if found is None:
                return None
            parent, kind = found
            if kind == Kind.CALL:
                return Reason.NESTED
            if kind == Kind.CHECK:
                return Reason.INTERNAL
            agents += kind == Kind.AGENT
            if kind == Kind.TOOL or agents > 1:
                return Reason.SUB_AGENT
        return None

    def _plain(self, arrow: Any, table: Any, plain: Any, verdicts: dict[int, list[Judged]]) -> Any:
        halves = table.column(HALF).is_valid().to_numpy() & plain
        for row in np.flatnonzero(halves).tolist():
            alone = table.column(HALF)[row].as_py() == Half.REQUEST
            self._drop(Reason.NO_ANSWER if alone else Reason.NO_REQUEST, table, row)
        keep = plain & ~halves
        judged = {row: found for row, found in verdicts.items() if keep[row]}
        if judged:
            table = _with_quality(arrow, table, judged)
        return self._in_schema(arrow, table if keep.all() else table.filter(arrow.array(keep)))

    def _grouped(
        self, part: Part, table: Any, repeated: dict[int, tuple[int, int]], left_out: set[int], verdicts: dict[int, Any]
    ) -> list[Row]:
        """Give the rows of the groups that end in this part."""
        seqs = sorted(repeated)
        taken = table.take(np.asarray([seq - part.first for seq in seqs], dtype=np.int64)).to_pylist()
        out: list[Row] = []
        for seq, row in zip(seqs, taken, strict=True):
            group, last = repeated[seq]
            members = self._held.setdefault(group, [])
            if seq not in left_out:
                members.append((row, verdicts.get(seq, ())))
            if seq == last and self._held.pop(group) and members:
                folded = fold(members)
                out += folded.rows
                for reason, request in folded.dropped:
                    self._tally.drop(reason, f"request {request}")
                designed = len(folded.rows) > 1 and folded.rows[0]["request_id"] == folded.rows[1]["request_id"]
                self.summary.by_design += sum(row["propensity"] is None for row in folded.rows) if designed else 0
        return out

    def _drop(self, reason: Reason, table: Any, row: int) -> None:
        self._tally.drop(reason, f"request {table.column('request_id')[row].as_py()}")

    def _row_schema(self, arrow: Any, table: Any) -> Any:
        """Give the types of a part's rows, and those of the columns that bringing them together adds."""
        types = {field.name: field.type for field in table.schema}
        added = {name: self._schema.field(name).type for name in self._schema.names if name not in types}
        return arrow.schema([(name, kind) for name, kind in {**types, **added}.items() if name not in HELPERS])

    def _in_schema(self, arrow: Any, table: Any) -> Any:
        columns = []
        for wanted in self._schema:
            if wanted.name in table.column_names:
                columns.append(table.column(wanted.name).cast(wanted.type))
            else:
                columns.append(arrow.nulls(table.num_rows, wanted.type))
        return arrow.table(columns, schema=self._schema)


def _with_quality(arrow: Any, table: Any, judged: dict[int, list[Judged]]) -> Any:
    kinds = {"quality": arrow.float64(), SOURCE: arrow.string()}
    if "served_by" in table.column_names:
        kinds |= {"served_by": arrow.string(), "served_quality": arrow.float64()}
    held = {name for name, kind in kinds.items() if name in table.column_names and table.column(name).type == kind}
    cells = {name: table.column(name).to_pylist() if name in held else [None] * table.num_rows for name in kinds}
    for row, found in judged.items():
        cell: Row = {name: values[row] for name, values in cells.items()}
        judge(cell, found)
        for name, values in cells.items():
            values[row] = cell[name]
    for name, values in cells.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, arrow.array(values, type=kinds[name]))
    return table
