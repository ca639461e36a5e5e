"""Prices that change within a plan, worked on paper for everything that compares two models."""

from pathlib import Path

import numpy as np
import pytest
from plan_samples import JANUARY, SUPPORT, planned

from arbiter.planning import CaseHistory, History, RoutingTrial

TWO = JANUARY.replace("months = 1", "months = 2")
HALF = '[[price_change]]\nmodel = "gpt-4o"\nstart = 2027-02-15\nusd_per_mtok_in = 1.25\nusd_per_mtok_out = 5.0\n'
REQUESTS = (31 * 5000, 28 * 5000)
OLD = REQUESTS[0] * 0.005 + REQUESTS[1] * 0.005 * 0.75
"""gpt-4o, 800 tokens in and 300 out: half a cent a request, half of that in the second half of February."""
NEW = sum(REQUESTS) * 0.00099
"""gemini-2.5-flash, whose price stays."""


def test_an_upgrade_is_weighed_at_the_prices_of_each_month(tmp_path: Path) -> None:
    """To leave a model that will be cheaper saves less: $1,300 - $292.05 over two months, less 8 days of $800."""
    pair = SUPPORT + 'incumbent = "gpt-4o"\nmodels = ["gemini-2.5-flash"]\n'
    found = planned(tmp_path, TWO, pair, HALF).upgrades[0]
    assert found.net_benefit == pytest.approx(OLD - NEW - 6400)
    assert found.usd_per_month_change == pytest.approx((NEW - OLD) / 2)
    assert planned(tmp_path, TWO, pair).upgrades[0].net_benefit > found.net_benefit


def test_an_alternative_vendor_is_priced_by_the_month(tmp_path: Path) -> None:
    """Of what the chain answers, all but 0.001 x 0.005."""
    plan = planned(tmp_path, TWO, SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n', HALF)
    answered = 1 - 0.001 * 0.005
    assert plan.vendors.alternatives[0].usd_per_month_change == pytest.approx(answered * (NEW - OLD) / 2)


def test_a_routers_return_is_priced_by_the_month(tmp_path: Path) -> None:
    """Half to each model, at a cent and a tenth of one, against gpt-4o alone at a cent."""
    trial = RoutingTrial(
        policy="mine",
        requests=4,
        share={"gpt-4o": 0.5, "gemini-2.5-flash": 0.5},
        cost_weight={"gpt-4o": np.ones(2), "gemini-2.5-flash": np.ones(2)},
        cost_usd={"gpt-4o": np.array([0.01, 0.01]), "gemini-2.5-flash": np.array([0.001, 0.001])},
        quality=0.9,
        utility_gain={"gpt-4o": -0.01},
        single="gpt-4o",
        single_cost_usd=0.01,
        single_quality=0.9,
    )
    history = History(cases={"support": CaseHistory(requests=4, models={}, routing=trial)})
    found = planned(tmp_path, TWO, SUPPORT, HALF, history=history).returns[0]
    dated = REQUESTS[0] + 0.75 * REQUESTS[1]
    assert found.saved_usd == pytest.approx(dated * 0.01 - (dated * 0.01 + sum(REQUESTS) * 0.001) / 2)


def test_a_reservation_is_held_against_the_mean_price_of_the_months(tmp_path: Path) -> None:
    """$4.545 a million tokens in January and three quarters of that in February."""
    bought = '[[reservation]]\nmodel = "gpt-4o"\nusd_per_month = 100\nmtok_per_month = 100\n'
    found = planned(tmp_path, TWO, SUPPORT + 'models = ["gpt-4o"]\n', HALF, bought).break_evens[0]
    price = 5000 / 1100 * (1 + 0.75) / 2
    assert found.list_usd_per_mtok == pytest.approx(price)
    assert found.break_even_mtok == pytest.approx(100 / price)
