"""Laws of evaluation: exact where everything was seen, right on average where not, silent where it cannot be known."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import CHEAP, COST_USD, DEAR, MIDDLE, small_learned, small_log, small_truth

from arbiter.catalog import catalog_for_log
from arbiter.errors import InvalidInputError, NotEvaluableError
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.policies import GreedyPolicy
from arbiter_training.evaluation.evaluate import Evaluator
from arbiter_training.evaluation.logs import cross_fitted, log_of, priced
from arbiter_training.evaluation.records import EvaluationReport, LogSummary, PolicyFamily
from arbiter_training.evaluation.routers import (
    cheapest_keeping,
    evaluator_of,
    frontier,
    policies_of,
    switching_values,
)
from arbiter_training.simulate import Uniform, simulate_log
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.traffic import OutcomeMatrix, pivot, traffic_from_records

SUMMARY = LogSummary(source="s", fingerprint="f", n_requests=1, models=(), kind="k", protocol="p")
QUALITY = {"a": [1.0, 0.0, 1.0, 0.0], "b": [0.5, 0.5, 0.5, 0.9]}
COST = {"a": [1.0, 1.0, 2.0, 2.0], "b": [4.0, 4.0, 4.0, 8.0]}


def tiny(**changes: object) -> OutcomeMatrix:
    """Give four requests that two models answered, with numbers to work with on paper."""
    rows = [
        {
            "request_id": f"{i}",
            "prompt": f"p{i}",
            "model": m,
            "quality": QUALITY[m][i],
            "cost_usd": COST[m][i],
            **changes,
        }
        for i in range(4)
        for m in ("a", "b")
    ]
    return pivot(traffic_from_records(rows))


def tiny_evaluator(outcomes: OutcomeMatrix) -> Evaluator:
    log = log_of(outcomes)
    q_hat = {name: np.zeros((4, 2)) for name in log.outcomes}
    return Evaluator(log=log, models=outcomes.models, q_hat=q_hat, summary=SUMMARY)


@pytest.fixture(scope="module")
def by_hand() -> EvaluationReport:
    """Evaluate a policy that asks a, a, b and a coin."""
    probs = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    family = PolicyFamily(
        name="f", quality_per_usd=np.array([0.0, 9.0]), action_probs=np.stack([probs, probs[:, ::-1]])
    )
    return tiny_evaluator(tiny()).report({"mine": probs}, (family,))


def value(report: EvaluationReport, row: str, outcome: str) -> float:
    measured = report.row(row).outcomes[outcome]
    assert measured is not None
    return measured.value


def test_full_information_gives_the_means_by_hand(by_hand: EvaluationReport) -> None:
    """(1 + 0 + 0.5 + 0.45) / 4 and (1 + 1 + 4 + 5) / 4; b is best single with 0.6 at 5; random is halfway."""
    assert value(by_hand, "mine", "quality") == pytest.approx(0.4875)
    assert value(by_hand, "mine", "cost_usd") == pytest.approx(2.75)
    assert by_hand.baseline == "best-single (b)"
    assert value(by_hand, "best-single (b)", "quality") == pytest.approx(0.6)
    assert value(by_hand, "random", "cost_usd") == pytest.approx((1.5 + 5.0) / 2)
    difference = by_hand.row("mine").differences["quality"]
    assert difference is not None and difference.value == pytest.approx(0.4875 - 0.6)
    assert by_hand.row("mine").shares == {"a": 0.625, "b": 0.375}


def test_constants_hull_and_curve_by_hand(by_hand: EvaluationReport) -> None:
    """Points (cost, quality) of a and b span the hull; the curve is sorted by cost, not by setting."""
    assert by_hand.fixed_models == {"a": pytest.approx((1.5, 0.5)), "b": pytest.approx((5.0, 0.6))}
    assert by_hand.hull == (pytest.approx((1.5, 0.5)), pytest.approx((5.0, 0.6)))
    (curve,) = by_hand.frontiers
    assert [(p.quality_per_usd, p.cost_usd) for p in curve.points] == [(0.0, 2.75), (9.0, pytest.approx(3.75))]


def test_rows_are_the_policies_asked_for_and_then_the_baselines(by_hand: EvaluationReport) -> None:
    """In this order, each once."""
    assert [row.name for row in by_hand.rows] == ["mine", "best-single (b)", "random"]


def test_a_policy_of_another_shape_is_refused() -> None:
    """The shapes are named."""
    with pytest.raises(InvalidInputError, match=r"policy 'p' gives \(3, 2\), the log is \(4, 2\)"):
        tiny_evaluator(tiny()).report({"p": np.full((3, 2), 0.5)})


def test_a_log_without_costs_knows_quality_alone() -> None:
    """The best single model is found by its quality; there is no curve and no hull."""
    report = tiny_evaluator(tiny(cost_usd=None)).report(
        {}, (PolicyFamily(name="f", quality_per_usd=np.zeros(1), action_probs=np.full((1, 4, 2), 0.5)),)
    )
    assert report.baseline == "best-single (b)"
    assert (report.hull, report.fixed_models, report.frontiers[0].points) == ((), {}, ())
    assert set(report.row("random").outcomes) == {"quality"}


def test_costs_are_told_by_token_counts_where_the_log_has_none() -> None:
    """Tokens times list price, cell by cell; a cost that was logged stays."""
    rows = [
        {"request_id": "1", "prompt": "p", "model": CHEAP, "input_tokens": 100, "output_tokens": 10, "quality": 1.0},
        {"request_id": "1", "prompt": "p", "model": DEAR, "input_tokens": 100, "output_tokens": 10, "cost_usd": 7.0},
        {"request_id": "2", "prompt": "q", "model": CHEAP, "quality": 1.0},
    ]
    outcomes = pivot(traffic_from_records(rows))
    catalog = catalog_for_log(outcomes.models)
    found = priced(outcomes, catalog).cost_usd
    cheap = catalog[CHEAP]
    expected = (100 * cheap.usd_per_mtok_in + 10 * cheap.usd_per_mtok_out) / 1e6
    np.testing.assert_allclose(found, [[7.0, expected], [np.nan, np.nan]])


def test_what_a_log_cannot_tell_is_said() -> None:
    """No propensities; no judgement at all."""
    one = small_log().select(np.arange(30))
    with pytest.raises(NotEvaluableError, match="30 of 30 logged answers carry no propensity"):
        log_of(pivot(replace(one, propensity=np.full(30, np.nan))))
    with pytest.raises(NotEvaluableError, match="holds no quality"):
        log_of(tiny(quality=None))


def test_outcome_models_do_not_see_their_own_fold() -> None:
    """Changing all outcomes of one fold leaves that fold's predictions, and moves the others'."""
    truth = small_truth()
    catalog, folds = catalog_for_log(truth.models), fold_numbers(groups_of(truth), 3, 0)
    batch = small_learned().router.features.transform(truth.queries)
    before = cross_fitted(truth, batch, catalog, folds)
    mine = folds == 1
    changed = replace(
        truth,
        quality=np.where(mine[:, None], 1.0 - truth.quality, truth.quality),
        cost_usd=np.where(mine[:, None], 3.0 * truth.cost_usd, truth.cost_usd),
        latency_s=np.where(mine[:, None], 3.0 * truth.latency_s, truth.latency_s),
    )
    after = cross_fitted(changed, batch, catalog, folds)
    for outcome in ("quality", "cost_usd", "latency_s"):
        np.testing.assert_array_equal(before[outcome][mine], after[outcome][mine])
        assert (before[outcome][~mine] != after[outcome][~mine]).all()


def test_the_estimate_from_a_log_covers_the_truth() -> None:
    """Doubly robust intervals from one answer in three against full information: 95 % each, at most 3 of 20 may miss.

    With coverage 0.93 the chance of more than 3 misses in 20 independent ones is 0.05; the seeds are fixed.
    """
    truth, router = small_truth(200, 5), small_learned().router
    probs = router.action_probabilities(router.outlook(truth.queries))
    misses = 0
    for seed in range(10):
        log = simulate_log(truth, Uniform(), seed)
        report = evaluator_of(log, router.features, router.catalog, SUMMARY).report({"router": probs})
        for name, policy in (("router", probs), ("random", np.full_like(probs, 1 / 3))):
            measured = report.row(name).outcomes["quality"]
            assert measured is not None and measured.low is not None and measured.high is not None
            exact = float((policy * truth.quality).sum(axis=1).mean())
            misses += not measured.low <= exact <= measured.high
    assert misses <= 3


# routers as policies


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    return small_learned().router.outlook(small_truth(40, 7).queries).expectation


def chosen_cost(expectation: Expectation, worth: float) -> np.ndarray:
    weighed = expectation.weighed(UtilityWeights(quality_per_usd=worth))
    eligible = np.ones(expectation.quality.shape, dtype=bool)
    probs = GreedyPolicy().action_probabilities(np.zeros((len(eligible), 1)), eligible, weighed)
    return np.asarray((probs * expectation.cost_usd).sum(axis=1))


def test_switching_values_ascend_from_free_to_all_on_the_cheapest(expectation: Expectation) -> None:
    """0 first, where quality alone decides; the last sends every request to its cheapest candidate."""
    values = switching_values(expectation, 24)
    assert len(values) == 24 and values[0] == 0.0 and (np.diff(values) >= 0).all()
    np.testing.assert_allclose(chosen_cost(expectation, float(values[-1])), expectation.cost_usd.min(axis=1))


def test_the_more_a_dollar_is_worth_the_cheaper_each_request(expectation: Expectation) -> None:
    """Request by request the chosen candidate's cost never rises, so the set on cheaper ones only grows."""
    costs = np.stack([chosen_cost(expectation, float(v)) for v in switching_values(expectation, 24)])
    assert (np.diff(costs, axis=0) <= 1e-15).all()
    on_cheaper = (costs < costs[0]).sum(axis=1)
    assert on_cheaper[0] == 0 and (np.diff(on_cheaper) >= 0).all() and on_cheaper[-1] > 0


