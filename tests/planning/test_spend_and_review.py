"""Forecasts from spend, and plans held against it."""

import datetime
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plan_samples import JANUARY, SUPPORT, planned

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.ledger import Event, SqliteLedger
from arbiter.planning.money import Money
from arbiter.planning.months import months_from
from arbiter.planning.review import NOT_TOLD, review_plan
from arbiter.planning.saved import plan_to_json, read_saved, saved_from_json
from arbiter.planning.segments import UNTOLD, Segments
from arbiter.planning.spend import DaySpend, daily, disagreement, forecast_spend, ledger_spend
from arbiter.records import Outcome

START = datetime.date(2027, 1, 1)
ONE = SUPPORT + 'models = ["gpt-4o"]\n'


def days(amounts: list[float], model: str = "gpt-4o", start: datetime.date = START) -> list[DaySpend]:
    """Give a day's spend per amount, of five thousand requests each."""
    return [
        DaySpend(day=start + datetime.timedelta(days=i), model=model, requests=5000, usd=usd)
        for i, usd in enumerate(amounts)
    ]


def test_single_costs_are_summed_by_day_and_model() -> None:
    """In order."""
    rows = [(START, "b", "x", 1.0), (START, "a", "", 2.0), (START, "b", "x", 3.0), (START, "b", "y", 5.0)]
    assert daily(rows) == (
        DaySpend(day=START, model="a", requests=1, usd=2.0),
        DaySpend(day=START, model="b", requests=2, usd=4.0, use_case="x"),
        DaySpend(day=START, model="b", requests=1, usd=5.0, use_case="y"),
    )


def test_a_flat_spend_is_carried_on(tmp_path: Path) -> None:
    """Ten dollars a day are 280 in February, with a band of the drift between periods alone."""
    found = forecast_spend(days([10.0] * 28), months_from(datetime.date(2027, 2, 1), 2))
    assert found is not None and found.weeks == 4 and found.growth_per_week == 0.0
    february = found.months["2027-02"]
    assert february.mean == pytest.approx(280.0)
    assert february.sd == pytest.approx(280 * 0.09)


def test_weeks_that_scatter_widen_the_forecast_by_hand() -> None:
    """Five weeks of 10, 12, 9, 11 and 13 dollars a day: no sure trend, a level of 11.25 by the last four.

    The scatter of the logarithms, by Student's t of three degrees, over the root of four weeks, beside a drift of 9 %;
    and in four weeks of February as many scatters more.
    """
    weeks = np.array([10.0, 12.0, 9.0, 11.0, 13.0])
    found = forecast_spend(days(np.repeat(weeks, 7).tolist()), months_from(datetime.date(2027, 2, 1), 1))
    assert found is not None and found.growth_per_week == 0.0
    february, scatter = found.months["2027-02"], np.log(weeks).std(ddof=1)
    assert february.mean == pytest.approx(28 * 11.25)
    assert february.common_sd == pytest.approx(28 * 11.25 * np.hypot(1.6377 / 1.28155 * scatter / 2, 0.09), rel=1e-4)
    assert february.own_var == pytest.approx((28 * 11.25 * scatter) ** 2 / 4)


