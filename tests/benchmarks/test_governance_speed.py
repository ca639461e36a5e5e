"""What governance costs: ``pytest -m benchmark tests/benchmarks/test_governance_speed.py -s``. Ratios in one run."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arbiter.governance import Allowance, BudgetLimits, Governance, Owner, SqliteAudit, SqliteBudget
from arbiter.loading import load_router
from arbiter.service import Arbiter, ServiceOptions

PROMPT = "Prove that the square root of 2 is irrational, and name the step that fails for 4."
REPEATS = 300


def median_us(call: Callable[[], object]) -> float:
    """Give the median time of a call in microseconds, after a warm-up."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times[20:]) * 1e6


@pytest.mark.benchmark
def test_governance_costs_less_than_the_decision(tmp_path: Path) -> None:
    """Quotas and audit in files make a route at most twice as long; reserving and settling take less than it."""
    limits = BudgetLimits(each_user=Allowance(day_usd=1e6, month_usd=1e6), everyone=Allowance(month_usd=1e6))
    budget, audit = SqliteBudget(tmp_path / "budget.db", limits), SqliteAudit(tmp_path / "audit.db")
    found = {}
    for name, governance in (
        ("nothing", Governance()),
        ("budget", Governance(budget=budget)),
        ("budget and audit", Governance(budget=budget, audit=audit)),
    ):
        with Arbiter(load_router(), options=ServiceOptions(seed=0, governance=governance)) as service:
            found[name] = median_us(lambda service=service: service.route(PROMPT, user="ada"))  # type: ignore[misc]
    found["reserve and settle"] = median_us(lambda: budget.settle(budget.reserve(Owner(user="ada"), 0.01, 0.05), 0.01))
    for name, us in found.items():
        print(f"{name:<20} {us:7.0f} us")
    assert found["budget and audit"] < 2.0 * found["nothing"]
    assert found["reserve and settle"] < found["nothing"]