def test_switching_values_of_candidates_that_never_trade_off() -> None:
    """Where the best is the cheapest everywhere there is one setting."""
    ones = np.ones((5, 2))
    flat = Expectation(
        quality=ones * [0.9, 0.5], quality_se=ones, cost_usd=ones * [1.0, 2.0], latency_s=ones, output_tokens=ones
    )
    np.testing.assert_array_equal(switching_values(flat, 24), [0.0])


def test_a_frontier_falls_in_expected_cost(expectation: Expectation) -> None:
    """Along its settings; every row of every setting is a distribution."""
    router, queries = small_learned().router, small_truth(40, 7).queries
    family = frontier(router, router.outlook(queries), "f")
    assert family.action_probs.shape == (24, 40, 3)
    np.testing.assert_allclose(family.action_probs.sum(axis=2), 1.0)
    cost = (family.action_probs * expectation.cost_usd).sum(axis=2).mean(axis=1)
    assert (np.diff(cost) <= 1e-15).all()


def test_the_frontier_of_the_small_world_lies_above_the_hull() -> None:
    """Easy requests to the cheap model and hard ones to the dear one beat every mixture of constant models."""
    truth, router = small_truth(60, 3), small_learned().router
    outlook = router.outlook(truth.queries)
    evaluator = evaluator_of(truth, router.features, router.catalog, SUMMARY)
    report = evaluator.report(policies_of(router, outlook), (frontier(router, outlook),))
    costs, qualities = np.array(report.hull).T
    middle = [p for p in report.frontiers[0].points if COST_USD[MIDDLE] < p.cost_usd < 0.7 * COST_USD[DEAR]]
    assert middle
    assert all(p.quality > np.interp(p.cost_usd, costs, qualities) + 0.05 for p in middle)
    assert [p.cost_usd for p in report.frontiers[0].points] == sorted(p.cost_usd for p in report.frontiers[0].points)


def test_what_a_router_does_includes_its_exploration() -> None:
    """Under its own name as it serves; greedy beside it."""
    router, queries = small_learned().router, small_truth(40, 7).queries
    serving, greedy = policies_of(router, router.outlook(queries), "r").values()
    assert (serving.max(axis=1) < 1.0).all()
    assert set(np.unique(greedy)) == {0.0, 1.0}


def test_the_cheapest_setting_keeps_what_it_must(expectation: Expectation) -> None:
    """The greatest worth found keeps the goal, twice as much would not; keeping less allows more."""
    eligible = np.ones(expectation.quality.shape, dtype=bool)
    goal = 0.95 * expectation.quality.mean(axis=0).max()

    def quality(worth: float) -> float:
        weighed = expectation.weighed(UtilityWeights(quality_per_usd=worth))
        probs = GreedyPolicy().action_probabilities(np.zeros((len(eligible), 1)), eligible, weighed)
        return float((probs * expectation.quality).sum(axis=1).mean())

    found = cheapest_keeping(expectation, eligible, 0.95)
    assert quality(found) >= goal > quality(4 * found + 1.0)
    assert cheapest_keeping(expectation, eligible, 0.5) >= found >= cheapest_keeping(expectation, eligible, 1.0)
