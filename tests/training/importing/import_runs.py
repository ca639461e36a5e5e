"""How tests import a log, and what came of it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet

from arbiter_training.importing import ImportReport, ImportRequest, import_log
from arbiter_training.importing.items import Item, UnusableError
from arbiter_training.importing.reading import LogReader
from arbiter_training.traffic.columns import KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import gave.

    Attributes
    ----------
    report : of the import.
    rows : of the table; a known column that it does not have is None.
    path : of the table.
    """

    report: ImportReport
    rows: list[dict[str, Any]]
    path: Path

    def by_model(self) -> dict[str, dict[str, Any]]:
        """Give the rows by their model, where each occurs once."""
        found = {row["model"]: row for row in self.rows}
        assert len(found) == len(self.rows)
        return found

    def dropped(self) -> dict[str, int]:
        """Give how many rows were left out for each reason."""
        return {reason: one.rows for reason, one in self.report.dropped.items()}


def imported(folder: Path, *sources: object, **options: Any) -> Imported:
    """Import into a folder, and see to it that no row is lost in silence."""
    out = folder / "out.parquet"
    request = ImportRequest(sources=tuple(map(str, sources)), out=out, **{"jobs": 1, **options})
    report = import_log(request, lambda _: None)
    rows = [{**dict.fromkeys(KNOWN), **row} for row in pyarrow.parquet.read_table(out).to_pylist()]
    assert report.kept == len(rows)
    assert report.rows_read == report.kept + sum(one.rows for one in report.dropped.values())
    assert not list(folder.glob(".out.parquet*")), "the working folder is left behind"
    return Imported(report=report, rows=rows, path=out)


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """Write records as JSONL."""
    path.write_text("".join(json.dumps(record, default=str) + "\n" for record in records), encoding="utf-8")
    return path


def items(reader: LogReader, record: Mapping[str, Any]) -> list[Item]:
    """Give what a reader makes of a record."""
    return list(reader.read(record))


def reason_of(reader: LogReader, record: Mapping[str, Any]) -> str:
    """Give why a record gives no call: by raising, or by an item."""
    try:
        (item,) = reader.read(record)
    except UnusableError as error:
        return str(error.reason)
    return str(item.reason)  # type: ignore[union-attr]  # the test is that it is a refusal
