"""Laws of ensembles before they are asked."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.ensembles import LEAST_RESPONSES, joint_quality, plan_ensemble, read_aggregation, vote_weights
from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.loading import load_router
from arbiter.route_options import read_query
from arbiter.vocabulary import Aggregation

ROUTER = load_router()
QUERY = read_request("Prove that the square root of two is irrational.")


def joint(quality: list[float], aggregation: Aggregation) -> tuple[float, float]:
    alike, apart = joint_quality(np.array(quality), np.ones(len(quality)), aggregation)
    assert alike is not None and apart is not None
    return alike, apart


def test_three_voters_of_seven_in_ten_are_right_784_times_in_a_thousand() -> None:
    """Condorcet on paper: 0.7^3 + 3 x 0.7^2 x 0.3; voters that fail together are no better than one."""
    assert joint([0.7, 0.7, 0.7], Aggregation.MAJORITY_VOTE) == pytest.approx((0.7, 0.784))


def test_voters_that_fail_together_answer_as_the_median_voter() -> None:
    """Nested patterns: two of three are right exactly where the second best is."""
    assert joint([0.9, 0.5, 0.6], Aggregation.MAJORITY_VOTE)[0] == pytest.approx(0.6)


def test_the_best_of_three_misses_only_where_all_do() -> None:
    """1 - 0.3 x 0.4 x 0.5; together no more than the best of them."""
    assert joint([0.7, 0.6, 0.5], Aggregation.BEST_OF_N) == pytest.approx((0.7, 0.94))


def test_a_voter_of_great_weight_decides_alone() -> None:
    """Log-odds of 0.95 exceed twice those of 0.6, so that the joint answer is the first voter's."""
    weights = vote_weights(np.array([0.95, 0.6, 0.6]))
    assert weights[0] > weights[1:].sum()
    assert weights[1] == pytest.approx(math.log(1.5))
    assert joint([0.95, 0.6, 0.6], Aggregation.WEIGHTED_VOTE) == pytest.approx((0.95, 0.95))


@given(st.lists(st.floats(0.5, 1.0), min_size=2, max_size=6))
@settings(max_examples=100, deadline=None)
def test_the_best_weights_lose_to_no_member_and_to_no_equal_vote(quality: list[float]) -> None:
    """Nitzan and Paroush: independent voters weighed by log-odds beat each voter and the plain majority."""
    inside = [min(q, 0.99) for q in quality]
    weighted = joint(inside, Aggregation.WEIGHTED_VOTE)[1]
    assert weighted >= max(inside) - 1e-9
    assert weighted >= joint(inside, Aggregation.MAJORITY_VOTE)[1] - 1e-9


def test_the_first_valid_answer_is_the_fastest_and_what_is_written_anew_is_unknown() -> None:
    """No number where nothing is known."""
    quality, latency = np.array([0.9, 0.6]), np.array([3.0, 1.0])
    assert joint_quality(quality, latency, Aggregation.FIRST_VALID) == (0.6, 0.6)
    for new in (Aggregation.SYNTHESIZE, Aggregation.CONCATENATE):
        assert joint_quality(quality, latency, new) == (None, None)


@pytest.mark.parametrize("aggregation", list(Aggregation))
def test_a_plan_adds_up(aggregation: Aggregation) -> None:
    """Weights sum to 1, costs add, bounds are in order, and the gain is against the best alone."""
    plan = plan_ensemble(ROUTER, QUERY, aggregation, 3)
    assert sum(member.weight for member in plan.members) == pytest.approx(1.0)
    assert plan.cost_usd == pytest.approx(sum(member.estimate.cost_usd for member in plan.members))
    assert len({member.model for member in plan.members}) == 3
    times = [member.estimate.latency_s for member in plan.members]
    assert plan.latency_s == pytest.approx(min(times) if aggregation is Aggregation.FIRST_VALID else max(times))
    if plan.quality_if_alike is not None and plan.quality_if_independent is not None:
        assert plan.quality_if_alike <= plan.quality_if_independent + 1e-12
        assert plan.gain_if_alike is not None and plan.gain_if_independent is not None
        spread = plan.quality_if_independent - plan.quality_if_alike
        assert plan.gain_if_independent - plan.gain_if_alike == pytest.approx(spread)


def test_no_other_three_of_the_ten_do_better() -> None:
    """The chosen members have the greatest utility half-way between the bounds, against every single swap."""
    plan = plan_ensemble(ROUTER, QUERY, Aggregation.BEST_OF_N, 2)
    models = {member.model for member in plan.members}
    assert plan.quality_if_independent is not None and plan.quality_if_alike is not None
    outlook = ROUTER.outlook([QUERY])
    weighed = ROUTER.weigh(outlook, 0)
    expected, worth = weighed.expectation, weighed.expectation.weights
    ranked = [k for k in np.argsort(-expected.utility).tolist() if weighed.eligible[k]][:10]

    def middle(group: list[int]) -> float:
        alike, apart = joint_quality(expected.quality[group], expected.latency_s[group], Aggregation.BEST_OF_N)
        assert alike is not None and apart is not None
        spent = worth.quality_per_usd * expected.cost_usd[group].sum()
        return float(0.5 * (alike + apart) - spent - worth.quality_per_s * expected.latency_s[group].max())

    found = max(([i, j] for i in ranked for j in ranked if i < j), key=middle)
    assert {ROUTER.catalog.names[k] for k in found} == models


def test_what_cannot_be_asked_is_refused_in_words() -> None:
    """Too few for the aggregation, too many, more than are eligible, an unknown name."""
    with pytest.raises(InvalidInputError, match="takes 3 to 7 members, got 2"):
        plan_ensemble(ROUTER, QUERY, Aggregation.MAJORITY_VOTE, 2)
    with pytest.raises(InvalidInputError, match="got 8"):
        plan_ensemble(ROUTER, QUERY, Aggregation.FIRST_VALID, 8)
    one = read_query(QUERY, {"allow": frozenset({"gpt-4o"})})
    with pytest.raises(InvalidInputError, match="1 candidates are eligible"):
        plan_ensemble(ROUTER, one, Aggregation.MAJORITY_VOTE, 3)
    with pytest.raises(InvalidInputError, match="majority_vote, weighted_vote"):
        read_aggregation("vote")
    assert set(LEAST_RESPONSES) == set(Aggregation)
