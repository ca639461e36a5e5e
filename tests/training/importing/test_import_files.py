"""Files are read block by block, and their kind and format are found out."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from import_runs import imported

from arbiter.errors import TrafficError
from arbiter_training.importing import all_readers
from arbiter_training.importing.blocks import log_files, sniffed
from arbiter_training.importing.detect import detect
from arbiter_training.importing.json_stream import json_items
from arbiter_training.importing.lines import line_blocks


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.text(max_size=9) | st.floats(allow_nan=False), max_size=3), max_size=9
    )
)
def test_a_json_list_is_read_item_by_item(tmp_path_factory: pytest.TempPathFactory, records: list[Any]) -> None:
    """Equal to reading it whole, with any blanks between."""
    path = tmp_path_factory.mktemp("json") / "list.json"
    for indent in (None, 2):
        path.write_text(
            json.dumps(records, indent=indent, ensure_ascii=False), encoding="utf-8", errors="surrogatepass"
        )
        if any("\ud800" <= c <= "\udfff" for c in path.read_text(encoding="utf-8", errors="surrogatepass")):
            return
        assert list(json_items(path)) == records


def test_a_json_list_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    """Items lie across the ends of what is read; a number at an end may go on."""
    records = [{"n": i, "text": "ä" * 1000} for i in range(3000)]
    (tmp_path / "list.json").write_text(json.dumps(records, ensure_ascii=False))
    assert list(json_items(tmp_path / "list.json")) == records


@pytest.mark.parametrize(
    "content", ["[", "[{]", '[{"a": 1}', '[{"a": 1} {"b": 2}]', "[1, 2", '{"data": [', '[{"a": "\udc80"}]']
)
def test_a_damaged_list_is_one_line(tmp_path: Path, content: str) -> None:
    """It names the file."""
    path = tmp_path / "list.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(TrafficError, match=r"list\.json: not "):
        list(json_items(path))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.binary(max_size=12).filter(lambda b: b"\n" not in b), max_size=12), st.integers(0, 14), st.booleans()
)
def test_line_blocks_go_on_after_any_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], done: int, ended: bool
) -> None:
    """What is passed over and what is given are all lines, in order."""
    path = tmp_path_factory.mktemp("lines") / "log"
    content = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    assume(not content.startswith(b"\x1f\x8b"))  # what gzip begins with
    path.write_bytes(gzip.compress(content) if done % 2 else content)
    whole = content.split(b"\n")[: content.count(b"\n") + bool(content and not content.endswith(b"\n"))]
    given_lines: list[bytes] = []
    for first, after, block in line_blocks(path, done):
        assert first == done + len(given_lines) + 1
        given_lines += block.removesuffix(b"\n").split(b"\n") if block.endswith(b"\n") else block.split(b"\n")
        assert after == done + len(given_lines)
    assert given_lines == whole[done:]


def test_kinds_of_files_are_told_by_content(tmp_path: Path) -> None:
    """Not by name, which for an object store may be anything."""
    for content, kind in (
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"), (b'{"a": 1}', "jsonl"), (b'{\n "a": 1}', "json"), (b"[1]", "json"),
        (b"a,b\n1,2\n", "csv"), (b"PAR1", "parquet"), (gzip.compress(b'{"a": 1}\n'), "jsonl"),
    ):  # fmt: skip
        (tmp_path / "any").write_bytes(content)
        assert sniffed(tmp_path / "any") == kind


def test_folders_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    """Hidden files and other endings are passed over; an empty folder is one line."""
    for name in ("b.jsonl", "a/z.json.gz", ".c.jsonl", "_d/e.jsonl", "note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "empty").mkdir()
    assert [p.name for p in log_files([tmp_path])] == ["z.json.gz", "b.jsonl"]
    with pytest.raises(TrafficError, match="holds no file"):
        log_files(
            [tmp_path / "_d" / ".."[:0] / "none"] if (tmp_path / "_d" / "none").mkdir() else [tmp_path / "_d" / "none"]
        )
    with pytest.raises(TrafficError, match="no such file"):
        log_files([tmp_path / "absent"])


def test_nothing_is_guessed() -> None:
    """A format that is not known names what was found and what there is; two that fit name each other."""
    with pytest.raises(TrafficError, match=r"no format is recognised; its records hold foo, bar: name one of litellm"):
        detect([{"foo": 1, "bar": 2}], all_readers(), "log")
    both = {"request_id": "a", "model": "m", "prompt": "p", "variant_name": "v"}
    with pytest.raises(TrafficError, match="may be tensorzero or columns: say which with --format"):
        detect([both], all_readers(), "log")


def test_a_file_of_each_call_is_read_like_one_log(tmp_path: Path) -> None:
    """As object stores have them: a thousand files, some damaged; blocks hold many of them."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    for i in range(60):
        record = {"request_id": f"r{i}", "model": "m", "prompt": f"Question {i}?"}
        (folder / f"{i:03d}.json").write_text(json.dumps(record, indent=i % 2 or None))
    (folder / "010.json").write_text('{"request_id": "r10", ')
    (folder / "011.json").write_bytes(b'["\xff"]')
    (folder / "big.jsonl").write_text(json.dumps({"request_id": "big", "model": "m", "prompt": "x" * 300_000}) + "\n")
    found = imported(tmp_path, folder)
    assert [row["request_id"] for row in found.rows] == [f"r{i}" for i in range(60) if i not in (10, 11)] + ["big"]
    assert found.report.rows_read == 61 and sum(found.dropped().values()) == 2
