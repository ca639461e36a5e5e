"""Laws of reading traffic: every format says the same, and a wrong file is answered by one line."""

import gzip
import json
import time
from pathlib import Path

import numpy as np
import pytest

from arbiter.errors import TrafficError
from arbiter_training.traffic import TrafficTable, read_traffic, traffic_from_records, write_traffic
from arbiter_training.traffic.readers import READERS

SAMPLE = Path(__file__).resolve().parents[2] / "datasets" / "sample_traffic" / "sample.jsonl"

ROW = {"request_id": "a", "prompt": "Hello", "model": "m1", "quality": 0.5, "cost_usd": 0.01, "propensity": 0.5}
OTHER = ROW | {"request_id": "b", "prompt": "Good bye"}


def write_lines(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def refusal(path: Path | list[Path]) -> str:
    with pytest.raises(TrafficError) as caught:
        read_traffic(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def refused(*rows: dict[str, object]) -> str:
    with pytest.raises(TrafficError) as caught:
        traffic_from_records(rows, "log")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def sample() -> TrafficTable:
    return read_traffic(SAMPLE)


@pytest.mark.parametrize("ending", READERS)
def test_round_trip(sample: TrafficTable, tmp_path: Path, ending: str) -> None:
    """What is written in any format is read back with the same fingerprint."""
    write_traffic(sample, tmp_path / f"copy{ending}")
    again = read_traffic(tmp_path / f"copy{ending}")
    assert again.fingerprint() == sample.fingerprint()
    assert any(isinstance(prompt, tuple) for prompt in again.prompt)


def test_fingerprint_sees_a_change(sample: TrafficTable) -> None:
    """One other quality is another fingerprint, and so is another order of rows."""
    prints = {sample.fingerprint(), sample.select(np.arange(sample.n_rows)[::-1]).fingerprint()}
    quality = sample.quality.copy()
    quality[3] += 0.01
    changed = {name: getattr(sample, name) for name in TrafficTable.__slots__} | {"quality": quality}
    assert len(prints | {TrafficTable(**changed).fingerprint()}) == 3


def test_folder_and_list_are_the_files_in_order(sample: TrafficTable, tmp_path: Path) -> None:
    """A folder of parts, at any depth, reads as its files do, and markers in it are passed over."""
    half = sample.n_rows // 2
    (tmp_path / "day=1").mkdir()
    write_traffic(sample.select(np.arange(half)), tmp_path / "day=1" / "part-0.parquet")
    write_traffic(sample.select(np.arange(half, sample.n_rows)), tmp_path / "part-1.parquet")
    (tmp_path / "_SUCCESS").touch()
    files = [tmp_path / "day=1" / "part-0.parquet", tmp_path / "part-1.parquet"]
    assert read_traffic(tmp_path).fingerprint() == read_traffic(files).fingerprint() == sample.fingerprint()


def test_extra_columns_are_kept_by_name() -> None:
    """A column that is not known is kept, and one that looks like a known one is hinted at."""
    table = traffic_from_records([ROW | {"team": "search", "latncy_s": 1.0}])
    assert table.extras["team"].tolist() == ["search"]
    assert table.notes.hints == ("column 'latncy_s' is kept as an extra; rename it if it is 'latency_s'",)


def test_unknown_is_nan_and_never_zero() -> None:
    """Absent and null cells are NaN, absent status is ok, absent session is None."""
    table = traffic_from_records([{"request_id": 7, "prompt": "", "model": "m", "quality": None}])
    assert np.isnan([table.quality[0], table.cost_usd[0], table.propensity[0], table.input_tokens[0]]).all()
    assert (table.request_id[0], table.prompt[0], table.status[0], table.session_id[0]) == ("7", "", "ok", None)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T08:00:00Z",
        "2026-01-31T09:00:00+01:00",
        "2026-01-31 08:00:00",
        1769846400,
        1769846400.0,
        "1769846400",
    ],
)
def test_times_are_utc(text: object) -> None:
    """Zones are converted, a time without one is UTC and counted, numbers are seconds since 1970."""
    table = traffic_from_records([ROW | {"timestamp": text}])
    assert table.timestamp[0] == np.datetime64("2026-01-31T08:00:00")
    assert table.notes.naive_timestamps == (text == "2026-01-31 08:00:00")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quality": 4}, ["quality is 4, not in [0, 1]", "divide by the maximum of the scale"]),
        ({"quality": -0.1}, ["quality is -0.1, not in [0, 1]"]),
        ({"quality": float("nan")}, ["quality is nan", "leave the cell empty (null)"]),
        ({"quality": "good"}, ["quality is 'good', not a number"]),
        ({"quality": [1]}, ["quality is [1], not a number"]),
        ({"cost_usd": float("inf")}, ["cost_usd is inf"]),
        ({"propensity": 0}, ["propensity is 0, not in (0, 1]", "leave it empty"]),
        ({"propensity": 1.5}, ["propensity is 1.5, not in (0, 1]"]),
        ({"propensity": -0.2}, ["propensity is -0.2, not in (0, 1]"]),
        ({"cost_usd": -1}, ["cost_usd is -1, not 0 or more"]),
        ({"latency_s": -1}, ["latency_s is -1, not 0 or more"]),
        ({"output_tokens": -1}, ["output_tokens is -1, not 0 or more"]),
        ({"prompt": 12}, ["the prompt is 12, not text"]),
        ({"prompt": None}, ["neither prompt nor messages"]),
        ({"messages": "[{"}, ["messages is not JSON"]),
        ({"messages": [{"role": "system", "content": "x"}]}, ["no turn with role 'user'"]),
        ({"prompt": "half \ud83d"}, ["half a character at position 6"]),
        ({"timestamp": "yesterday"}, ["timestamp is 'yesterday'", "ISO 8601"]),
        ({"timestamp": 1769846400000}, ["divide milliseconds by 1000"]),
        ({"timestamp": [1]}, ["timestamp is [1]"]),
        ({"model": ""}, ["model is empty"]),
        ({"model": 1.5}, ["model is 1.5, not text"]),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], words: list[str]) -> None:
    """The line names source, row, request, value and remedy."""
    message = refused(ROW, OTHER | change)
    for word in ["log: row 2 (request_id 'b'): ", *words]:
        assert word in message


