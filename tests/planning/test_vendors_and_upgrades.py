"""Concentration and upgrades."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from plan_samples import JANUARY, MODERATION, SUMMARIES, SUPPORT, planned

from arbiter.catalog import Catalog
from arbiter.ope.distributions import normal_quantile
from arbiter.planning import CaseHistory, History, ModelHistory
from arbiter.planning.request_cost import measured
from arbiter.planning.upgrades import migration_days
from arbiter.planning.vendors import RISKS, risk_of
from arbiter.vocabulary import Urgency, VendorRisk

CATALOG = Catalog.default()


@pytest.mark.parametrize(
    ("share", "risk", "vendors", "days"),
    [
        (1.0, "critical", 3, 7),
        (0.9, "high", 2, 14),
        (0.71, "high", 2, 14),
        (0.7, "moderate", 2, 30),
        (0.5, "low", 1, 90),
        (0.3, "minimal", 1, 180),
        (0.0, "minimal", 1, 180),
    ],
)
def test_risk_by_share(share: float, risk: str, vendors: int, days: int) -> None:
    """A level begins above its bound, and says how many vendors are wanted and when to look again."""
    assert risk_of(share) is VendorRisk(risk)
    assert (RISKS[risk_of(share)].vendors, RISKS[risk_of(share)].review_days) == (vendors, days)


def test_one_vendor_is_over_concentrated_and_its_alternative_is_priced(tmp_path: Path) -> None:
    """By hand: gpt-4o to gemini-2.5-flash, 0.005 - 0.00099 a request, on what the whole chain answers."""
    plan = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n')
    review = plan.vendors
    assert review.over_concentrated and review.vendors[0].vendor == "openai"
    assert review.vendors[0].review == plan.start + datetime.timedelta(days=7) and review.vendors[0].wanted_vendors == 3
    assert review.fallback_vendors == ("gemini",)
    assert (review.wanted_vendors, review.used_vendors) == (3, 1)  # a standby has no share of its own
    other = review.alternatives[0]
    assert (other.model, other.other_vendor) == ("gemini-2.5-flash", "gemini")
    assert other.usd_per_month_change == pytest.approx(-plan.projection.requests() * 0.00401)
    assert review.effective_vendors == pytest.approx(1.0 / review.herfindahl)


def test_who_keeps_no_limit_is_no_alternative(tmp_path: Path) -> None:
    """None at another vendor where only one may serve, or the others are below the floor."""
    below = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o", "llama-3.1-8b"]\n')
    assert below.vendors.alternatives[0].model is None
    plan = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o"]\n')
    assert plan.vendors.alternatives[0].model is None
    assert plan.vendors.herfindahl == 1.0


def test_urgency_by_the_day_on_which_a_model_goes(tmp_path: Path) -> None:
    """Gone: now. Within a month, a quarter: important, recommended. Later it has to pay."""
    table = SUPPORT + 'incumbent = "gpt-5"\n'
    expected = {
        "2026-12-31": Urgency.CRITICAL,
        "2027-01-20": Urgency.IMPORTANT,
        "2027-03-20": Urgency.RECOMMENDED,
    }
    for date, urgency in expected.items():
        catalog = CATALOG.replace("gpt-5", deprecation_date=date)
        plan = planned(tmp_path, JANUARY, table, catalog=catalog)
        assert plan.upgrades[0].urgency is urgency, date
        assert plan.upgrades[0].retires == date
        assert plan.roadmap[0].due == max(datetime.date.fromisoformat(date), plan.start)


def test_an_incumbent_below_its_floor_is_important_to_replace(tmp_path: Path) -> None:
    """gpt-4o-mini is rated .70, .80 wanted: within a month of the start."""
    found = planned(tmp_path, JANUARY, SUPPORT + 'incumbent = "gpt-4o-mini"\n').upgrades[0]
    assert found.urgency is Urgency.IMPORTANT and found.due == datetime.date(2027, 1, 31)
    assert "gpt-4o-mini does not keep: expected quality 0.70 below the floor 0.80" in found.reason


def test_net_benefit_by_hand(tmp_path: Path) -> None:
    """gpt-4o to gemini-2.5-flash saves 155,000 x (0.005 - 0.00099) = $621.55 a month, less 8 days of $800 once."""
    pair = SUPPORT + 'incumbent = "gpt-4o"\nmodels = ["gemini-2.5-flash"]\n'
    one = planned(tmp_path, JANUARY, pair).upgrades[0]
    assert one.net_benefit == pytest.approx(155_000 * 0.00401 - 6400)
    assert one.usd_per_month_change == pytest.approx(-155_000 * 0.00401)
    year = JANUARY.replace("months = 1", "months = 60")
    assert planned(tmp_path, year, pair).upgrades[0].net_low > 0
    valued = planned(tmp_path, JANUARY, pair + "usd_per_good_answer = 1.0\n").upgrades[0]
    assert valued.net_benefit == pytest.approx(155_000 * (0.00401 - 0.01) - 6400)
    assert valued.net_high - valued.net_low > one.net_high - one.net_low


def test_the_band_of_a_net_benefit_by_hand(tmp_path: Path) -> None:
    """Declared tokens are in error for both models alike: 20 % of the saving. Bills are in error each for itself."""
    pair = SUPPORT + 'incumbent = "gpt-4o"\nmodels = ["gemini-2.5-flash"]\n'
    declared = planned(tmp_path, JANUARY.replace("= 0.0", "= 0.2"), pair).upgrades[0]
    reach = normal_quantile(0.9)
    assert declared.net_high - declared.net_low == pytest.approx(2 * reach * 0.2 * 155_000 * 0.00401)

    bills = {"gpt-4o": np.linspace(0.004, 0.006, 40), "gemini-2.5-flash": np.linspace(0.0005, 0.0015, 40)}
    models = {model: ModelHistory(cost_usd=costs) for model, costs in bills.items()}
    history = History(cases={"support": CaseHistory(requests=40, models=models, comparable=True)})
    billed = pair.replace("input_tokens = 800\n", "").replace("output_tokens = 300\n", "")
    found = planned(tmp_path, JANUARY, billed, history=history).upgrades[0]
    error = sum((155_000 * measured(costs).mean_usd * measured(costs).log_sd) ** 2 for costs in bills.values()) ** 0.5
    assert found.net_high - found.net_low == pytest.approx(2 * reach * error)


def test_an_incumbent_that_keeps_its_limits_and_costs_less_stays(tmp_path: Path) -> None:
    """Not needed, and not on the roadmap."""
    cheap = MODERATION.replace("= 0.65", "= 0.5") + 'incumbent = "llama-3.1-8b"\n'
    plan = planned(tmp_path, JANUARY, cheap, SUMMARIES)
    assert {each.use_case for each in plan.upgrades} == {"moderation"}
    assert {each.urgency for each in plan.upgrades} == {Urgency.NOT_NEEDED} and plan.roadmap == ()


def test_migration_is_less_work_the_nearer_the_model() -> None:
    """One family, one vendor, another vendor."""
    days = [migration_days(CATALOG["gpt-4o"], CATALOG[name]) for name in ("gpt-4o-mini", "gemini-2.5-flash")]
    assert days == [2.0, 8.0]
    assert migration_days(CATALOG["deepseek-v3"], CATALOG["llama-3.1-70b"]) == 4.0
