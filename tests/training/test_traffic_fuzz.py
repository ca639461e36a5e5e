"""Whatever the file holds: a table, or one line about what is wrong; and no row is lost in silence."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from arbiter.errors import TrafficError
from arbiter_training.traffic import TrafficTable, describe, pivot, read_traffic, traffic_from_records, write_traffic
from arbiter_training.traffic.columns import KNOWN
from arbiter_training.traffic.readers import READERS

SAMPLE = Path(__file__).resolve().parents[2] / "datasets" / "sample_traffic" / "sample.jsonl"
NAMES = st.sampled_from([*KNOWN, "team", "qualty"])
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.floats(),
    st.floats(0, 1),
    st.text(max_size=4),
    st.just("2026-01-01T00:00:00Z"),
    st.lists(
        st.none() | st.dictionaries(st.sampled_from(["role", "content"]), st.sampled_from(["user", "", None])),
        max_size=2,
    ),
)
GOOD = st.fixed_dictionaries(
    {"request_id": st.sampled_from("ab"), "model": st.sampled_from("mk"), "prompt": st.just("x")}
)


def require_sound(table: TrafficTable, rows_read: int) -> None:
    assert table.notes.rows_read == rows_read == table.n_rows + table.notes.duplicates_dropped
    assert describe(table).rows_read == rows_read
    assert pivot(table).observed.sum() == table.n_rows
    known = table.quality[~np.isnan(table.quality)]
    assert ((known >= 0) & (known <= 1)).all()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(GOOD, st.dictionaries(NAMES, CELLS, max_size=3)), min_size=1, max_size=4))
@example([({"request_id": "a", "model": "m", "prompt": "x"}, {"timestamp": 10**400})])
@example([({"request_id": "a", "model": "m", "prompt": "x"}, {"quality": 10**400})])
def test_records_read_or_are_refused(rows: list[tuple[dict[str, object], dict[str, object]]]) -> None:
    """Read = kept + dropped, or one line that begins with source and row."""
    records = [good | odd for good, odd in rows]
    try:
        table = traffic_from_records(records, "log")
    except TrafficError as error:
        assert str(error).startswith("log: row ") and "\n" not in str(error)
    else:
        require_sound(table, len(records))


@pytest.mark.parametrize("ending", READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_read_or_are_refused(tmp_path: Path, ending: str, data: st.DataObject) -> None:
    """Bytes changed, cut out or doubled anywhere: no error but the documented one, and it names the file."""
    whole = tmp_path / f"whole{ending}"
    if not whole.exists():
        write_traffic(read_traffic(SAMPLE).select(np.arange(30)), whole)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["change", "cut", "double"]))
        if kind == "change":
            content[place] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del content[place : place + data.draw(st.integers(1, 40))]
        else:
            content[place:place] = content[place : place + 40]
    path = tmp_path / f"mutated{ending}"
    path.write_bytes(content or b"x")
    try:
        table = read_traffic(path)
    except TrafficError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    else:
        require_sound(table, table.notes.rows_read)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    )
)
def test_extra_columns_hold_anything(value: object) -> None:
    """What is not ours is kept as it is."""
    row = {"request_id": "a", "model": "m", "prompt": "x", "anything": value}
    kept = traffic_from_records([row]).extras["anything"][0]
    assert kept is value or json.dumps(kept) == json.dumps(value)
