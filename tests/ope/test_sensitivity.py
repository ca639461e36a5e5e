"""Bounds under unrecorded causes: nested, exact at their corners, and true for causes within them."""

import itertools

import numpy as np
import pytest

from arbiter.ope import LoggedFeedback, estimate, sensitivity_bounds, tipping_gamma


def test_a_factor_of_one_is_the_estimate(simulate):
    """Both ends equal SNIPS and IPS, with a model SNDR and DR."""
    world = simulate(400, seed=1)
    plain = estimate(world.log, world.action_probs, world.q_hat)["reward"]
    bare = sensitivity_bounds(world.log, world.action_probs, "reward", None, (1.0,))[0]
    model = sensitivity_bounds(world.log, world.action_probs, "reward", world.q_hat, (1.0,))[0]
    assert bare.snips == pytest.approx((plain["snips"].value,) * 2)
    assert bare.ips == pytest.approx((plain["ips"].value,) * 2)
    assert model.snips == pytest.approx((plain["sndr"].value,) * 2)
    assert model.ips == pytest.approx((plain["dr"].value,) * 2)


def test_bounds_equal_those_of_trying_every_corner():
    """Ten requests, all 1,024 corners of the box: the same least and largest ratio."""
    rng = np.random.default_rng(2)
    action, reward, p = rng.integers(0, 2, 10), rng.normal(size=10), rng.uniform(0.2, 0.8, 10)
    policy = rng.dirichlet([1, 1], 10)
    log = LoggedFeedback.from_bandit(action, reward, p, 2)
    mass, odds = policy[np.arange(10), action], 1 / p - 1
    ends = np.stack([1 + odds / 2.0, 1 + odds * 2.0])
    corners = [mass * ends[list(pick), np.arange(10)] for pick in itertools.product((0, 1), repeat=10)]
    ratios = [(v @ reward) / v.sum() for v in corners]
    sums = [(v @ reward) / 10 for v in corners]
    found = sensitivity_bounds(log, policy, "reward", None, (2.0,))[0]
    assert found.snips == pytest.approx((min(ratios), max(ratios)))
    assert found.ips == pytest.approx((min(sums), max(sums)))


def test_bounds_are_nested(simulate):
    """A greater factor never narrows them, and the interval holds the range."""
    world = simulate(400, seed=3)
    found = sensitivity_bounds(world.log, world.action_probs, "reward", world.q_hat)
    for small, large in itertools.pairwise(found):
        assert large.snips[0] < small.snips[0] and large.snips[1] > small.snips[1]
        assert large.ips[0] < small.ips[0] and large.ips[1] > small.ips[1]
    assert all(b.interval[0] < b.snips[0] and b.snips[1] < b.interval[1] for b in found)


def test_a_hidden_cause_within_the_factor_stays_within_the_bounds():
    """A cause that doubles or halves the odds of the choice and moves the reward: plain estimate wrong, bounds hold."""
    rng = np.random.default_rng(4)
    n = 20000
    cause = rng.random(n) < 0.5
    # Odds 2 with the cause, 1/2 without: the log alone shows a fair coin, whose odds are 1.
    p_one = np.where(cause, 2 / 3, 1 / 3)
    action = (rng.random(n) < p_one).astype(int)
    reward = (rng.random(n) < np.where(cause, 0.9, 0.3)).astype(float)
    log = LoggedFeedback.from_bandit(action, reward, np.full(n, 0.5), 2)
    one = np.tile([0.0, 1.0], (n, 1))
    found = {b.gamma: b for b in sensitivity_bounds(log, one, "reward", None, (1.0, 2.0))}
    assert found[1.0].interval[0] > 0.6 + 0.05
    assert found[2.0].interval[0] <= 0.6 <= found[2.0].interval[1]
    assert 1.5 < tipping_gamma(log, one, "reward", 0.6) <= 2.05


def test_the_tipping_point_is_where_the_bound_meets_the_reference(simulate):
    """At it the reference is an end of the range, below it outside; far references are never met."""
    world = simulate(400, seed=5)
    value = estimate(world.log, world.action_probs)["reward"]["snips"].value
    tip = tipping_gamma(world.log, world.action_probs, "reward", value - 0.1)
    at = sensitivity_bounds(world.log, world.action_probs, "reward", None, (tip,))[0]
    assert at.snips[0] == pytest.approx(value - 0.1, abs=1e-3)
    assert tipping_gamma(world.log, world.action_probs, "reward", value) == 1.0
    assert tipping_gamma(world.log, world.action_probs, "reward", 5.0) == np.inf


def test_wrong_inputs_are_named(simulate):
    """Factors below one, full information and unknown outcomes are refused."""
    world = simulate(50)
    with pytest.raises(ValueError, match=r"gamma is 0\.5"):
        sensitivity_bounds(world.log, world.action_probs, "reward", None, (0.5,))
    with pytest.raises(ValueError, match="no outcome"):
        sensitivity_bounds(world.log, world.action_probs, "quality")
    with pytest.raises(ValueError, match="one action per request"):
        sensitivity_bounds(LoggedFeedback.from_matrix(np.ones((3, 2))), np.full((3, 2), 0.5), "reward")
