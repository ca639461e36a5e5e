"""Laws of simulated streams, on the small world."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import CHEAP, DEAR, small_learned, small_truth

from arbiter.errors import InvalidInputError
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings, GreedyPolicy
from arbiter.router import Router
from arbiter_training.simulator import (
    Newcomer,
    Outage,
    Player,
    PriceChange,
    QualityChange,
    Scenario,
    TrafficChange,
    read_scenario,
)


@pytest.fixture(scope="module")
def router() -> Router:
    """Give a router that decides with the bandit alone."""
    learned = small_learned().router
    settings = BanditSettings(gate=GateSettings.fixed(1.0), noise_sd=0.1)
    return replace(learned, policy=BanditPolicy.fresh(len(learned.catalog), learned.context_map.dim, settings))


def player(router: Router) -> Player:
    return Player(router, small_truth(240, seed=1), small_truth(160, seed=0))


def test_a_stream_is_the_traffic_once_and_the_seed_gives_it_again(router: Router) -> None:
    """Probabilities sum to 1, the model drawn had a chance, truth is the traffic's, and a seed repeats everything."""
    trace, again, other = (player(router).play(Scenario(), seed) for seed in (3, 3, 4))
    np.testing.assert_allclose(trace.shares.sum(axis=1), 1.0)
    assert (trace.shares[np.arange(240), trace.drawn] > 0).all()
    truth = small_truth(240, seed=1)
    np.testing.assert_allclose(np.sort(trace.true_quality.sum(axis=1)), np.sort(truth.quality.sum(axis=1)))
    np.testing.assert_array_equal(trace.shares, again.shares)
    assert not np.array_equal(trace.drawn, other.drawn)


def test_what_is_expected_is_the_mean_of_what_is_drawn(router: Router) -> None:
    """The quality expected over the chances lies within five standard errors of that of the models drawn."""
    trace = player(router).play(Scenario(feedback_rate=0.0), 0)
    drawn = trace.true_quality[np.arange(240), trace.drawn]
    difference = drawn - trace.quality
    assert abs(difference.mean()) <= 5.0 * difference.std() / np.sqrt(240) + 1e-12


def test_without_feedback_nothing_is_learned(router: Router) -> None:
    """The shares of the same request do not move, and a static policy never moves."""
    one, two = player(router).play(Scenario(feedback_rate=0.0), 0), player(router).play(Scenario(), 0)
    static = player(replace(router, policy=GreedyPolicy())).play(Scenario(), 0)
    np.testing.assert_array_equal(one.shares[0], two.shares[0])
    assert not np.allclose(one.shares, two.shares)
    assert set(np.unique(static.shares).tolist()) == {0.0, 1.0}


def test_a_silent_loss_is_found_by_feedback(router: Router) -> None:
    """The dear model's answers become worthless: it keeps its traffic without feedback and loses it with."""
    change = (QualityChange(model=DEAR, at=0.3, factor=0.01),)
    k = small_truth(240, seed=1).models.index(DEAR)
    with_, without = (
        player(router).play(Scenario(quality=change, feedback_rate=rate), 0).shares[-60:, k].mean()
        for rate in (1.0, 0.0)
    )
    assert with_ < 0.5 * without


def test_late_feedback_is_late(router: Router) -> None:
    """With a delay beyond the stream nothing is learned in it."""
    late, never = (player(router).play(s, 0) for s in (Scenario(delay=1000), Scenario(feedback_rate=0.0)))
    np.testing.assert_allclose(late.shares[:5], never.shares[:5])
    assert late.bandit_share[-1] == never.bandit_share[-1]


def test_who_is_out_gets_nothing_and_comes_back(router: Router) -> None:
    """Between the two ends of an outage only."""
    trace = player(router).play(Scenario(outages=(Outage(model=DEAR, start=0.25, end=0.5),)), 0)
    k = small_truth(240, seed=1).models.index(DEAR)
    assert not trace.shares[60:120, k].any()
    assert trace.shares[:60, k].any() and trace.shares[120:, k].any()


def test_a_price_acts_from_its_place_on(router: Router) -> None:
    """True costs rise there, and the router, being told, sends less to the model."""
    trace = player(router).play(Scenario(prices=(PriceChange(model=DEAR, at=0.5, factor=100.0),)), 0)
    truth, k = small_truth(240, seed=1), small_truth(240, seed=1).models.index(DEAR)
    assert trace.true_cost_usd[120:, k].mean() == pytest.approx(100.0 * truth.cost_usd[:, k].mean(), rel=0.05)
    assert trace.shares[120:, k].mean() < trace.shares[:120, k].mean()


def test_a_newcomer_is_absent_before_its_place(router: Router) -> None:
    """And gets traffic after it; the others keep theirs before."""
    trace = player(router).play(Scenario(newcomer=Newcomer(model=DEAR, at=0.5, scored=30)), 0)
    k = small_truth(240, seed=1).models.index(DEAR)
    assert not trace.shares[:120, k].any()
    assert trace.shares[120:, k].any()
    np.testing.assert_allclose(trace.shares.sum(axis=1), 1.0)


def test_a_budget_is_kept(router: Router) -> None:
    """What was spent lies within a tenth of what came in: 240 requests, each dear one 3 % of the whole."""
    trace = player(router).play(Scenario(budget_usd=0.002), 0)
    assert trace.spent_usd.mean() == pytest.approx(0.002, rel=0.1)


def test_scenarios_are_read_and_slips_are_named(tmp_path: Path, router: Router) -> None:
    """Events as tables; an unknown key, a share beyond 1, a model that the traffic lacks."""
    path = tmp_path / "drop.toml"
    events = f'[[quality]]\nmodel = "{DEAR}"\nat = 0.25\nfactor = 0.5\n[traffic]\nholds = "proof"\n'
    path.write_text(f"feedback_rate = 0.1\ndelay = 200\n{events}")
    found = read_scenario(path)
    assert found == Scenario(
        name="drop",
        feedback_rate=0.1,
        delay=200,
        quality=(QualityChange(model=DEAR, at=0.25, factor=0.5),),
        traffic=TrafficChange(holds="proof"),
    )
    for text, message in (
        ("feedback_rat = 1", "feedback_rat"),
        ("delay = -1", "delay must be 0 or more"),
        (f'[[outages]]\nmodel = "{DEAR}"\nstart = 0.9\nend = 0.1', "an outage ends after its start, that of"),
        (f'[newcomer]\nmodel = "{DEAR}"\nscored = -1', "a newcomer's scored answers are 0 or more, got -1"),
    ):
        path.write_text(text)
        with pytest.raises(InvalidInputError, match=message):
            read_scenario(path)
    with pytest.raises(InvalidInputError, match="no model nobody; there are"):
        player(router).play(Scenario(quality=(QualityChange(model="nobody"),)), 0)
    with pytest.raises(InvalidInputError, match="the router knows"):
        Player(replace(router, catalog=router.catalog.replace(CHEAP, name="x")), small_truth(), small_truth())
