"""The traffic table to a file, all or nothing."""

import csv
import gzip
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from arbiter_training.traffic.columns import NUMBERS, TIME_DTYPE
from arbiter_training.traffic.read_parquet import pyarrow_modules
from arbiter_training.traffic.readers import format_of, unknown_format
from arbiter_training.traffic.table import CORE, TrafficTable


def write_traffic(table: TrafficTable, path: str | Path) -> None:
    """Write a table; the format follows from the ending of the name.

    The file appears under its name only when it is complete: it is written beside it and then put in place in one
    step, so a crash, a full disk or a second reader never sees half of it.

    Parameters
    ----------
    table : what to write; columns that are unknown in every row are left out.
    path : ends in ``.parquet``, ``.jsonl``, ``.jsonl.gz`` or ``.csv``; the folder must exist.

    Raises
    ------
    TrafficError
        If the ending is not one of these.
    MissingExtraError
        If Parquet is written without pyarrow.
    """
    target = Path(path)
    ending = require_format(target)
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        WRITERS[ending](table, unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def require_format(path: Path) -> str:
    """Give the ending of a name that tells the format, before the work of making a table.

    Raises
    ------
    TrafficError
        If it tells none.
    """
    ending = format_of(path)
    if ending is None:
        raise unknown_format(path)
    return ending


def columns_of(table: TrafficTable) -> dict[str, list[object]]:
    """Give the columns that hold anything, by their names in a file, as Python values; times are ISO 8601 in UTC."""
    columns = {name: _values(table.column(name)) for name in CORE if name != "prompt"}
    texts: list[object] = [prompt if isinstance(prompt, str) else None for prompt in table.prompt]
    messages: list[object] = [None if isinstance(prompt, str) else list(prompt) for prompt in table.prompt]
    columns = {"request_id": columns.pop("request_id"), "prompt": texts, "messages": messages, **columns}
    columns |= {name: _values(values) for name, values in (*table.labels.items(), *table.extras.items())}
    return {name: values for name, values in columns.items() if any(value is not None for value in values)}


def _values(array: np.ndarray[Any, Any]) -> list[object]:
    if array.dtype.kind == "M":
        return [None if np.isnat(time) else f"{time}+00:00" for time in array]
    if array.dtype.kind == "f":
        return [None if value != value else value for value in array.tolist()]
    return list(array)


def _rows(table: TrafficTable) -> Iterator[dict[str, object]]:
    columns = columns_of(table)
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def _write_jsonl(table: TrafficTable, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(_json_lines(table))


def _write_jsonl_gz(table: TrafficTable, path: Path) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="\n") as stream:
        stream.writelines(_json_lines(table))


def _json_lines(table: TrafficTable) -> Iterator[str]:
    for row in _rows(table):
        known = {name: value for name, value in row.items() if value is not None}
        yield json.dumps(known, ensure_ascii=False, default=str) + "\n"


def _write_csv(table: TrafficTable, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(columns_of(table)))
        writer.writeheader()
        writer.writerows({name: _csv_cell(value) for name, value in row.items()} for row in _rows(table))


def _csv_cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict | tuple) else value


def _write_parquet(table: TrafficTable, path: Path) -> None:
    arrow = pyarrow_modules()
    columns = columns_of(table)
    arrays = {name: arrow.array(_parquet_cells(name, values)) for name, values in columns.items()}
    for name in {"timestamp"} & set(columns):
        times = table.timestamp.astype(TIME_DTYPE)
        arrays[name] = arrow.array(times, type=arrow.timestamp("us")).cast(arrow.timestamp("us", "UTC"))
    for name in set(NUMBERS) & set(columns):
        arrays[name] = arrow.array(table.column(name), from_pandas=True)  # NaN is written as null
    arrow.parquet.write_table(arrow.table(arrays), path)


def _parquet_cells(name: str, values: list[object]) -> list[object]:
    """Write messages as JSON (their shape varies), and an extra column of mixed kinds as text."""
    if name == "messages":
        return [None if value is None else _csv_cell(value) for value in values]
    kinds = {type(value) for value in values if value is not None}
    return values if len(kinds) == 1 else [None if value is None else str(_csv_cell(value)) for value in values]


WRITERS: Mapping[str, Callable[[TrafficTable, Path], None]] = {
    ".parquet": _write_parquet,
    ".jsonl": _write_jsonl,
    ".jsonl.gz": _write_jsonl_gz,
    ".csv": _write_csv,
}
"""Ending of the file name to its writer."""
