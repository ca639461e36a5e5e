"""Budgets and commitments, worked on paper."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from plan_samples import JANUARY, SUPPORT, planned

from arbiter.planning.budgets import allocation, best_commitment
from arbiter.planning.money import Money
from arbiter.planning.projection import Cell, Projection
from arbiter.vocabulary import BudgetKind


def test_the_best_commitment_by_hand() -> None:
    """Load 1 in half of the hours and 3 in the other; at 30 % off commit to 1, for 2 would be used 3/4 of ... 0.7."""
    load = np.array([1.0, 3.0] * 10)
    found = best_commitment(load, 0.3)
    assert (found.level, found.utilisation) == (0.5, 1.0)
    assert found.saving == pytest.approx((1.0 - 0.7) / 2.0)


@pytest.mark.parametrize("discount", [0.0, 0.1, 0.5, 0.9])
def test_no_other_commitment_costs_less(discount: float) -> None:
    """Of a hundred levels on a random load."""
    load = np.random.default_rng(1).gamma(2.0, 1.0, 168)

    def cost(level: float) -> float:
        return level * (1.0 - discount) + float(np.maximum(load - level, 0.0).mean())

    found = best_commitment(load, discount)
    best = cost(found.level * load.mean())
    assert best <= min(cost(level) for level in np.linspace(0.0, load.max(), 100)) + 1e-12
    assert found.saving == pytest.approx(1.0 - best / load.mean())


def test_a_reservation_by_hand(tmp_path: Path) -> None:
    """154,845 requests x 1,100 tokens are 170 Mtok a month at (800 x 2.5 + 300 x 10) / 1,100 = $4.545 each.

    $227.25 is even from 50 Mtok on; of a hundred that are bought all are used, which saves 454.55 - 227.25.
    """
    table = '[[reservation]]\nmodel = "gpt-4o"\nusd_per_month = 227.25\nmtok_per_month = 100\n'
    found = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o"]\n', table).break_evens[0]
    assert found.used_mtok == pytest.approx(154_845 * 1100 / 1e6)
    assert found.list_usd_per_mtok == pytest.approx(5000 / 1100)
    assert found.break_even_mtok == pytest.approx(50.0, rel=1e-3)
    assert found.saving_usd == pytest.approx(100 * 5000 / 1100 - 227.25)


def test_budgets_are_ordered_as_their_promises(tmp_path: Path) -> None:
    """Expected, warning, alarm; hybrid below paying as one goes; a flat load reserves at the discount."""
    flat = SUPPORT + f"hourly = {[1] * 24}\n"
    plan = planned(tmp_path, JANUARY.replace("token_error = 0.0", "token_error = 0.2"), flat)
    amounts = {budget.kind: budget for budget in plan.budgets}
    steps = list(amounts[BudgetKind.TIERED].steps.values())
    assert all(a < b for a, b in itertools.pairwise(steps))
    assert amounts[BudgetKind.FIXED].usd_per_month == steps[1]
    expected = amounts[BudgetKind.PAY_AS_YOU_GO].usd_per_month
    assert amounts[BudgetKind.RESERVED].usd_per_month == pytest.approx(0.7 * expected)
    assert amounts[BudgetKind.HYBRID].usd_per_month == pytest.approx(0.7 * expected)


def test_a_fixed_budget_suffices_for_the_dearest_month_and_an_alarm_rings_at_99_per_cent(tmp_path: Path) -> None:
    """January has three days more than February."""
    unsure = JANUARY.replace("token_error = 0.0", "token_error = 0.2").replace("months = 1", "months = 2")
    plan = planned(tmp_path, unsure, SUPPORT)
    amounts, january = {each.kind: each for each in plan.budgets}, plan.projection.by_month()["2027-01"]
    assert amounts[BudgetKind.FIXED].usd_per_month == january.high
    assert amounts[BudgetKind.TIERED].steps["alarm"] == january.quantile(0.99)
    assert amounts[BudgetKind.TIERED].usd_per_month == pytest.approx(plan.projection.total().mean / 2)


def test_a_percentage_of_the_revenue_suffices_for_the_upper_end(tmp_path: Path) -> None:
    """Of a mean month's band."""
    unsure = JANUARY.replace("token_error = 0.0", "token_error = 0.2") + "revenue_usd_per_month = 100000\n"
    plan = planned(tmp_path, unsure, SUPPORT)
    budget = next(each for each in plan.budgets if each.kind is BudgetKind.PERCENTAGE)
    assert budget.usd_per_month == plan.projection.total().high
    assert f"{plan.projection.total().high / 1000:.2f}% of $100,000" in budget.text


def test_what_a_commitment_is_worth_is_not_known_of_a_load_whose_hours_are_not(tmp_path: Path) -> None:
    """None declared: no amount. One of two: the other's is taken as even, and named."""
    for budget in planned(tmp_path, JANUARY, SUPPORT).budgets:
        if budget.kind in (BudgetKind.RESERVED, BudgetKind.HYBRID):
            assert budget.usd_per_month is None and "give weekly and hourly" in budget.text
    shaped = SUPPORT.replace('"support"', '"desk"') + f"hourly = {[0] * 12 + [1] * 12}\n"
    for budget in planned(tmp_path, JANUARY, SUPPORT, shaped).budgets:
        if budget.kind in (BudgetKind.RESERVED, BudgetKind.HYBRID):
            assert budget.usd_per_month and "the load of support is taken as even" in budget.text


def test_what_is_set_aside_goes_to_who_causes_it() -> None:
    """Two use cases of ten dollars, deviations 3 and 1: nine tenths of what is beyond twenty go to the first."""
    cells = [
        Cell(use_case=n, model="m", vendor="v", month="x", requests=1.0, money=Money(mean=10.0, own_var=v))
        for n, v in (("a", 9.0), ("b", 1.0))
    ]
    month = Projection(cells=tuple(cells))
    found, top = allocation(month), month.total().high
    assert sum(found.values()) == pytest.approx(top)
    assert found["a"] - 10 == pytest.approx(0.9 * (top - 20)) and found["b"] > 10
