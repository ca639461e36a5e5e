"""What an import costs: ``pytest -m benchmark tests/benchmarks/test_import_speed.py -s``.

Speeds are rows per second of processor time, which a busy machine does not change much; wall time is printed beside.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

MODELS = ("gpt-4o", "gpt-4o-mini", "claude-opus-4-5")
WORDS = ("the", "of", "river", "capital", "theorem", "compiler", "is", "planet", "what", "integral", "how", "month")
PROMPT_WORDS = 40

PROGRAM = """
import resource, sys, time
from pathlib import Path
from arbiter_training.importing import ImportRequest, import_log
wall = time.perf_counter()
report = import_log(ImportRequest(sources=(sys.argv[1],), out=Path(sys.argv[2]), jobs=int(sys.argv[3])), lambda _: None)
wall = time.perf_counter() - wall
own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = sum(used.ru_utime + used.ru_stime for used in (own, children))
print(report.rows_read, wall, cpu, own.ru_maxrss / 1024)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One import: rows read, seconds, seconds of processor time with the start of Python, peak MB of the process."""

    rows: int
    wall_s: float
    cpu_s: float
    peak_mb: float

    def line(self, name: str) -> str:
        """Say it."""
        speeds = f"{self.rows / self.cpu_s:9,.0f} rows per CPU second, {self.rows / self.wall_s:9,.0f} per second"
        return f"{name:<28} {speeds}, {self.peak_mb:6,.0f} MB"


def measured(source: Path, jobs: int = 1) -> Measured:
    """Import in a process of its own."""
    out = source.with_name("imported.parquet")
    command = [sys.executable, "-c", PROGRAM, str(source), str(out), str(jobs)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    rows, wall, cpu, peak = map(float, done.stdout.split())
    out.unlink()
    return Measured(rows=int(rows), wall_s=wall, cpu_s=cpu, peak_mb=peak)


def prompts(rng: np.random.Generator, n: int) -> list[str]:
    """Give prompts of forty words."""
    return [" ".join(WORDS[j] for j in row) for row in rng.integers(0, len(WORDS), (n, PROMPT_WORDS))]


def write_parquet(path: Path, rows: int) -> Path:
    """Write a serving log: one model a request, with propensities."""
    rng, writer = np.random.default_rng(0), None
    for start in range(0, rows, 100_000):
        n = min(100_000, rows - start)
        times = (1_750_000_000_000_000 + 1000 * np.arange(start, start + n)).astype("datetime64[us]")
        table = pyarrow.table(
            {
                "request_id": [f"r-{i:010d}" for i in range(start, start + n)],
                "timestamp": pyarrow.array(times).cast(pyarrow.timestamp("us", "UTC")),
                "session_id": [f"s-{i // 7}" for i in range(start, start + n)],
                "prompt": prompts(rng, n),
                "model": [MODELS[k] for k in rng.integers(0, 3, n)],
                "propensity": rng.uniform(0.1, 0.9, n),
                "quality": rng.uniform(0, 1, n),
                "cost_usd": rng.uniform(0, 0.01, n),
                "latency_s": rng.uniform(0.1, 3, n),
                "input_tokens": rng.integers(1, 100, n),
                "output_tokens": rng.integers(1, 100, n),
            }
        )
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return path


def write_payloads(path: Path, rows: int, padding: int) -> Path:
    """Write LiteLLM payloads: every tenth request failed first; ``padding`` bytes stand for what nobody reads."""
    rng = np.random.default_rng(0)
    texts = prompts(rng, 1000)
    with path.open("w") as stream:
        for i in range(rows):
            request, failed = (i // 11 * 10 + min(i % 11, 9), i % 11 == 9)
            payload = {
                "id": f"chatcmpl-{i}", "litellm_call_id": f"c-{i}", "trace_id": f"t-{request}",
                "call_type": "acompletion", "status": "failure" if failed else "success", "model": MODELS[i % 3],
                "startTime": 1.75e9 + i, "endTime": 1.75e9 + i + 0.5, "completionStartTime": 1.75e9 + i + 0.5,
                "response_cost": 0.001, "prompt_tokens": 50, "completion_tokens": 20, "hidden_params": {},
                "metadata": {"tags": [], "pad": "x" * padding},
                "messages": [{"role": "system", "content": "Be brief."},
                             {"role": "user", "content": texts[request % 1000]}],
            }  # fmt: skip
            stream.write(json.dumps(payload) + "\n")
    return path


@pytest.mark.benchmark
def test_parquet_at_fifty_thousand_rows_a_second(tmp_path: Path) -> None:
    """On one core; the other one is left."""
    found = measured(write_parquet(tmp_path / "log.parquet", 500_000))
    print(found.line("Parquet, 500,000 rows"))
    assert found.rows / found.cpu_s > 50_000


@pytest.mark.benchmark
@pytest.mark.parametrize("padding", [0, 4000, 10_000])
def test_jsonl_at_fifteen_thousand_rows_a_second(tmp_path: Path, padding: int) -> None:
    """On two cores: half as many per CPU second; with lines from half a kilobyte up to LiteLLM's own eleven."""
    source = write_payloads(tmp_path / "log.jsonl", 120_000, padding)
    one, two = measured(source), measured(source, jobs=2)
    print(one.line(f"JSONL, {source.stat().st_size / one.rows:,.0f} bytes a line"))
    print(f"  with two processes {two.rows / two.wall_s:,.0f} per second")
    assert one.rows / one.cpu_s > 7_500


@pytest.mark.benchmark
def test_memory_is_flat(tmp_path: Path) -> None:
    """Ten million rows take at most a quarter more memory than one million."""
    small = measured(write_parquet(tmp_path / "small.parquet", 1_000_000))
    print(small.line("Parquet, 1,000,000 rows"))
    large = measured(write_parquet(tmp_path / "large.parquet", 10_000_000))
    print(large.line("Parquet, 10,000,000 rows"))
    assert large.rows == 10_000_000 and large.peak_mb < 1.25 * small.peak_mb


@pytest.mark.benchmark
def test_memory_is_flat_with_attempts_to_fold(tmp_path: Path) -> None:
    """A million payloads, a tenth of them folded, against a hundred thousand."""
    small = measured(write_payloads(tmp_path / "small.jsonl", 100_000, 0))
    large = measured(write_payloads(tmp_path / "large.jsonl", 1_000_000, 0))
    print(small.line("JSONL, 100,000 rows"))
    print(large.line("JSONL, 1,000,000 rows"))
    assert large.peak_mb < 1.25 * small.peak_mb