def test_a_missing_column_suggests_the_nearest() -> None:
    """The name that looks most like the missing one is offered; without one the columns are listed."""
    assert "no column 'request_id': rename the column 'requestId'" in refused(
        {"requestId": "a", "prompt": "", "model": "m"}
    )
    assert "no column 'model': add it; the columns are request_id, prompt" in refused({"request_id": "a", "prompt": ""})
    assert "no column 'prompt' (or 'messages'): rename the column 'Prompt'" in refused(
        {"request_id": "a", "model": "m", "Prompt": ""}
    )


def test_duplicates_that_agree_are_dropped_and_counted() -> None:
    """Read = kept + dropped, and an extra column alone does not make a second answer."""
    table = traffic_from_records([ROW | {"line": 1}, OTHER, ROW | {"line": 3}, ROW])
    assert (table.n_rows, table.notes.rows_read, table.notes.duplicates_dropped) == (2, 4, 2)


def test_duplicates_that_disagree_are_refused() -> None:
    """Two answers of one model to one request: both rows and both values are named."""
    message = refused(ROW, OTHER, ROW | {"quality": 0.6})
    assert message.startswith("log: row 3 (request_id 'a'): quality differs from log: row 1")
    assert "(0.6 and 0.5)" in message
    assert "propensity differs" in refused(ROW, ROW | {"propensity": None})


def test_one_request_has_one_prompt_and_one_session() -> None:
    """Rows of one request that differ in prompt or session are refused, whatever the model."""
    assert "row 2 (request_id 'a'): prompt differs from log: row 1" in refused(
        ROW, ROW | {"model": "m2", "prompt": "Hi"}
    )
    assert "session_id differs" in refused(ROW | {"session_id": "x"}, ROW | {"model": "m2", "session_id": "y"})


