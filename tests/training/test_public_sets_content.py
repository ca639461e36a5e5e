"""The digest of a set's rows, and the one way they are written."""

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arbiter.errors import DownloadError, TrafficError
from arbiter_training.public_sets import content, content_digest, locate
from arbiter_training.public_sets.content import digest_of_columns, with_draft, write_columns

COLUMNS = {
    "prompt": ["b\u2028", "a", "a", "é"],
    "quality": [0.1, None, 1.0, 0.0],
    "output_tokens": [3, 2, None, 0],
    "cost_usd": [1e-7, 0.3, 0.1 + 0.2, 0.0],
}


def written(folder: Path, table: pa.Table, name: str = "t.parquet", **options: object) -> Path:
    pq.write_table(table, folder / name, **options)
    return folder / name


def test_a_digest_worked_by_hand(tmp_path: Path) -> None:
    """One row of two columns: names, line feed, cells, as JSON; sha256 of that."""
    path = written(tmp_path, pa.table({"b": ["x"], "a": pa.array([0.5], pa.float32())}))
    # printf '["a","b"]\n[0.5,"x"]' | sha256sum
    assert content_digest(path) == "c40eaa2f4bd5d060992ff520cf827eb0f54b5ec7d350977d18df39cb03c199e3"


def test_the_writer_leaves_the_digest_alone(tmp_path: Path) -> None:
    """Order of rows and columns, compression, encoding, row groups and string width do not count; cells do."""
    write_columns(COLUMNS, tmp_path / "t.parquet")
    digest = content_digest(tmp_path / "t.parquet")
    assert digest == digest_of_columns(COLUMNS)
    table = pq.read_table(tmp_path / "t.parquet")
    moved = table.take([2, 0, 3, 1]).select(table.column_names[::-1])
    moved = moved.set_column(
        moved.schema.get_field_index("prompt"), "prompt", moved["prompt"].cast(pa.string()).dictionary_encode()
    )
    other = written(tmp_path, moved, "o.parquet", compression="snappy", row_group_size=1, use_dictionary=False)
    assert content_digest(other) == digest


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("prompt", ["b", "a", "a", "é"]),
        ("quality", [0.1, 0.0, 1.0, 0.0]),
        ("cost_usd", [1e-7, 0.3, 0.3, 0.0]),
        ("output_tokens", [3, 2, 0, 0]),
    ],
)
def test_any_cell_changes_the_digest(column: str, cells: list[object]) -> None:
    """A letter, a null that becomes 0, the last bit of a float."""
    assert digest_of_columns({**COLUMNS, column: cells}) != digest_of_columns(COLUMNS)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    """What is no Parquet is refused by its first bytes; nothing in it runs."""
    (tmp_path / "t.parquet").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(TrafficError, match="not readable as Parquet"):
        content_digest(tmp_path / "t.parquet")


class Bomb:
    """Ends the process where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        """Call ``os._exit``."""
        import os

        return os._exit, (3,)


def test_a_file_that_unfolds_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One long text in every row takes a few bytes in the file and many out of it."""
    monkeypatch.setattr(content, "MAX_TABLE_BYTES", 3_000_000)
    path = written(tmp_path, pa.table({"prompt": ["x" * 1000] * 20_000}))
    assert path.stat().st_size < 20_000
    with pytest.raises(DownloadError, match="decodes to over 3,000,000 bytes"):
        content_digest(path)


def test_a_crash_while_writing_leaves_nothing(tmp_path: Path) -> None:
    """Neither a half file under the name nor a draft beside it."""

    def crash(draft: Path) -> None:
        draft.write_bytes(b"half")
        assert locate(tmp_path, "t.parquet") is None, "a process that is killed here leaves what others would read"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_draft(tmp_path / "labels" / "t.parquet", crash)
    assert list((tmp_path / "labels").iterdir()) == []


def test_a_file_is_found_in_the_folder_first(tmp_path: Path) -> None:
    """Then below it, in the order of paths."""
    for place in ("b", "a"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "t").touch()
    assert locate(tmp_path, "t") == tmp_path / "a" / "t"
    (tmp_path / "t").touch()
    assert locate(tmp_path, "t") == tmp_path / "t"
    assert locate(tmp_path, "u") is None
