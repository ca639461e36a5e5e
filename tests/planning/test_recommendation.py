"""Who serves, who follows, and what is said of it."""

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from plan_samples import JANUARY, MODERATION, SUMMARIES, SUPPORT, planned

from arbiter.catalog import Catalog
from arbiter.planning import CaseHistory, History, ModelHistory, RoutingTrial
from arbiter.planning.gaps import find_gaps
from arbiter.planning.use_case import Limits, UseCase, Volume
from arbiter.vocabulary import Capability, GapSeverity, Strategy, Workload

CATALOG = Catalog.default()


def test_data_make_a_recommendation_sure(tmp_path: Path) -> None:
    """Two models that the catalog rates alike: a thousand judged answers of each raise the confidence to very high."""
    pair = SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n'
    before = planned(tmp_path, JANUARY, pair).recommendations[0]
    rng = np.random.default_rng(0)
    models = {
        "gpt-4o": ModelHistory(quality=rng.binomial(1, 0.95, 1000).astype(float)),
        "gemini-2.5-flash": ModelHistory(quality=rng.binomial(1, 0.85, 1000).astype(float)),
    }
    history = History(cases={"support": CaseHistory(requests=1000, models=models, comparable=True)})
    after = planned(tmp_path, JANUARY, pair, history=history).recommendations[0]
    assert after.primary == "gpt-4o" and after.confidence > 0.99 > before.confidence
    assert "1000 judged answers" in after.rationale[1] and "not measured" in before.rationale[1]


def test_the_confidence_by_hand(tmp_path: Path) -> None:
    """P(.81 +- .1 keeps .80) is Phi(.1); P(the better of two ratings is it) is Phi(gap / sqrt(.1^2 + .1^2))."""
    made = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n').recommendations[0]
    utilities = [made.row(model).utility for model in made.chain]
    assert utilities[0] is not None and utilities[1] is not None
    normal = NormalDist().cdf
    assert made.confidence == pytest.approx(normal(0.1) * normal((utilities[0] - utilities[1]) / 0.02**0.5))
    alone = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o"]\n').recommendations[0]
    assert alone.confidence == pytest.approx(normal(0.1))


@pytest.mark.parametrize(("beta", "shared"), [(0.3, 0.0003), (0.0, 0.0)])
def test_a_chain_of_one_vendor_shares_its_outages(tmp_path: Path, beta: float, shared: float) -> None:
    """Of two models that are each down a thousandth of the time, a share beta of it together."""
    pair = SUPPORT.replace("= 0.8", "= 0.7") + 'models = ["gpt-4o", "gpt-4o-mini"]\n'
    made = planned(tmp_path, JANUARY + f"common_cause = {beta}\n", pair).recommendations[0]
    alone = (0.001 - shared) / (1.0 - shared)
    assert 1.0 - made.availability == pytest.approx(shared + (1.0 - shared) * alone**2)


def test_a_model_that_retires_before_the_plan_starts_serves_nothing(tmp_path: Path) -> None:
    """Though its status still says available; a day later it may."""
    for date, barred in (("2027-01-01", True), ("2027-01-02", False)):
        catalog = CATALOG.replace("gpt-4o", deprecation_date=date)
        made = planned(tmp_path, JANUARY, SUPPORT, catalog=catalog).recommendations[0]
        assert (made.row("gpt-4o").missed == (f"retired on {date}",)) == barred
        assert (made.primary == "gpt-4o") != barred


def test_ninety_nine_of_a_hundred_requests_must_fit_into_the_window(tmp_path: Path) -> None:
    """60,000 +- 40,000 tokens: their 99th percentile is beyond gpt-4o's 128,000, half of them are not."""
    long = SUPPORT.replace("input_tokens = 800", "input_tokens = { mean = 60000, sd = 40000 }")
    made = planned(tmp_path, JANUARY, long.replace("= 10.0", "= 60.0")).recommendations[0]
    assert made.row("gpt-4o").missed[0].startswith("window 128000 < ")
    assert not made.row("gemini-2.5-flash").missed


def test_a_missed_latency_names_the_share_of_the_answers(tmp_path: Path) -> None:
    """Nine in ten of gpt-5's answers take longer than ten seconds."""
    made = planned(tmp_path, JANUARY, SUPPORT).recommendations[0]
    assert "latency that 0.9 of requests stay below" in made.row("gpt-5").missed[0]


def test_a_cheaper_model_that_is_not_known_to_be_worse_is_named(tmp_path: Path) -> None:
    """Ratings 0.81 and 0.80 with an error of 0.1 each do not tell the models apart; their prices do."""
    made = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n').recommendations[0]
    assert made.primary == "gpt-4o" and "gemini-2.5-flash keeps every limit too" in made.rationale[-1]


def trial(low: float, models: tuple[str, ...] = ("gpt-4o", "gemini-2.5-flash")) -> RoutingTrial:
    """Give a router that was tried on four requests, two to each model."""
    return RoutingTrial(
        policy="mine",
        requests=4,
        share=dict.fromkeys(models, 0.5),
        cost_usd={model: np.array([0.001, 0.002]) for model in models},
        cost_weight={model: np.ones(2) for model in models},
        quality=0.9,
        utility_gain=dict.fromkeys(models, low),
        single=models[0],
        single_cost_usd=0.005,
        single_quality=0.89,
    )


