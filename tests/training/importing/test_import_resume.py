"""An import that is killed goes on where it was, and what it gives is what it would have given."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from import_runs import imported, write_lines

from arbiter.errors import TrafficError
from arbiter_training.importing import ImportRequest, QualityRules, import_log
from arbiter_training.importing import blocks as blocks_module

ROWS = 400


class Stopped(BaseException):
    """What a kill is to a test: nothing in the project handles it."""


def log(folder: Path, rows: int = ROWS) -> Path:
    """Write a log with attempts, repetitions, wrong rows, feedback and sub-agents' calls among its lines."""
    records: list[dict[str, Any]] = []
    for i in range(rows):
        span = {"traceId": f"{i // 3:032x}", "spanId": f"{i:016x}", "startTimeUnixNano": 1.8e18 + i * 1e9,
                "endTimeUnixNano": 1.8e18 + i * 1e9 + 5e8, "attributes": {
                    "gen_ai.operation.name": "chat" if i % 17 else "execute_tool",
                    "gen_ai.request.model": "m" * (1 + i % 2),
                    "gen_ai.prompt": f"Question {i // 2}?", "gen_ai.response.id": f"a{i}"},
                "status": {"code": 2 if i % 5 == 0 else 0}}  # fmt: skip
        records.append(span)
        if i % 7 == 0:
            attributes = {"gen_ai.evaluation.score.value": 0.5, "gen_ai.response.id": f"a{rows - i}"}
            event = {"eventName": "gen_ai.evaluation.result", "attributes": [
                {"key": k, "value": {"stringValue": str(v)}} for k, v in attributes.items()]}  # fmt: skip
            records.append({"resourceLogs": [{"scopeLogs": [{"logRecords": [event]}]}]})
        if i % 11 == 0:
            records.append(span)
    return write_lines(folder / "log.jsonl", records)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks of some dozen lines, so that a small log has many."""
    from arbiter_training.importing import lines

    monkeypatch.setattr(lines, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(blocks_module, "BATCH_ROWS", 50)
    monkeypatch.setattr(blocks_module, "BLOCK_ROWS", 30)


def stop_after(steps: int) -> Callable[[str], None]:
    told = iter(range(steps))

    def say(_: str) -> None:
        if next(told, None) is None:
            raise Stopped

    return say


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("steps", [0, 1, 5, 13])
def test_stopped_anywhere_it_goes_on(tmp_path: Path, steps: int) -> None:
    """After any block, and while the result is written; read again is only what was not done."""
    source = log(tmp_path)
    (tmp_path / "whole").mkdir()
    whole = imported(tmp_path / "whole", source)
    out = tmp_path / "out.parquet"
    request = ImportRequest(sources=(str(source),), out=out, jobs=1)
    with pytest.raises(Stopped):
        import_log(request, stop_after(steps))
    assert not out.exists() and (tmp_path / ".out.parquet.import").is_dir()
    told: list[str] = []
    report = import_log(request, told.append)
    assert pyarrow.parquet.read_table(out).equals(pyarrow.parquet.read_table(whole.path))
    assert report == whole.report
    assert steps == 0 or any("goes on after row" in text for text in told) or "bringing" in told[0]


@pytest.mark.usefixtures("small_blocks")
def test_another_question_starts_again(tmp_path: Path) -> None:
    """Other rules, or a log that has changed meanwhile, have nothing to do with what was begun."""
    source = log(tmp_path)
    request = ImportRequest(sources=(str(source),), out=tmp_path / "out.parquet", jobs=1)
    with pytest.raises(Stopped):
        import_log(request, stop_after(2))
    rules = QualityRules(names=frozenset({"nothing"}))
    assert imported(tmp_path, source, rules=rules).report.judged == 0
    with pytest.raises(Stopped):
        import_log(request, stop_after(2))
    write_lines(source, [{"spanId": "1" * 16, "traceId": "1" * 32, "attributes": {
        "gen_ai.request.model": "m", "gen_ai.prompt": "Changed?"}}])  # fmt: skip
    assert [row["prompt"] for row in imported(tmp_path, source).rows] == ["Changed?"]


@pytest.mark.usefixtures("small_blocks")
def test_processes_and_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes give what one gives, in the same order, also where they start in the middle of a long log."""
    from arbiter_training.importing import workers

    monkeypatch.setattr(workers, "ALONE", 3)
    source = log(tmp_path)
    one = imported(tmp_path, source, jobs=1)
    for jobs in (2, 0):
        several = imported(tmp_path, source, jobs=jobs)
        assert one.rows == several.rows and one.report == several.report