def test_rows_are_counted_within_their_file(tmp_path: Path) -> None:
    """With several files the row is that of its own file, and blank lines do not count."""
    first = write_lines(tmp_path / "1.jsonl", ROW)
    second = tmp_path / "2.jsonl"
    second.write_text(json.dumps(OTHER) + "\n\n" + json.dumps(ROW | {"quality": 1}) + "\n")
    message = refusal([first, second])
    assert message.startswith(f"{second}: row 2 (request_id 'a'): quality differs from {first}: row 1")


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl", "log.jsonl.gz", "log.csv"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    """A file of zero bytes holds no rows, or is not a file of that format."""
    path = tmp_path / name
    path.touch()
    message = refusal(path)
    assert str(path) in message and ("no rows" in message or "not readable as Parquet" in message)


@pytest.mark.parametrize("name", ["log.parquet", "log.jsonl", "log.jsonl.gz", "log.csv"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_file_cut_short_is_refused(sample: TrafficTable, tmp_path: Path, name: str, share: float) -> None:
    """Cut anywhere inside a row, no format is read as if it were whole."""
    path = tmp_path / name
    write_traffic(sample, path)
    whole = path.read_bytes()
    cut = int(len(whole) * share)
    cut -= whole[cut - 1 : cut] == b"\n"
    path.write_bytes(whole[:cut])
    message = refusal(path)
    assert message.startswith(str(path)) and "row " in message
    assert any(word in message for word in ("cut short", "not JSON"))


def test_a_parquet_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Parquet holds the bytes of a text unchecked; one that is damaged is the file's fault, not ours."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "log.parquet"
    damaged = arrow.array([b"a", b"\x80"], arrow.binary()).view(arrow.utf8())
    parquet.write_table(arrow.table({"request_id": ["a", "b"], "model": ["m", "m"], "prompt": damaged}), path)
    message = refusal(path)
    assert message.startswith(f"{path}: not readable as Parquet") and "UTF8" in message


def test_files_that_are_not_what_their_name_says(tmp_path: Path) -> None:
    """Wrong formats, encodings and shapes are refused with the remedy."""
    (tmp_path / "a.parquet").write_text("hello, this is text" * 10)
    (tmp_path / "b.jsonl").write_bytes(json.dumps(ROW).encode() + b'\n{"prompt": "caf\xe9"}\n')
    (tmp_path / "c.csv").write_bytes("request_id,prompt,model\na,caf\xe9,m\n".encode("latin-1"))
    (tmp_path / "d.jsonl.gz").write_bytes(b"not gzip")
    (tmp_path / "e.jsonl").write_text("[1, 2]\n")
    (tmp_path / "f.csv").write_text("request_id,prompt,model\na,one, two,m\n")
    (tmp_path / "g.csv").write_text("request_id,prompt,prompt\na,b,c\n")
    assert "not readable as Parquet" in refusal(tmp_path / "a.parquet")
    assert "row 2: not UTF-8" in refusal(tmp_path / "b.jsonl")
    assert "save it as UTF-8" in refusal(tmp_path / "c.csv")
    assert "d.jsonl.gz" in refusal(tmp_path / "d.jsonl.gz")
    assert "row 1: a JSON list, not an object" in refusal(tmp_path / "e.jsonl")
    assert "row 1: 4 cells, but the header has 3" in refusal(tmp_path / "f.csv")
    assert "'prompt' twice" in refusal(tmp_path / "g.csv")


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    """A missing file, an unknown ending and an empty folder are refused."""
    (tmp_path / "x.xlsx").touch()
    assert "no such file" in refusal(tmp_path / "nothing.csv")
    assert "the name does not tell the format" in refusal(tmp_path / "x.xlsx")
    assert "the folder holds no file" in refusal(tmp_path)


def test_writing_leaves_no_half_file(sample: TrafficTable, tmp_path: Path) -> None:
    """When writing fails the old file stands, and nothing lies beside it."""
    target = tmp_path / "log.parquet"
    write_traffic(sample, target)
    before = target.read_bytes()
    broken = {name: getattr(sample, name) for name in TrafficTable.__slots__} | {"propensity": np.ones(3)}
    with pytest.raises(ValueError, match="length"):
        write_traffic(TrafficTable(**broken), target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_byte_order_mark_and_long_cells_are_read(tmp_path: Path) -> None:
    """Spreadsheets write a mark at the start; prompts are longer than csv's default limit."""
    long = "word " * 60_000
    path = tmp_path / "log.csv"
    path.write_text(f'\ufeffrequest_id,prompt,model,quality\na,"{long}",m,\n', encoding="utf-8")
    assert read_traffic(path).prompt[0] == long
    lines = tmp_path / "log.jsonl.gz"
    lines.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(ROW).encode()))
    assert read_traffic(lines).request_id[0] == "a"


def test_parquet_as_other_tools_write_it(tmp_path: Path) -> None:
    """Nested messages, dictionary text, whole-number ids, zoned times and nulls are read for what they are."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra [train])")
    import pyarrow.parquet

    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "name": "bot"}]
    columns = {
        "request_id": arrow.array([1, 2]),
        "model": arrow.array(["m", "m"]).dictionary_encode(),
        "prompt": arrow.array(["Hello", None]),
        "messages": arrow.array([None, talk]),
        "timestamp": arrow.array([0, None], arrow.timestamp("ms", "Europe/Berlin")),
        "quality": arrow.array([None, 1], arrow.int8()),
        "cached": arrow.array([True, None]),
    }
    pyarrow.parquet.write_table(arrow.table(columns), tmp_path / "log.parquet")
    table = read_traffic(tmp_path / "log.parquet")
    assert table.request_id.tolist() == ["1", "2"] and table.model.tolist() == ["m", "m"]
    assert table.prompt.tolist() == ["Hello", ({"role": "user", "content": "Hi"}, talk[1])]
    assert table.timestamp[0] == np.datetime64("1970-01-01") and np.isnat(table.timestamp[1])
    assert np.isnan(table.quality[0]) and table.quality[1] == 1.0 and table.notes.naive_timestamps == 0
    assert table.extras["cached"].tolist() == [True, None]
    columns["quality"] = arrow.array([float("nan"), 1.0])
    pyarrow.parquet.write_table(arrow.table(columns), tmp_path / "log.parquet")
    assert "row 1 (request_id '1'): quality is nan" in refusal(tmp_path / "log.parquet")


def test_real_traffic_reads(data_dir: Path) -> None:
    """Every real file is accepted with its documented size, quickly."""
    sizes = {"paretobandit_val_k3": 1785 * 3, "gsm8k_gpt4_mixtral": 1307 * 2, "mmlu_pro_stem": 3746 * 16}
    start = time.perf_counter()
    for name, rows in sizes.items():
        assert read_traffic(data_dir / "traffic" / f"{name}.parquet").n_rows == rows
    assert time.perf_counter() - start < 10
