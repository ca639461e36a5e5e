"""Flat files: the traffic table itself, and others by a mapping of their columns."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from import_runs import imported, write_lines

from arbiter.errors import InvalidInputError
from arbiter_training.importing import Mapped
from arbiter_training.importing.items import Reason
from arbiter_training.traffic import read_traffic, write_traffic

SAMPLE = Path(__file__).resolve().parents[3] / "datasets" / "sample_traffic" / "sample.jsonl"
GOOD: dict[str, Any] = {"request_id": "a", "prompt": "hello", "model": "m", "cost_usd": 0.25, "quality": 1.0}


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".parquet"])
def test_a_traffic_table_comes_back_as_it_was(tmp_path: Path, ending: str) -> None:
    """Equal to the last bit, whatever it was written as."""
    table = read_traffic(SAMPLE)
    write_traffic(table, tmp_path / f"table{ending}")
    found = imported(tmp_path, tmp_path / f"table{ending}")
    assert found.report.format == "columns" and found.dropped() == {}
    assert read_traffic(found.path).fingerprint() == table.fingerprint()


def test_columns_by_a_mapping_with_units_and_a_zone(tmp_path: Path) -> None:
    """Milliseconds and cents by the columns' names, a scale that is told, local times."""
    path = tmp_path / "log.csv"
    path.write_text("when,llm,question,took_ms,price_cents,stars\n2026-07-01 12:00:00,gpt-4o,Why?,1500,2,4\n")
    mapped = Mapped(
        columns={"timestamp": "when", "model": "llm", "prompt": "question", "latency_s": "took_ms",
                 "cost_usd": "price_cents", "quality": "stars"},
        scales={"quality": 0.2}, zone=ZoneInfo("Europe/Berlin"),
    )  # fmt: skip
    found = imported(tmp_path, path, mapped=mapped)
    (row,) = found.rows
    assert (row["latency_s"], row["cost_usd"], row["quality"]) == (1.5, 0.02, 0.8)
    assert row["timestamp"] == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert found.report.naive_times == 1 and row["request_id"] == f"{path}:1"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"qualty": "stars"}, "did you mean quality"),
        ({"cost_usd": "price_eur"}, "must be in US dollars"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_at_once(columns: dict[str, str], message: str) -> None:
    """A misspelled column, a foreign currency."""
    with pytest.raises(InvalidInputError, match=message):
        Mapped(columns=columns)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": None}, Reason.NO_MODEL),
        ({"prompt": None}, Reason.NO_REQUEST),
        ({"quality": 7}, Reason.BAD_NUMBER),
        ({"cost_usd": -0.1}, Reason.BAD_NUMBER),
        ({"propensity": 0}, Reason.BAD_NUMBER),
        ({"latency_s": "fast"}, Reason.BAD_NUMBER),
        ({"latency_s": True}, Reason.BAD_NUMBER),
        ({"timestamp": "soon"}, Reason.BAD_TIME),
        ({"currency": "EUR"}, Reason.FOREIGN_CURRENCY),
        ({"messages": [{"role": "system", "content": "x"}]}, Reason.NO_USER),
        ({"prompt": "cut \ud83d"}, Reason.HALF_CHARACTER),
        ({"request_id": "z"}, Reason.REPEATED),
        ({"request_id": "z", "cost_usd": 0.5}, Reason.CONTRADICTS),
        ({"request_id": "z", "model": "k", "prompt": "other"}, Reason.CONTRADICTS),
    ],
)
def test_a_wrong_value_costs_its_row_and_no_other(tmp_path: Path, change: dict[str, Any], reason: Reason) -> None:
    """One good row and one that differs in one place."""
    path = write_lines(tmp_path / "log.jsonl", [GOOD | {"request_id": "z"}, GOOD | change])
    found = imported(tmp_path, path)
    assert found.report.kept == 1 and found.dropped() == {str(reason): 1}


WRONG = [
    ("request_id", None), ("model", ""), ("quality", 1.5), ("cost_usd", -1.0), ("propensity", 0.0),
    ("latency_s", np.inf),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_parquet_by_columns_refuses_what_records_refuse(tmp_path: Path, name: str, value: Any) -> None:
    """Both ways of reading drop the same rows; only the first row is wrong."""
    columns = {
        "request_id": ["a", "b", "c"], "model": ["m"] * 3, "prompt": ["hello", "you", None],
        "messages": [None, None, json.dumps([{"role": "user", "content": "hi"}])],
        "propensity": [0.5, None, 1.0], "quality": [0.5, np.nan, 1.0], "cost_usd": [0.1, 0.2, None],
        "latency_s": [1.0, 2.0, 3.0], "team": [1, 2, None],
    }  # fmt: skip
    columns[name] = [value, *columns[name][1:]]
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "log.parquet")
    found = imported(tmp_path, tmp_path / "log.parquet")
    assert [row["request_id"] for row in found.rows] == ["b", "c"]
    assert found.rows[0]["quality"] is None, "NaN is unknown"
    records = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    again = imported(tmp_path, write_lines(tmp_path / "log.jsonl", records))
    assert again.report.kept == (3 if name == "request_id" else 2), "a record without an id takes its place for one"


def test_parquet_of_other_types_is_read_value_by_value(tmp_path: Path) -> None:
    """Numbers as text, times as text, messages as structs."""
    message = pyarrow.array([[{"role": "user", "content": "hi"}]])
    columns = {
        "request_id": ["a"],
        "model": ["m"],
        "messages": message,
        "quality": ["0.5"],
        "timestamp": ["2026-01-01"],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "log.parquet")
    (row,) = imported(tmp_path, tmp_path / "log.parquet").rows
    assert (row["quality"], json.loads(row["messages"])[0]["content"]) == (0.5, "hi")


def test_extra_columns_are_kept_as_one_kind(tmp_path: Path) -> None:
    """Text, numbers and truth values as they are; what is mixed becomes text; nested values become JSON."""
    extra = [{"team": "a", "n": 1, "flag": True, "mixed": 1, "deep": {"a": [1]}},
             {"team": "b", "n": 2.5, "flag": None, "mixed": "x", "deep": None}]  # fmt: skip
    records = [GOOD | {"request_id": str(i)} | more for i, more in enumerate(extra)]
    first, second = imported(tmp_path, write_lines(tmp_path / "log.jsonl", records)).rows
    assert (first["team"], first["n"], first["flag"], first["mixed"], first["deep"]) == (
        "a",
        1.0,
        True,
        "1",
        '{"a": [1]}',
    )
    assert (second["n"], second["mixed"], second["deep"]) == (2.5, "x", None)


def test_columns_that_differ_between_files_come_together(tmp_path: Path) -> None:
    """A number here and text there is text; a column of one file is null in the other."""
    (tmp_path / "logs").mkdir()
    write_lines(tmp_path / "logs" / "a.jsonl", [GOOD | {"request_id": "1", "team": 1}])
    write_lines(tmp_path / "logs" / "b.jsonl", [GOOD | {"request_id": "2", "team": "x", "more": "y"}])
    first, second = imported(tmp_path, tmp_path / "logs").rows
    assert (first["team"], first["more"], second["team"], second["more"]) == ("1", None, "x", "y")


def test_doubtful_units_are_said(tmp_path: Path) -> None:
    """Latencies of an hour are milliseconds, as a rule."""
    records = [GOOD | {"request_id": str(i), "latency_s": 3600 + i, "cost_usd": 20} for i in range(3)]
    warnings = imported(tmp_path, write_lines(tmp_path / "log.jsonl", records)).report.warnings
    assert "milliseconds" in warnings[0] and "cents" in warnings[1]
