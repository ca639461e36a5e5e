"""One budget file under many processes: never overspent by more than one reserve error, and freed by the dead."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arbiter.errors import BudgetError
from arbiter.governance import Allowance, BudgetLimits, Owner, SqliteBudget, SqliteBudgetOptions

LIMITS = BudgetLimits(each_user=Allowance(day_usd=1.0))
ADA = Owner(user="ada")
LIKELY_USD, WORST_USD = 0.004, 0.012

# Spends, in some threads, as long as the budget lets it; says what was paid, call by call.
SPENDER = f"""
import json, random, sys, threading, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_budget_processes import spend
print(json.dumps(spend(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
"""

# Reserves and then waits to be killed.
HOLDER = """
import sys, time
from arbiter.governance import Allowance, BudgetLimits, Owner, SqliteBudget
kept = SqliteBudget(sys.argv[1], BudgetLimits(each_user=Allowance(day_usd=1.0)))
for _ in range(4):
    kept.reserve(Owner(user="ada"), 0.2)
print("held", flush=True)
time.sleep(600)
"""


def spend(path: str, n_threads: int, seed: int) -> list[float]:
    """Call as long as the budget lets it, at costs up to the worst; give what each call did cost."""
    kept = SqliteBudget(path, LIMITS, SqliteBudgetOptions(timeout_s=60.0))
    paid: list[float] = []

    def calls(rng: random.Random) -> None:
        while True:
            try:
                held = kept.reserve(ADA, LIKELY_USD, WORST_USD)
            except BudgetError:
                (quota,) = kept.quotas(ADA)
                if quota.held_usd == 0.0:
                    return
                time.sleep(0.001)
                continue
            cost = rng.choice((WORST_USD, rng.uniform(0.0, WORST_USD)))
            time.sleep(rng.uniform(0.0, 0.003))  # the call
            paid.append(cost)
            kept.settle(held, cost)

    threads = [threading.Thread(target=calls, args=(random.Random(seed * 1000 + i),)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept.close()
    return paid


def overspent(path: Path, paid: list[float]) -> float:
    """Check the file against what the callers paid, and give by how much the limit was passed."""
    with budget(path) as kept:
        (quota,) = kept.quotas(ADA)
    assert quota.held_usd == 0.0
    assert quota.spent_usd == pytest.approx(sum(paid), abs=len(paid) * 1e-9)  # each is rounded to a nanodollar
    return quota.spent_usd - quota.limit_usd


@contextmanager
def budget(path: Path) -> Iterator[SqliteBudget]:
    kept = SqliteBudget(path, LIMITS)
    yield kept
    kept.close()


def test_fifty_threads_never_overspend_by_more_than_one_reserve_error(tmp_path: Path) -> None:
    """The bound of the docs: what one call may cost above what was likely; and no money lies idle."""
    paid = spend(str(tmp_path / "budget.db"), 50, 1)
    assert -LIKELY_USD < overspent(tmp_path / "budget.db", paid) <= WORST_USD - LIKELY_USD + 1e-9


def test_four_processes_of_fifty_callers_never_overspend_by_more_than_one_reserve_error(tmp_path: Path) -> None:
    """The same across processes that make the file at once; every cost is in it, to the nanodollar."""
    path = tmp_path / "budget.db"
    command = [sys.executable, "-c", SPENDER, str(path)]
    spenders = [
        subprocess.Popen([*command, str(n), str(seed)], stdout=subprocess.PIPE, text=True)
        for seed, n in enumerate((13, 13, 12, 12))
    ]
    paid = [cost for spender in spenders for cost in json.loads(spender.communicate(timeout=120)[0])]
    assert [spender.returncode for spender in spenders] == [0, 0, 0, 0]
    assert -LIKELY_USD < overspent(path, paid) <= WORST_USD - LIKELY_USD + 1e-9


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="the system does not tell of other processes")
def test_what_a_killed_process_held_is_let_go(tmp_path: Path) -> None:
    """At the next call of another one, without waiting for the expiry; as long as it lives it holds."""
    path = tmp_path / "budget.db"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with budget(path) as kept:
            assert kept.left_usd(ADA) == pytest.approx(0.2)
            with pytest.raises(BudgetError):
                kept.reserve(ADA, 0.5)
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait()
            kept.settle(kept.reserve(ADA, 0.5), 0.5)
            assert kept.left_usd(ADA) == pytest.approx(0.5)


def test_what_an_unknown_process_held_expires(tmp_path: Path) -> None:
    """Of another container or system nothing is known but the time."""
    path, now = tmp_path / "budget.db", [1000.0]
    options = SqliteBudgetOptions(clock=lambda: now[0], expire_s=60.0)
    other, kept = SqliteBudget(path, LIMITS, options), SqliteBudget(path, LIMITS, options)
    other._holder = "another boot pid:[1] 77 12345"
    other.reserve(ADA, 0.8)
    now[0] += 59.0
    assert kept.left_usd(ADA) == pytest.approx(0.2)
    now[0] += 1.0
    assert kept.left_usd(ADA) == 1.0
    other.close()
    kept.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_budget_does_not_cross_a_fork(tmp_path: Path) -> None:
    """A forked process that uses its parent's connection is refused."""
    with budget(tmp_path / "budget.db") as kept:
        kept._store._process += 1  # as a child process would see it
        with pytest.raises(BudgetError, match="before a fork"):
            kept.reserve(ADA, 0.1)
        kept._store._process -= 1
