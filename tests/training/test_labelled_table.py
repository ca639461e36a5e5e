"""Labelled requests from files of any format."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arbiter.errors import TrafficError
from arbiter_training.labelled_table import read_labelled_table

ROWS = [
    {"prompt": "May I sublet?", "domain": "law", "complexity": "simple", "risk": "medium", "source": "forum"},
    {"prompt": "2 + 2?", "domain": "math", "complexity": "trivial", "risk": "minimal", "source": "forum"},
    {"prompt": "hi", "domain": None, "complexity": "trivial", "risk": None, "source": None},
]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_every_format_gives_the_same(tmp_path: Path, ending: str) -> None:
    """Requests, labels, what is unknown, and sources; the file stands in for a source that is not told."""
    found = read_labelled_table([write(tmp_path / f"rows.{ending}", ROWS)])  # type: ignore[arg-type]
    assert [query.text for query in found.queries] == ["May I sublet?", "2 + 2?", "hi"]
    assert {head: values.tolist() for head, values in found.labels.items()} == {
        "domain": [4, 1, -1],
        "complexity": [1, 0, 0],
        "risk": [2, 0, -1],
    }
    assert found.sources == ("forum", "forum", f"rows.{ending}")


def test_conversations_and_several_files(tmp_path: Path) -> None:
    """Messages go before a prompt; files stand one after another, and need not have the same columns."""
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    first = write(tmp_path / "a.jsonl", [{"messages": messages, "harm": "high"}])
    second = write(tmp_path / "b.jsonl", [{"prompt": "x", "stake": "low"}])
    found = read_labelled_table([first, second])
    assert [(query.context, query.text) for query in found.queries] == [("a\nb", "c"), ("", "x")]
    np.testing.assert_array_equal(found.labels["harm"], [3, -1])
    np.testing.assert_array_equal(found.labels["stake"], [-1, 1])
    assert found.sources == ("a.jsonl", "b.jsonl")


WRONG: dict[str, tuple[list[dict[str, object]], str]] = {
    "no labels": ([{"prompt": "x"}], r"no column of labels: add one of domain, complexity, harm, stake, risk"),
    "misspelled column": ([{"prompt": "x", "domian": "law"}], r"rename the column 'domian' to 'domain'"),
    "unknown label": ([{"prompt": "x", "domain": "laws"}], r"row 1: domain 'laws' is unknown: did you mean 'law'\?"),
    "another case": ([{"prompt": "x", "harm": "High"}], r"harm 'High' is unknown: did you mean 'high'\?"),
    "far off": (
        [{"prompt": "x", "complexity": "zzz"}],
        r"it must be one of trivial, simple, moderate, complex, expert",
    ),
    "a number": ([{"prompt": "x", "complexity": 0.5}], r"complexity is 0.5, not text"),
    "no request": ([{"text": "x", "domain": "law"}], r"no column 'prompt' or 'messages'; it has text, domain"),
    "one without a request": ([{"prompt": None, "domain": "law"}], r"row 1: neither prompt nor messages"),
    "only unknown labels": ([{"prompt": "x", "domain": None}], r"no row has a label"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_tables_are_refused(tmp_path: Path, case: str) -> None:
    """The message names the file, the row where there is one, and what to do."""
    rows, message = WRONG[case]
    path = write(tmp_path / "rows.jsonl", rows)
    with pytest.raises(TrafficError, match=message) as error:
        read_labelled_table([path])
    assert str(path) in str(error.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """By name."""
    path = tmp_path / "rows.jsonl"
    path.write_text("")
    with pytest.raises(TrafficError, match=r"rows\.jsonl: holds no rows"):
        read_labelled_table([path])
