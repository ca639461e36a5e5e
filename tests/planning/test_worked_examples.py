"""Three use cases, worked on paper with the catalog's prices per million tokens."""

import datetime
from pathlib import Path

import pytest
from plan_samples import JANUARY, MODERATION, SUMMARIES, SUPPORT, planned

from arbiter.planning import Volume
from arbiter.planning.months import months_from, requests_in
from arbiter.vocabulary import CostTechnique, Strategy


def only(table: str, model: str) -> str:
    """Let one model serve alone."""
    return f'{table}models = ["{model}"]\n'


def test_interactive_support_by_hand(tmp_path: Path) -> None:
    """31 days x 5,000 x 0.999 up x (800 x $2.50 + 300 x $10) / 10^6 = 31 x 5,000 x 0.999 x $0.005 = $774.23."""
    plan = planned(tmp_path, JANUARY, only(SUPPORT, "gpt-4o"))
    total = plan.projection.total()
    assert total.mean == pytest.approx(774.225)
    assert plan.projection.requests() == pytest.approx(31 * 5000 * 0.999)
    # Fixed lengths: the variance is that of a Poisson number alone, N m^2 = 154,845 x 0.005^2 = 3.87
    assert total.own_var == pytest.approx(154_845 * 0.005**2)
    assert total.common_sd == 0.0
    assert total.low == pytest.approx(774.225 - 1.2816 * 3.871**0.5, abs=0.01)


def test_what_is_not_known_of_volume_and_tokens_widens_the_band(tmp_path: Path) -> None:
    """Log-normal errors of 10 and 20 % multiply the mean: a deviation of sqrt(exp(.01 + .04) - 1) of it, 22.6 %."""
    unsure = SUPPORT.replace("volume_error = 0.0", "volume_error = 0.1")
    plan = planned(tmp_path, JANUARY.replace("= 0.0", "= 0.2"), only(unsure, "gpt-4o"))
    assert plan.projection.total().common_sd == pytest.approx(774.225 * 0.22643, rel=1e-4)


def test_the_error_of_the_growth_grows_with_the_months() -> None:
    """The third month of ten per cent a month, known to five: 10 % of the volume beside 2 x .05 / 1.1 of the growth."""
    volume = Volume(per_day=100.0, growth_per_month=0.1, error=0.1, growth_error=0.05)
    march = requests_in(volume, months_from(datetime.date(2027, 1, 1), 3)[2])
    assert march.mean == pytest.approx(31 * 100 * 1.21)
    assert march.log_sd == pytest.approx((0.1**2 + (2 * 0.05 / 1.1) ** 2) ** 0.5)


def test_batch_summaries_by_hand(tmp_path: Path) -> None:
    """31 x 1,000 x 0.995 x (3,000 x $0.30 + 400 x $2.50) / 10^6 = 30,845 x $0.0019 = $58.61; a batch halves it."""
    plan = planned(tmp_path, JANUARY, only(SUMMARIES, "gemini-2.5-flash"))
    assert plan.projection.total().mean == pytest.approx(58.6055)
    batch = next(row for row in plan.savings[0].rows if row.technique is CostTechnique.BATCH)
    assert batch.met and batch.alone == pytest.approx(0.5) and batch.usd_per_month == pytest.approx(58.6055 / 2)


def test_real_time_moderation_by_hand(tmp_path: Path) -> None:
    """31 x 50,000 x 0.999 x (200 x $0.15 + 10 x $0.60) / 10^6 = 31 x 50,000 x 0.999 x $0.000036 = $55.74."""
    plan = planned(tmp_path, JANUARY, only(MODERATION, "gpt-4o-mini"))
    assert plan.projection.total().mean == pytest.approx(55.7442)


def test_all_three_together(tmp_path: Path) -> None:
    """Strategies by criticality, latency and cost; sums by use case, vendor and month agree; shares by hand."""
    plan = planned(tmp_path, JANUARY, SUPPORT, SUMMARIES, MODERATION)
    made = {each.use_case: each for each in plan.recommendations}
    assert [each.strategy for each in made.values()] == [
        Strategy.QUALITY_FIRST,
        Strategy.COST_OPTIMIZED,
        Strategy.LOW_LATENCY,
    ]
    assert [len(each.fallbacks) for each in made.values()] == [2, 1, 1]
    assert any("1 of the 2 fallbacks" in said for said in made["moderation"].rationale)
    total = plan.projection.total().mean
    for sums in (plan.projection.by_use_case(), plan.projection.by_vendor(), plan.projection.by_month()):
        assert sum(money.mean for money in sums.values()) == pytest.approx(total)
    assert sum(vendor.share for vendor in plan.vendors.vendors) == pytest.approx(1.0)
    assert plan.vendors.herfindahl == pytest.approx(sum(vendor.share**2 for vendor in plan.vendors.vendors))


def test_growth_and_a_price_change_by_hand(tmp_path: Path) -> None:
    """February: 28 days, one tenth more, and from the 15th on half the price: 14/28 at 1 and 14/28 at 1/2, 0.75."""
    change = '[[price_change]]\nmodel = "gpt-4o"\nstart = 2027-02-15\nusd_per_mtok_in = 1.25\nusd_per_mtok_out = 5.0\n'
    growing = only(SUPPORT, "gpt-4o") + "growth_per_month = 0.1\n"
    plan = planned(tmp_path, JANUARY.replace("months = 1", "months = 2"), growing, change)
    months = plan.projection.by_month()
    assert months["2027-02"].mean == pytest.approx(28 * 5000 * 0.999 * 0.005 * 1.1 * 0.75)
    assert months["2027-01"].mean == pytest.approx(774.225)


def test_a_weekly_shape_moves_requests_between_days(tmp_path: Path) -> None:
    """January 2027 has 10 weekend days of 31: with none at weekends 21 days carry 7/5 of the mean day."""
    shaped = only(SUPPORT, "gpt-4o") + "weekly = [1, 1, 1, 1, 1, 0, 0]\n"
    assert planned(tmp_path, JANUARY, shaped).projection.requests() == pytest.approx(21 * 7000 * 0.999)


def test_a_plan_that_starts_in_the_past_says_so(tmp_path: Path) -> None:
    """Today is the first of December 2026 in these tests."""
    late = planned(tmp_path, JANUARY.replace("2027-01-01", "2026-11-01"), SUPPORT)
    assert late.notes == ("the plan starts on 2026-11-01, before today",)


def test_a_price_that_turns_the_choice_is_told(tmp_path: Path) -> None:
    """deepseek-v3 a hundred times as dear in February: another is then chosen; a cent more changes nothing."""
    change = (
        '[[price_change]]\nmodel = "deepseek-v3"\nstart = 2027-02-01\nusd_per_mtok_in = 32\nusd_per_mtok_out = 89\n'
    )
    two = JANUARY.replace("months = 1", "months = 2")
    plan = planned(tmp_path, two, SUMMARIES, change)
    assert plan.recommendations[0].primary == "deepseek-v3"
    assert any("at the prices of 2027-02" in note and "deepseek-v3: plan again" in note for note in plan.notes)
    slight = change.replace("= 32", "= 0.33").replace("= 89", "= 0.9")
    assert planned(tmp_path, two, SUMMARIES, slight).notes == ()