def test_a_folder_of_partitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of so many rows each, read as one table; an import into it again replaces them."""
    from arbiter_training.importing import partition
    from arbiter_training.traffic import read_traffic

    monkeypatch.setattr(partition, "GROUP_ROWS", 64)
    monkeypatch.setattr(partition, "PARTITION_ROWS", 128)
    source, whole = log(tmp_path), imported(tmp_path, log(tmp_path))
    for _ in range(2):
        import_log(ImportRequest(sources=(str(source),), out=tmp_path / "parts", jobs=1), lambda _: None)
        names = [path.name for path in sorted((tmp_path / "parts").iterdir())]
        assert names == [f"part-{i:05d}.parquet" for i in range(len(names))] and len(names) > 1
        assert read_traffic(tmp_path / "parts").fingerprint() == read_traffic(whole.path).fingerprint()
    metadata = pyarrow.parquet.read_metadata(tmp_path / "parts" / names[0])
    assert (metadata.num_rows, metadata.num_row_groups) == (128, 2)


@pytest.mark.slow
def test_killed_by_the_system_it_goes_on(tmp_path: Path) -> None:
    """The command, killed twice without warning, then left alone: the table of an import that nobody disturbed."""
    source, rows = tmp_path / "big.jsonl", 60_000
    line = json.dumps({"prompt": "What is this? " * 40, "model": "m", "cost_usd": 0.5, "pad": "x" * 1500})
    with source.open("w") as stream:
        stream.writelines(f'{{"request_id": "r{i}", {line[1:]}\n' for i in range(rows))
    command = [sys.executable, "-c", "from arbiter.cli import main; main()", "import", str(source), "--jobs", "2"]
    for _ in range(2):
        process = subprocess.Popen(
            [*command, "-o", "out.parquet"], cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        _wait_for_part(tmp_path / ".out.parquet.import", process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, "-o", "out.parquet"], cwd=tmp_path, check=True, capture_output=True)
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table.column("request_id").to_pylist() == [f"r{i}" for i in range(rows)]


def _wait_for_part(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a further part is staged."""
    before = len(list(_parts(folder)))
    deadline = time.monotonic() + 120
    while len(list(_parts(folder))) <= before and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _parts(folder: Path) -> Iterator[Path]:
    return folder.glob("part-*.parquet")


@pytest.mark.usefixtures("small_blocks")
def test_two_imports_into_one_result_do_not_mix(tmp_path: Path) -> None:
    """The second is refused in one line, also with another question; the first goes on undisturbed."""
    source = log(tmp_path)
    request = ImportRequest(sources=(str(source),), out=tmp_path / "out.parquet", jobs=1)
    refused: list[str] = []

    def say(_: str) -> None:
        if not refused:
            for other in (request, replace(request, redact=True), replace(request, resume=False)):
                with pytest.raises(TrafficError, match=r"index\.db: database is locked: wait for the other") as error:
                    import_log(other, lambda _: None)
                refused.append(str(error.value))

    report = import_log(request, say)
    assert len(refused) == 3 and report == imported(tmp_path, source).report


def test_a_damaged_index_is_one_line(tmp_path: Path) -> None:
    """It says what to delete."""
    source = log(tmp_path)
    (tmp_path / ".out.parquet.import").mkdir()
    (tmp_path / ".out.parquet.import" / "index.db").write_bytes(b"not a database" * 100)
    with pytest.raises(TrafficError, match="delete the folder"):
        imported(tmp_path, source)