@pytest.mark.parametrize(("low", "policy"), [(0.01, "mine"), (-0.01, None)])
def test_a_router_is_recommended_where_it_beats_every_single_model(
    tmp_path: Path, low: float, policy: str | None
) -> None:
    """Beyond chance; then its traffic is projected: half to each model, at the costs of the requests they got."""
    history = History(cases={"support": CaseHistory(requests=4, models={}, routing=trial(low))})
    plan = planned(tmp_path, JANUARY, SUPPORT, history=history)
    assert plan.recommendations[0].policy == policy
    assert plan.returns[0].beats_all == (policy is not None)
    assert plan.returns[0].saved_usd == pytest.approx(31 * 5000 * (0.005 - 0.0015))
    assert plan.returns[0].roi == pytest.approx((31 * 5000 * 0.0035 - 24_000) / 24_000)  # thirty days of $800
    if policy is not None:
        assert plan.projection.total().mean == pytest.approx(31 * 5000 * 0.0015)
        assert {cell.requests for cell in plan.projection.cells} == {31 * 2500}


def test_a_router_that_calls_a_model_which_may_not_serve_is_not_recommended(tmp_path: Path) -> None:
    """However good it is."""
    found = trial(0.5, ("gpt-4o", "gpt-4o-mini"))  # the latter is below the floor
    history = History(cases={"support": CaseHistory(requests=4, models={}, routing=found)})
    made = planned(tmp_path, JANUARY, SUPPORT, history=history).recommendations[0]
    assert made.policy is None and "may not serve" in made.rationale[-1]


def test_gaps_by_severity() -> None:
    """Wanted and missing in a fallback, in the primary; required and missing there, and everywhere."""
    chain = [CATALOG["llama-3.1-8b"], CATALOG["gpt-4o-mini"]]
    limits = Limits(
        capabilities=frozenset({Capability.REASONING, Capability.VISION, Capability.TOOLS}),
        wanted=frozenset({Capability.JSON_MODE}),
    )
    case = UseCase(name="x", workload=Workload.BATCH, volume=Volume(per_day=1.0), limits=limits)
    found = {gap.capability: gap for gap in find_gaps(case, chain)}
    assert {name: gap.severity for name, gap in found.items()} == {
        Capability.REASONING: GapSeverity.BLOCKING,
        Capability.VISION: GapSeverity.SIGNIFICANT,
        Capability.JSON_MODE: GapSeverity.MODERATE,
    }
    assert found[Capability.REASONING].action == "find another model"
    backwards = {gap.capability: gap.severity for gap in find_gaps(case, chain[::-1])}
    assert backwards[Capability.VISION] is GapSeverity.MODERATE and backwards[Capability.JSON_MODE] is GapSeverity.MINOR


def test_a_named_availability_makes_the_chain_longer_or_is_told_short(tmp_path: Path) -> None:
    """One fallback by strategy, more where the promise asks for them; a promise out of reach is a relaxed limit."""
    usual = planned(tmp_path, JANUARY, SUMMARIES).recommendations[0]
    asked = planned(tmp_path, JANUARY, SUMMARIES + "min_availability = 0.999999\n").recommendations[0]
    assert len(usual.fallbacks) == 1 < len(asked.fallbacks) and asked.availability >= 0.999999
    alone = SUMMARIES + 'min_availability = 0.999999\nmodels = ["gpt-4o-mini"]\n'
    short = planned(tmp_path, JANUARY, alone).recommendations[0]
    assert [each.limit for each in short.relaxed] == ["min_availability"]


def test_declared_fallbacks_are_followed(tmp_path: Path) -> None:
    """In their order, to the end of the chain."""
    chain = '[fallbacks]\n"gpt-4o" = "gpt-4o-mini"\n"gpt-4o-mini" = "claude-haiku-4-5"\n'
    made = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o"]\n', chain).recommendations[0]
    assert made.fallbacks == ("gpt-4o-mini", "claude-haiku-4-5")
    assert any("the fallback gpt-4o-mini does not keep every limit" in said for said in made.rationale)


@pytest.mark.parametrize(
    ("old", "new", "strategy"),
    [
        ("criticality = 7", "criticality = 8", Strategy.QUALITY_FIRST),
        ("max_latency_s = 1.5", "max_latency_s = 5.0", Strategy.LOW_LATENCY),
        ('"real_time"', '"burst"', Strategy.LOW_LATENCY),
        ('"real_time"\n', '"burst"\nstrategy = "balanced"\n', Strategy.BALANCED),
    ],
)
def test_strategies_by_criticality_latency_and_workload(tmp_path: Path, old: str, new: str, strategy: Strategy) -> None:
    """In this order; what is asked for goes before all of them."""
    assert planned(tmp_path, JANUARY, MODERATION.replace(old, new)).recommendations[0].strategy is strategy


def test_serving_and_planning_agree_on_what_a_preset_forbids(tmp_path: Path) -> None:
    """Private is local, as in serving, and is never relaxed."""
    table = SUPPORT.replace("quality_floor = 0.8", "quality_floor = 0.5").replace("= 10.0", "= 60.0")
    plan = planned(tmp_path, JANUARY, table + 'strategy = "privacy_first"\n')
    assert plan.recommendations[0].chain == ("llama-3.1-8b-local",)
    assert plan.projection.total().mean == 0.0