def test_a_sure_trend_is_carried_on_and_a_short_record_is_not() -> None:
    """Ten per cent a week over eight weeks; two weeks are too few."""
    amounts = [10.0 * 1.1 ** (i // 7) for i in range(56)]
    found = forecast_spend(days(amounts), months_from(datetime.date(2027, 3, 1), 1))
    assert found is not None and found.growth_per_week == pytest.approx(0.1)
    assert found.months["2027-03"].mean > 31 * np.mean(amounts[-28:])
    assert forecast_spend(days([10.0] * 20), months_from(START, 1)) is None
    assert forecast_spend([], months_from(START, 1)) is None


def test_a_forecast_that_disagrees_with_the_plan_is_told() -> None:
    """Two months at ten dollars a day are 590: inside 500 +- 100 by 1.28 deviations, outside 400 +- 100."""
    found = forecast_spend(days([10.0] * 28), months_from(datetime.date(2027, 2, 1), 2))
    assert found is not None
    assert disagreement(found, Money(mean=500.0, common_sd=100.0)) == []
    told = disagreement(found, Money(mean=400.0, common_sd=100.0))
    assert len(told) == 1 and "come to $590.00" in told[0]


def test_a_plan_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """Cells to the last digit; what is no plan, or of another version, is refused in a line."""
    plan = planned(tmp_path, JANUARY, SUPPORT)
    (tmp_path / "p.json").write_text(plan_to_json(plan), encoding="utf-8")
    assert read_saved(tmp_path / "p.json").projection == plan.projection
    for text, told in (("[]", "is not a plan"), ("{", "is not a plan"), ('{"schema": 99}', "has schema 99")):
        with pytest.raises(InvalidInputError, match=told):
            saved_from_json(text, "x")
    with pytest.raises(InvalidInputError, match="cannot read the plan"):
        read_saved(tmp_path / "none.json")
    values = json.loads(plan_to_json(plan))
    assert values["totals"]["all"]["usd"] == pytest.approx(plan.projection.total().mean)


def test_a_review_by_hand(tmp_path: Path) -> None:
    """Planned $24.975 a day; ten days at $30 of 5,000 requests: above the band, 5 requests a day more, and dearer."""
    saved = saved_from_json(plan_to_json(planned(tmp_path, JANUARY, ONE)), "x")
    found = review_plan(saved, days([30.0] * 10))
    whole = found.rows[0]
    assert (found.start, found.end) == (START, START + datetime.timedelta(days=9))
    assert whole.planned_usd == pytest.approx(10 * 24.975) and whole.actual_usd == 300.0 and not whole.inside
    assert whole.by_requests == pytest.approx(10 * 5 * 0.005)
    assert whole.by_requests + whole.by_price == pytest.approx(300.0 - 249.75)
    assert review_plan(saved, days([24.975] * 10)).rows[0].inside


def test_models_that_were_not_planned_and_days_outside_are_seen(tmp_path: Path) -> None:
    """Another name of the log is told; what came before the plan does not count."""
    saved = saved_from_json(plan_to_json(planned(tmp_path, JANUARY, ONE)), "x")
    spent = [
        *days([25.0] * 3, "openai/gpt-4o"),
        *days([1.0], "stranger"),
        *days([9.0], start=datetime.date(2026, 1, 1)),
    ]
    found = review_plan(saved, spent, {"openai/gpt-4o": "gpt-4o"})
    assert {row.name: row.actual_usd for row in found.rows} == {"all": 76.0, "gpt-4o": 75.0, "stranger": 1.0}
    stranger = next(row for row in found.rows if row.name == "stranger")
    assert stranger.planned_usd == 0.0 and not stranger.inside
    with pytest.raises(InvalidInputError, match="no day in common"):
        review_plan(saved, days([1.0], start=datetime.date(2020, 1, 1)))


TWO = [ONE + 'segment = { user = "desk" }\n', ONE.replace('"support"', '"rest"')]


def test_a_request_belongs_to_the_one_segment_that_it_matches() -> None:
    """All labels of a segment must match; the use case without one gets the rest; what two claim is nobody's."""
    segments = Segments(cases={"de": {"user": "a", "task": "x"}, "fr": {"user": "a", "lang": "fr"}, "rest": {}})
    assert segments.columns == ("lang", "task", "user")
    assert segments.case_of({"user": "a", "task": "x"}) == "de"
    assert segments.case_of({"user": "a", "lang": "fr"}) == "fr"
    assert segments.case_of({"user": "a", "task": "x", "lang": "fr"}) == UNTOLD
    assert segments.case_of({"user": "a"}) == segments.case_of({}) == "rest"
    assert Segments(cases={"a": {}, "b": {}}).case_of({}) == UNTOLD


def test_a_review_tells_the_use_cases_apart(tmp_path: Path) -> None:
    """Both planned at $24.975 a day: the desk spent 30, the rest what was planned, and a dollar belongs to nobody."""
    saved = saved_from_json(plan_to_json(planned(tmp_path, JANUARY, *TWO)), "x")
    assert saved.segments.cases == {"support": {"user": "desk"}, "rest": {}}
    spent = [replace(day, use_case="support") for day in days([30.0] * 10)]
    spent += [replace(day, use_case="rest") for day in days([24.975] * 10)]
    spent += days([1.0])
    found = {row.name: row for row in review_plan(saved, spent).use_cases}
    assert found["support"].actual_usd == 300.0 and not found["support"].inside
    assert found["support"].by_requests + found["support"].by_price == pytest.approx(300.0 - 249.75)
    assert found["rest"].inside and found["rest"].planned_usd == pytest.approx(249.75)
    assert found[NOT_TOLD].actual_usd == 1.0 and found[NOT_TOLD].planned_usd == 0.0
    assert sum(row.actual_usd for row in found.values()) == pytest.approx(review_plan(saved, spent).rows[0].actual_usd)


def test_use_cases_that_the_record_does_not_tell_apart_are_not_guessed(tmp_path: Path) -> None:
    """A note says what is lacking; a plan of one use case needs none."""
    saved = saved_from_json(plan_to_json(planned(tmp_path, JANUARY, *TWO)), "x")
    found = review_plan(saved, days([30.0] * 10))
    assert found.use_cases == () and "just one segment (user)" in found.notes[0]
    one = saved_from_json(plan_to_json(planned(tmp_path, JANUARY, ONE)), "x")
    assert review_plan(one, days([30.0] * 10)).notes == ()


def test_a_part_of_a_month_is_weighed_by_the_week(tmp_path: Path) -> None:
    """1 to 3 January 2027 are a Friday and a weekend on which nobody works: one day of 21."""
    table = ONE + "weekly = [1, 1, 1, 1, 1, 0, 0]\n"
    saved = saved_from_json(plan_to_json(planned(tmp_path, JANUARY, table)), "x")
    whole = review_plan(saved, days([35.0, 0.0, 0.0])).rows[0]
    assert whole.planned_usd == pytest.approx(7000 * 0.999 * 0.005)


def test_a_ledger_gives_each_outcome_to_its_decisions_use_case(tmp_path: Path) -> None:
    """By the user of the decision; an outcome whose decision was pruned is nobody's."""
    made = cold_start_router(Catalog.default()).route(read_request("hi"), np.random.default_rng(0))
    with SqliteLedger(tmp_path / "l.db") as ledger:
        for name, user in (("a", "desk"), ("b", "other")):
            ledger.append(Event(record=replace(made, id=name, user=user), timestamp=0.0))
            ledger.append(Event(record=Outcome(decision_id=name, model="m", ok=True, cost_usd=1.0), timestamp=1.0))
        segments = Segments(cases={"support": {"user": "desk"}, "elsewhere": {"domain": "law", "user": "other"}})
        found = ledger_spend(ledger, segments)
        assert {row.use_case: row.usd for row in found} == {"support": 1.0, UNTOLD: 1.0}
        assert [row.usd for row in ledger_spend(ledger)] == [2.0]
