"""kill -9 at random moments of serving and learning: nothing acknowledged is lost, nothing counts twice.

One and four processes on SQLite and PostgreSQL. After the kills every feedback that a call acknowledged is in the
ledger, once; and a service that starts (from a snapshot, which the kills may have hit) has the state of the fold over
the whole ledger, bit for bit.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_world import small_learned

from arbiter.bundle import load_bundle, save_bundle
from arbiter.learning import Replay
from arbiter.ledger import open_ledger
from arbiter.policies import BanditPolicy, BanditSettings
from arbiter.service import Arbiter
from arbiter.snapshots import policy_text

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

LONGEST_S = 0.4
"""A kill comes at a time from 0 to this after the last one: in the start, the fold, a commit, a snapshot."""

CHECKED_EVERY = 10
NEW_LEDGER_EVERY = 50

SLOW = pytest.param(200, marks=pytest.mark.slow)


class Nursery:
    """Starts servers of one bundle and kills them."""

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle
        command = [sys.executable, str(Path(__file__).with_name("crash_nursery.py")), str(bundle)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.line() == "ready"

    def line(self) -> str:
        """Read what it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, source: str, folder: Path) -> int:
        """Start a server and give its process id."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{source} {folder}\n")
        self.process.stdin.flush()
        return int(self.line())

    def close(self) -> None:
        """End the nursery; its servers are dead by then."""
        self.process.kill()
        self.process.communicate()


def kill(pid: int) -> None:
    """Kill a server and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    for _ in range(2000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.002)
    raise AssertionError(f"process {pid} does not die")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Give a nursery of servers whose bandit forgets, so that order counts."""
    learned = small_learned().router
    policy = BanditPolicy.fresh(len(learned.catalog), learned.context_map.dim, BanditSettings(half_life_feedback=50.0))
    bundle = tmp_path_factory.mktemp("crash") / "bundle"
    save_bundle(replace(learned, policy=policy), bundle)
    made = Nursery(bundle)
    yield made
    made.close()


def acknowledged(folder: Path) -> Counter[tuple[str, str, float]]:
    """Give what servers were told is kept; a line that the kill cut short was not told."""
    found: Counter[tuple[str, str, float]] = Counter()
    for path in folder.iterdir():
        if path.name.isdigit():
            for line in path.read_text().split("\n")[:-1]:
                decision, key, quality = line.split()
                found[(decision, key.replace("-", ""), float(quality))] += 1
    return found


def await_first(folder: Path) -> None:
    """Wait until a server has been told something: on a slow machine every kill could else hit a start."""
    for _ in range(6000):
        if acknowledged(folder) or (folder / "errors").exists():
            return
        time.sleep(0.01)
    raise AssertionError("no server acknowledges anything within a minute")


def check(source: str, folder: Path, bundle: Path) -> int:
    """Compare the ledger with what was acknowledged, and a start with the fold; give how much was acknowledged."""
    assert not (folder / "errors").exists(), (folder / "errors").read_text()
    router = load_bundle(bundle)[0]
    told = acknowledged(folder)
    with open_ledger(source) as ledger:
        held = Counter(
            (j.feedback.decision_id, j.feedback.key, j.feedback.quality) for j in ledger.judged()
        )  # qualities are random numbers, so equal ones are one feedback counted twice
        assert not told - held, "lost"
        assert max(held.values(), default=1) == 1, "counted twice"
        whole = Replay(router=router)
        whole.catch_up(ledger)
        assert policy_text(Arbiter(router, ledger).router.policy) == policy_text(whole.router.policy)
    return told.total()


@pytest.mark.parametrize("moments", [6, SLOW])
@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_killed_servers_lose_and_double_nothing(
    request: pytest.FixtureRequest, nursery: Nursery, tmp_path: Path, database: str, processes: int, moments: int
) -> None:
    """See the module; of several servers one is killed at a time while the others go on."""
    rng, acknowledged_in_all = random.Random(f"{database} {processes}"), 0
    for start in range(0, moments, NEW_LEDGER_EVERY):
        folder = tmp_path / str(start)
        folder.mkdir()
        source = request.getfixturevalue("postgres").new_database() if database == "postgres" else folder / "ledger.db"
        alive = [nursery.start(str(source), folder) for _ in range(processes)]
        await_first(folder)
        for moment in range(min(NEW_LEDGER_EVERY, moments - start)):
            time.sleep(rng.uniform(0.0, LONGEST_S))
            kill(alive.pop(rng.randrange(processes)))
            if moment % CHECKED_EVERY == CHECKED_EVERY - 1:
                for pid in alive:
                    kill(pid)
                check(str(source), folder, nursery.bundle)
                alive = [nursery.start(str(source), folder) for _ in range(processes - 1)]
            alive.append(nursery.start(str(source), folder))
        for pid in alive:
            kill(pid)
        acknowledged_in_all += check(str(source), folder, nursery.bundle)
    assert acknowledged_in_all > 0
    print(f"{database}, {processes} processes, {moments} kills: {acknowledged_in_all} feedbacks acknowledged")  # noqa: T201
