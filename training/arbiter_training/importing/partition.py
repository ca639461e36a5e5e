"""The result as one Parquet file, or as a folder of them; it appears under its name only when it is complete."""

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from arbiter.errors import InvalidInputError, TrafficError
from arbiter_training.traffic.read_parquet import pyarrow_modules

GROUP_ROWS = 131_072
"""Rows of a row group: what `arbiter evaluate` streams by, and what other tools read at once."""

PARTITION_ROWS = 1_048_576
"""Rows of a file in a folder."""

ENDING = ".parquet"


def check_target(path: Path) -> None:
    """Make sure that the result can be written, before the work of making it.

    Raises
    ------
    TrafficError
        If the name ends in something else than ``.parquet`` and is no name of a folder.
    InvalidInputError
        If the folder above does not exist, or the target is there and is not what would be replaced.
    """
    if path.suffix not in (ENDING, ""):
        raise TrafficError(
            f"{path}: an import writes Parquet: end the name in {ENDING}, or give a folder without ending"
        )
    if not path.parent.is_dir():
        raise InvalidInputError(f"{path} lies in {path.parent}, which does not exist; name an existing folder")
    if path.suffix == ENDING and path.is_dir():
        raise InvalidInputError(f"{path} is a folder; name a file")
    strangers = [p for p in path.iterdir() if p.suffix != ENDING] if path.is_dir() else []
    if strangers or (path.suffix == "" and path.is_file()):
        raise InvalidInputError(f"{path} exists and holds more than Parquet files; name another folder")


def write_tables(tables: Iterable[Any], schema: Any, path: Path) -> None:
    """Write tables one after the other.

    Parameters
    ----------
    tables : ``pyarrow.Table``, of any numbers of rows.
    schema : of all of them.
    path : file ending in ``.parquet``, or folder.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    whole = path.suffix == ENDING
    if not whole:
        unfinished.mkdir()
    try:
        writer = _Writer(schema, unfinished, whole)
        for table in tables:
            writer.add(table)
        writer.close()
        if not whole and path.is_dir():
            shutil.rmtree(path)
        unfinished.replace(path)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)


class _Writer:
    """Gathers tables to row groups, and row groups to files."""

    def __init__(self, schema: Any, target: Path, whole: bool) -> None:
        self._arrow = pyarrow_modules()
        self._schema, self._target, self._whole = schema, target, whole
        self._held: list[Any] = []
        self._rows = self._written = self._files = 0
        self._file: Any = None

    def add(self, table: Any) -> None:
        """Take a table; write once a row group is full."""
        self._held.append(table)
        self._rows += table.num_rows
        while self._rows >= GROUP_ROWS:
            gathered = self._arrow.concat_tables(self._held)
            self._write(gathered.slice(0, GROUP_ROWS))
            rest = gathered.slice(GROUP_ROWS)
            self._held, self._rows = [rest], rest.num_rows

    def close(self) -> None:
        """Write what is left."""
        if self._rows:
            self._write(self._arrow.concat_tables(self._held))
        if self._file is not None:
            self._file.close()

    def _write(self, table: Any) -> None:
        if self._file is None:
            name = self._target if self._whole else self._target / f"part-{self._files:05d}{ENDING}"
            self._file = self._arrow.parquet.ParquetWriter(name, self._schema)
            self._files += 1
        self._file.write_table(table, row_group_size=GROUP_ROWS)
        self._written += table.num_rows
        if not self._whole and self._written >= PARTITION_ROWS:
            self._file.close()
            self._file, self._written = None, 0
