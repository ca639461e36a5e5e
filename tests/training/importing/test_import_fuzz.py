"""Whatever a log holds: a table and a report whose rows add up, or one of the documented errors."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_samples import SAMPLES

from arbiter.errors import ArbiterError
from arbiter_training.importing import FORMATS, ImportRequest, all_readers, import_log
from arbiter_training.importing.blocks import Block
from arbiter_training.importing.items import UnusableError
from arbiter_training.importing.staging import StagingOptions, stage

ODD: tuple[Any, ...] = (
    None, "", "x", "{}", "[]", "[[", '"', 0, -1, 1, 1.5, 10**400, float("nan"), float("inf"), True, False, [], {},
    [None], [[]], [{}], {"a": 1}, {"": None}, "2026-01-01", "9999-12-31T23:59:59-23:59", "0001-01-01", 1e18,
    "1800000000", "\ud83d", "ééé", [{"role": "user", "content": "hi"}], [{"role": None}], [{"key": None}],
    [{"key": "a", "value": 3}], "NaN",
)  # fmt: skip
LEAVES = st.sampled_from(ODD) | st.text(max_size=6) | st.floats() | st.integers()
VALUES = st.recursive(
    LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3), max_leaves=6
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the paths of all values inside of a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


def mutated(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Give a record with some of its values replaced, taken out, doubled or renamed."""
    found = copy.deepcopy(record)
    for _ in range(rng.randint(1, 4)):
        every = list(places(found))
        if not every:
            break
        *way, last = rng.choice(every)
        holder: Any = found
        for key in way:
            holder = holder[key]
        change = rng.randint(0, 3)
        if change == 0:
            del holder[last]
        elif change == 1 and isinstance(holder, dict):
            holder[f"{last}{rng.choice(['', '_', '.1', 'ms'])}"] = holder.pop(last)
        else:
            holder[last] = copy.deepcopy(rng.choice(ODD))
    return found


def require_sound(name: str, records: list[Any]) -> None:
    """Stage a block, and see that every row is kept or dropped, and that reading again gives the same."""
    reader = all_readers()[name]
    for record in records:
        assert reader.recognises(record) in (True, False)
    block = Block(source="log", first_row=1, after=len(records), payload=records)
    staged = stage(block, StagingOptions(reader=reader, redact=True))
    assert staged.tally.rows == staged.table.num_rows + sum(staged.tally.dropped.values())
    assert staged.tally.rows + staged.tally.feedback >= len(records)
    staged.table.validate(full=True)


@pytest.mark.parametrize("name", FORMATS)
def test_mutated_records_are_rows_or_counted(name: str) -> None:
    """Some hundred mutations of a good record of each format."""
    rng = random.Random(name)
    good = SAMPLES[name]
    require_sound(name, [mutated(rng.choice(good), rng) for _ in range(400)])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(record=st.dictionaries(st.text(max_size=6), VALUES, max_size=4))
def test_any_mapping_is_refused_or_read(name: str, record: dict[str, Any]) -> None:
    """Nothing of the format at all."""
    require_sound(name, [record])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_value_anywhere(name: str, data: st.DataObject) -> None:
    """One value of a good record replaced by anything."""
    record = copy.deepcopy(data.draw(st.sampled_from(SAMPLES[name])))
    *way, last = data.draw(st.sampled_from(list(places(record))))
    holder: Any = record
    for key in way:
        holder = holder[key]
    holder[last] = data.draw(VALUES)
    require_sound(name, [record])


def mutated_bytes(content: bytes, rng: random.Random) -> bytes:
    """Change, cut out or double some bytes."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(found) or 1)
        kind = rng.randint(0, 2)
        if kind == 0 and found:
            found[at] = rng.randrange(256)
        elif kind == 1:
            del found[at : at + rng.randint(1, 60)]
        else:
            found[at:at] = found[at : at + 40]
    return bytes(found)


def require_sound_file(folder: Path, content: bytes, name: str | None) -> None:
    """Import a file, and see that its rows add up or that it is refused in one line."""
    source, out = folder / "log", folder / "out.parquet"
    source.write_bytes(content)
    out.unlink(missing_ok=True)
    request = ImportRequest(sources=(str(source),), out=out, format=name, jobs=1, resume=False)
    try:
        report = import_log(request, lambda _: None)
    except ArbiterError as error:
        assert not isinstance(error, UnusableError), "a reader's own refusal must not leave the import"
        assert not out.exists()
        return
    assert report.rows_read == report.kept + sum(one.rows for one in report.dropped.values())


def files() -> Iterator[tuple[str, bytes]]:
    """Give a good file of each format, as lines and as one list."""
    for name, records in SAMPLES.items():
        yield name, b"".join(json.dumps(record).encode() + b"\n" for record in records)
        yield name, json.dumps(records, indent=1).encode()
    yield "routellm", b'prompt,mixtral-8x7b,gpt-4-1106\nWhat is 2 + 2?,False,True\n"And, 3?",True,True\n'


@pytest.mark.parametrize("named", [True, False])
def test_mutated_files_are_imported_or_refused(tmp_path: Path, named: bool) -> None:
    """Bytes changed, cut out or doubled anywhere."""
    rng = random.Random(named)
    for name, content in files():
        for _ in range(6):
            require_sound_file(tmp_path, mutated_bytes(content, rng), name if named else None)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_hundred_thousand_mutations(name: str, tmp_path: Path) -> None:
    """Over all formats: 99,000 records and 1,100 files."""
    rng = random.Random(f"{name} long")
    for _ in range(18):
        require_sound(name, [mutated(rng.choice(SAMPLES[name]), rng) for _ in range(500)])
    own = [content for kind, content in files() if kind == name]
    for _ in range(100):
        require_sound_file(tmp_path, mutated_bytes(rng.choice(own), rng), name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """Neither JSON nor CSV, nor anything."""
    require_sound_file(tmp_path, content, None)
