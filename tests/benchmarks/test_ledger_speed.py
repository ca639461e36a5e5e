"""What the ledger costs: ``pytest -m benchmark tests/benchmarks/test_ledger_speed.py -s``. Ratios within one run."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from postgres_server import PostgresServer

from arbiter.judgements import FeedbackRules
from arbiter.learning import Replay, resumed
from arbiter.ledger import BufferedLedger, Ledger, open_ledger
from arbiter.loading import load_router
from arbiter.service import Arbiter, ServiceOptions

PROMPT = "Prove that the square root of 2 is irrational, and name the step that fails for 4."
REPEATS = 300
FEEDBACKS = 2_000

Timed = dict[str, float]


def median_us(call: Callable[[int], object]) -> float:
    """Give the median time of a call in microseconds, after a warm-up; the call gets its number."""
    times = []
    for i in range(REPEATS):
        started = time.perf_counter()
        call(i)
        times.append(time.perf_counter() - started)
    return statistics.median(times[20:]) * 1e6


def timed(ledger: Ledger) -> Timed:
    """Give the medians of route and feedback on a ledger."""
    with Arbiter(load_router(), ledger, ServiceOptions(seed=0)) as service:
        ids: list[str] = []
        route = median_us(lambda _: ids.append(service.route(PROMPT).id))
        return {"route": route, "feedback": median_us(lambda i: service.feedback(ids[i], quality=0.5))}


@pytest.mark.benchmark
def test_a_ledger_in_the_background_does_not_slow_routing(tmp_path: Path, postgres: PostgresServer) -> None:
    """route() with a buffered file or server takes at most 1.5 times what it takes with a ledger in memory."""
    found = {
        "memory": timed(open_ledger(":memory:")),
        "file": timed(open_ledger(tmp_path / "a.db")),
        "file, buffered": timed(BufferedLedger(open_ledger(tmp_path / "b.db"))),
        "PostgreSQL": timed(open_ledger(postgres.new_database())),
        "PostgreSQL, buffered": timed(BufferedLedger(open_ledger(postgres.new_database()))),
    }
    for name, row in found.items():
        print(f"{name:<22} route {row['route']:7.0f} us   feedback {row['feedback']:7.0f} us")
    for name in ("file, buffered", "PostgreSQL, buffered"):
        assert found[name]["route"] < 1.5 * found["memory"]["route"]


@pytest.mark.benchmark
def test_a_start_from_a_snapshot_is_faster_than_the_fold(tmp_path: Path) -> None:
    """Of 2,000 feedbacks: at least ten times."""
    router = load_router()
    with Arbiter(router, BufferedLedger(open_ledger(tmp_path / "l.db")), ServiceOptions(seed=0)) as service:
        for decision in service.route_batch([PROMPT] * FEEDBACKS):
            service.feedback(decision.id, quality=0.5)
        service.snapshot()
        started = time.perf_counter()
        Replay(router=router).catch_up(service.ledger)
        folded = time.perf_counter()
        resumed(router, service.ledger, FeedbackRules()).catch_up(service.ledger)
        start = time.perf_counter() - folded
    fold = folded - started
    each = fold / FEEDBACKS * 1e6
    print(f"{FEEDBACKS} feedbacks: fold {fold * 1e3:.0f} ms ({each:.0f} us each), snapshot {start * 1e3:.1f} ms")
    assert start * 10 < fold
