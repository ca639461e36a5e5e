"""Laws of rivals on simulated streams."""

from pathlib import Path

import numpy as np
import pytest
from fake_minilm import fake_teacher
from small_world import DEAR, small_learned, small_truth

from arbiter.errors import InvalidInputError
from arbiter_training.simulator import (
    Newcomer,
    Outage,
    Player,
    PriceChange,
    QualityChange,
    Scenario,
    Trace,
    TrafficChange,
)
from arbiter_training.simulator.compare import Contest, simulate
from arbiter_training.simulator.course import Course
from arbiter_training.simulator.page import lines, render
from arbiter_training.simulator.rivals import Offer, Rival, play
from arbiter_training.simulator.roster import COLD, PARETO, WARM, rivals_of

BUDGET = 0.004


@pytest.fixture(scope="module")
def player() -> Player:
    return Player(small_learned().router, small_truth(240, seed=1), small_truth(160, seed=0))


@pytest.fixture(scope="module")
def everybody(player: Player, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rival]:
    pytest.importorskip("pareto_bandit")
    patch = pytest.MonkeyPatch()
    patch.setattr("arbiter_training.simulator.roster.teacher_named", fake_teacher)
    made = rivals_of((COLD, WARM, PARETO), player, "", tmp_path_factory.mktemp("rivals"))
    patch.undo()
    return dict(zip((COLD, WARM, PARETO), made, strict=True))


def trace(player: Player, rival: Rival, scenario: Scenario, seed: int = 0) -> Trace:
    course = Course.of(player.truth, player.scored_from, scenario, seed)
    return play(rival, course, BUDGET, seed, player.scored_from.quality)


