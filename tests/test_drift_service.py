"""Laws of the drift watch in a service: nobody waits for it, the log says it once, and all who share a ledger agree."""

import logging
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from drift_streams import World, stream
from small_world import EASY, HARD, small_learned

import arbiter
from arbiter.bundle import save_bundle
from arbiter.drift import DriftKind, DriftOptions, drift_of
from arbiter.drift.text import to_text
from arbiter.errors import LedgerError
from arbiter.ledger import Event, Ledger, SqliteLedger
from arbiter.records import Decision
from arbiter.service import Arbiter, ServiceOptions

LOOKS = DriftOptions(block=40, judged_within_s=5.0, follow_s=10.0)
NO_LONGER = "evaluations of that time no longer hold"


class Clock:
    """Tells the time that it was set to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Give it."""
        return self.now


def service_of(ledger: Ledger, clock: Clock | None = None, drift: DriftOptions = LOOKS) -> Arbiter:
    return Arbiter(small_learned().router, ledger, ServiceOptions(seed=0, clock=clock or Clock(), drift=drift))


def events_of(ledger: Ledger) -> list[Event]:
    return [event for _, event in ledger.events()]


def route(service: Arbiter, clock: Clock, words: tuple[str, ...], n: int) -> None:
    """Route a request a second."""
    for i in range(n):
        clock.now += 1.0
        service.route(f"{words[i % 8]} {words[i // 8 % 8]}")


def waited(service: Arbiter, blocks: int) -> bool:
    """Wait until a look on a thread has come so far."""
    for _ in range(500):
        if service.drift.report.blocks >= blocks:
            return True
        time.sleep(0.01)
    return False