def test_everybody_meets_the_same_course(player: Player) -> None:
    """The order, the judged answers and the newcomer's scores hang on the seed and the scenario alone."""
    scenario = Scenario(feedback_rate=0.5, newcomer=Newcomer(model=DEAR, at=0.5, scored=20))
    one, same, other = (Course.of(player.truth, player.scored_from, scenario, seed) for seed in (1, 1, 2))
    for name in ("order", "judged", "scored"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(player.play(scenario, 1).true_quality, one.quality)


def test_a_kind_of_request_becomes_frequent_and_every_request_still_comes_once(player: Player) -> None:
    """Of weight 1 to 9 before, all that are left after: odds by hand, within three binomial errors over 20 seeds."""
    texts = np.array(["theorem" in query.text for query in player.truth.queries])
    n, cut = player.truth.n, player.truth.n // 4
    found, kind = [], texts.mean()
    for seed in range(20):
        scenario = Scenario(traffic=TrafficChange(holds="THEOREM", at=0.25, factor=9.0))
        order = Course.of(player.truth, player.scored_from, scenario, seed).order
        assert sorted(order.tolist()) == list(range(n))
        found.append(texts[order[:cut]].mean())
    drawn = 1.0 - cut / n  # a request is drawn where its clock rings before t; that of the kind runs at a ninth
    rest = np.linspace(drawn - 0.2, 1.0, 4001)[1:]
    t = -np.log(rest)
    left = kind * np.exp(-t / 9.0) + (1.0 - kind) * np.exp(-t)
    at = t[np.abs(left - drawn).argmin()]
    expected = kind * (1.0 - np.exp(-at / 9.0)) / (1.0 - drawn)
    assert np.mean(found) == pytest.approx(expected, abs=3.0 * np.sqrt(expected / (20 * cut)))
    with pytest.raises(InvalidInputError, match="no prompt holds 'zebra'"):
        player.play(Scenario(traffic=TrafficChange(holds="zebra")), 0)


def test_turns_are_where_prices_move_and_the_newcomer_joins(player: Player) -> None:
    """And the factors that are told there are those of the scenario."""
    prices = (PriceChange(model=DEAR, at=0.25, factor=10.0), PriceChange(model=DEAR, at=0.75, factor=0.5))
    scenario = Scenario(prices=prices, newcomer=Newcomer(model=DEAR, at=0.5))
    course, k = Course.of(player.truth, player.scored_from, scenario, 0), player.truth.models.index(DEAR)
    assert course.turns == (60, 120, 180)
    assert [course.price_moves(t) for t in course.turns] == [{k: 10.0}, {}, {k: 0.5}]
    assert not course.present(119)[k] and course.present(120)[k]


@pytest.mark.parametrize("name", [COLD, WARM, PARETO])
def test_a_rival_answers_with_who_is_there_and_a_seed_repeats_it(
    player: Player, everybody: dict[str, Rival], name: str
) -> None:
    """Out means no traffic, before joining too; one model answers each request."""
    k = player.truth.models.index(DEAR)
    scenario = Scenario(outages=(Outage(model=DEAR, start=0.25, end=0.5),))
    found, again = (trace(player, everybody[name], scenario) for _ in range(2))
    np.testing.assert_array_equal(found.drawn, again.drawn)
    assert not (found.drawn[60:120] == k).any()
    np.testing.assert_allclose(found.shares.sum(axis=1), 1.0)
    joined = trace(player, everybody[name], Scenario(newcomer=Newcomer(model=DEAR, at=0.5, scored=30)))
    assert not (joined.drawn[:120] == k).any() and (joined.drawn[120:] == k).any()


def test_the_warm_one_begins_where_the_cold_one_has_to_get(player: Player, everybody: dict[str, Rival]) -> None:
    """Of the first fifty requests it answers more in the better way; both learn, so the last ones are alike."""
    worth = 10.0
    found = {name: trace(player, everybody[name], Scenario()) for name in (COLD, WARM)}
    utility = {name: t.quality - worth * t.cost_usd for name, t in found.items()}
    assert utility[WARM][:50].mean() > utility[COLD][:50].mean()
    assert utility[WARM].mean() > utility[COLD].mean()


def test_the_warm_one_leaves_a_model_that_fell(player: Player, everybody: dict[str, Rival]) -> None:
    """Worthless answers cost a model traffic, though what it starts with holds against them for long."""
    k = player.truth.models.index(DEAR)
    change = (QualityChange(model=DEAR, at=0.3, factor=0.01),)
    fallen, well = (trace(player, everybody[WARM], Scenario(quality=q)).drawn[-60:] == k for q in (change, ()))
    assert fallen.mean() < 0.8 * well.mean()


def test_linucb_by_hand(player: Player, everybody: dict[str, Rival]) -> None:
    """Without knowledge every bound is the same, so that the cheapest answers; one bad judgement moves the next."""
    learner = everybody[COLD].start(np.ones(3, dtype=np.bool_), BUDGET, 0)
    offer = Offer(row=0, present=np.ones(3, dtype=np.bool_), prices=np.ones(3))
    cheapest = int(player.outlook.expectation.cost_usd[0].argmin())
    first = player.truth.models.index(player.router.catalog.names[cheapest])
    assert learner.choose(offer) == first
    for _ in range(5):
        learner.learn(0, first, -1.0)
    assert learner.choose(offer) != first


def test_who_knows_no_budget_sits_out_a_paced_stream_and_is_named(player: Player, everybody: dict[str, Rival]) -> None:
    """On the terminal and on the page; without a budget nobody sits out."""
    rival = next(one for one in everybody.values() if not one.paces)
    contest = Contest(player=player, rivals=(rival,), alone=False)
    paced = simulate(contest, Scenario(budget_usd=0.002), range(1), lambda _: None)
    assert paced.idle == (rival.name,)
    assert any(f"{rival.name} did not play" in line for line in lines(paced)) and "did not play" in render(paced)
    free = simulate(contest, Scenario(), range(1), lambda _: None)
    assert free.idle == () and rival.name in [row.name for row in free.rows]


def test_unknown_rivals_are_named(player: Player, tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(InvalidInputError, match="no rival nobody; there are linucb-cold, linucb-warm, paretobandit"):
        rivals_of(("nobody",), player, "", tmp_path)