def test_a_serving_service_finds_what_its_requests_show(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On a thread, by itself; the log says what no longer holds, and a programme can ask."""
    clock = Clock()
    with service_of(SqliteLedger(tmp_path / "l.db"), clock) as service:
        route(service, clock, EASY, 85)
        route(service, clock, HARD, 81)
        clock.now += 100.0
        service.route(HARD[0])
        assert waited(service, 4)
        report = service.drift.report
        assert {drift.kind for drift in report.latest} == {DriftKind.TRAFFIC} and not report.evaluation_holds
        assert NO_LONGER in caplog.text and not any(word in caplog.text for word in HARD)
        service.drift.look()
        assert service.drift.report == drift_of(events_of(service.ledger), LOOKS)


def test_a_change_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not at the next look, not with the next block; another one is told, and so is that all is as it was."""
    caplog.set_level(logging.INFO, "arbiter.drift")
    longer, less = World(shift=3.0), World(shift=3.0, rate=0.02)
    parts = [(160, World()), (160, longer), (160, less), (200, World())]
    events = stream(0, parts)
    with SqliteLedger(tmp_path / "l.db") as ledger, service_of(ledger, drift=DriftOptions(block=80)) as service:
        told = []
        for start in range(0, len(events), 10):
            ledger.append_many(events[start : start + 10])
            service.drift.look()
            service.drift.look()
            told += [record.getMessage() for record in caplog.records]
            caplog.clear()
    assert [line.split(" since")[0] for line in told if NO_LONGER in line] == ["traffic or models have changed"]
    assert told[-1] == "traffic and models are again as in the first 80 decisions"
    assert len(told) == 2


def test_a_rate_is_told_in_passing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It says nothing of an evaluation, so nobody is warned."""
    caplog.set_level(logging.INFO, "arbiter.drift")
    with SqliteLedger(tmp_path / "l.db") as ledger, service_of(ledger) as service:
        ledger.append_many(stream(1, [(80, World(rate=0.9)), (200, World(rate=0.1))]))
        service.drift.look()
        service.drift.look()
        assert service.drift.report.evaluation_holds
    (record,) = caplog.records
    assert record.levelno == logging.INFO and "answers that are judged went from" in record.getMessage()


def test_a_start_goes_on_from_the_snapshot_and_says_what_holds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """To the bit what the fold over all events gives, be it that these were deleted meanwhile."""
    clock, events = Clock(), stream(2, [(100, World()), (150, World(shift=3.0))])
    path, half = tmp_path / "l.db", len(events) // 2
    split = next(i for i in range(half, len(events)) if isinstance(events[i].record, Decision))
    with SqliteLedger(path) as ledger, service_of(ledger, clock) as service:
        ledger.append_many(events[:split])
        assert service.snapshot()
        clock.now += 86_400.0
        assert service.prune(0.5).events > split // 2
        ledger.append_many(events[split:])
    caplog.clear()
    with SqliteLedger(path) as ledger, service_of(ledger, clock) as service, SqliteLedger(":memory:") as whole:
        service.drift.look()
        assert caplog.text.count(NO_LONGER) == 1
        whole.append_many(events)
        with service_of(whole, clock) as anew:
            anew.drift.look()
            assert to_text(service.drift._fold) == to_text(anew.drift._fold)
            assert service.drift.report.blocks == 6


def test_a_damaged_snapshot_costs_time_alone(tmp_path: Path) -> None:
    """The fold begins at the beginning."""
    events = stream(3, [(100, World())])
    with SqliteLedger(tmp_path / "l.db") as ledger, service_of(ledger) as service:
        ledger.append_many(events)
        service.snapshot()
        with ledger._writing() as transaction:
            transaction.execute("UPDATE snapshots SET payload = 'none' WHERE name LIKE 'watch-drift-%'", ())
        with service_of(ledger) as started:
            started.drift.look()
            assert started.drift.report == service.drift.report == drift_of(events, LOOKS)


class SlowLedger(SqliteLedger):
    """Takes as long as it is told to show its events, or fails to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked, self.go, self.fails = threading.Semaphore(0), threading.Event(), False

    def events(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """Wait, then give them."""
        self.asked.release()
        if self.fails:
            raise LedgerError("the disk is gone")
        self.go.wait(10.0)
        return super().events(after)


def test_a_snapshot_does_not_wait_for_a_look_under_way(tmp_path: Path) -> None:
    """Which may take minutes on a long ledger; it keeps what it finds itself."""
    with SlowLedger(tmp_path / "l.db") as ledger, service_of(ledger) as service:
        ledger.go.set()
        ledger.append_many(stream(5, [(100, World())]))
        ledger.go.clear()
        looking = threading.Thread(target=service.drift.look)
        looking.start()
        assert ledger.asked.acquire(timeout=5.0)
        service.drift.snapshot()
        assert looking.is_alive() and service.drift.report.blocks == 0
        ledger.go.set()
        looking.join()
        service.drift.snapshot()
        assert service.drift.report.blocks == 2


def test_no_request_waits_for_it_nor_fails_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While it reads, and where it cannot; nor does a start wait."""
    clock, ledger = Clock(), SlowLedger(tmp_path / "l.db")
    with service_of(ledger, clock) as service:
        route(service, clock, EASY, 11)
        assert ledger.asked.acquire(timeout=10.0)
        route(service, clock, EASY, 30)
        assert not ledger.asked.acquire(blocking=False)
        ledger.fails = True
        ledger.go.set()
        service.drift.close()
        route(service, clock, EASY, 11)
        assert ledger.asked.acquire(timeout=10.0)
    assert "the disk is gone" in caplog.text


def test_closing_ends_a_look(tmp_path: Path) -> None:
    """A long ledger that is read for the first time does not hold up the end of the service."""
    with SqliteLedger(tmp_path / "l.db") as ledger:
        ledger.append_many(stream(4, [(300, World(rate=0.0))]))
        service = service_of(ledger)
        service.drift.close()
        service.drift.look()
        assert 0 < service.drift._position < 300


@pytest.mark.parametrize("off", ["by the options", "in memory"])
def test_it_can_be_switched_off(tmp_path: Path, off: str) -> None:
    """Then nobody reads the ledger, nor keeps anything in it; one that ends with the process is not read either."""
    path, clock = Path(":memory:") if off == "in memory" else tmp_path / "l.db", Clock()
    drift = LOOKS if off == "in memory" else DriftOptions(follow_s=math.inf)
    ledger = SlowLedger(path)
    ledger.go.set()
    with service_of(ledger, clock, drift) as service:
        route(service, clock, EASY, 60)
        service.snapshot()
        assert not ledger._rows("SELECT name FROM snapshots WHERE name LIKE 'watch-drift-%'")
    assert not ledger.asked.acquire(blocking=False)


SERVES = f"""
import sys, arbiter
EASY = {EASY!r}
from arbiter.service import ServiceOptions
clock = [float(sys.argv[3])]
options = ServiceOptions(seed=1, clock=lambda: clock[0])
with arbiter.load(sys.argv[1], ledger=sys.argv[2], options=options) as service:
    for i in range(100):
        clock[0] += 1.0
        decision = service.route(f"{{EASY[i % 8]}} {{EASY[i // 8 % 8]}}")
        service.feedback(decision.id, quality=0.5)
"""


def test_processes_that_share_a_ledger_see_all_of_it(tmp_path: Path) -> None:
    """What another process routed and judged; two services come to the same, to the bit."""
    save_bundle(small_learned().router, tmp_path / "bundle")
    clock, path = Clock(), tmp_path / "l.db"
    with service_of(SqliteLedger(path), clock) as one, service_of(SqliteLedger(path), clock) as other:
        route(one, clock, EASY, 60)
        route(other, clock, EASY, 60)
        told = [str(each) for each in (tmp_path / "bundle", path, clock.now)]
        subprocess.run([sys.executable, "-c", SERVES, *told], check=True, timeout=120)
        clock.now += 200.0
        route(one, clock, EASY, 1)
        for service in (one, other):
            service.drift.look()
        assert to_text(one.drift._fold) == to_text(other.drift._fold)
        report = other.drift.report
        assert (report.blocks, report.judged_blocks, report.counted) == (5, 5, 100)
        assert DriftKind.FEEDBACK_RATE in {drift.kind for drift in report.latest}


def test_a_file_can_say_how(tmp_path: Path) -> None:
    """Block, error, time; and that it is not looked at all."""
    (tmp_path / "arbiter.toml").write_text("[serve.drift]\nblock = 1000\njudged_within_s = 60\nfollow_s = inf\n")
    with arbiter.from_config(tmp_path / "arbiter.toml") as service:
        assert service.options.drift == DriftOptions(block=1000, judged_within_s=60.0, follow_s=math.inf)
