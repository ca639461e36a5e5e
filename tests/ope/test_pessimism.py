"""Pessimistic ranking: bounds that hold, and no prize for wild weights."""

import math

import numpy as np
import pytest

from arbiter.ope import LoggedFeedback, estimate, rank_pessimistically


def test_a_case_on_paper():
    """Two requests with w r of 2 and 0, lam 1: value log(3)/2, bound exp(log(3)/2 - log(20)/2) - 1 below 0, so 0."""
    log = LoggedFeedback.from_bandit([0, 1], [1.0, 1.0], [0.5, 0.5], 2)
    found = rank_pessimistically(log, {"p": [[1.0, 0.0], [1.0, 0.0]]}, "reward", lam=1.0)[0]
    assert found.value == pytest.approx(math.log(3) / 2)
    assert found.lower == 0.0


def test_the_value_is_below_ips_and_meets_it_without_smoothing(simulate):
    """log(1 + x) <= x: never above IPS, and equal to it as lam goes to 0."""
    world = simulate(400, seed=1)
    ips = estimate(world.log, world.action_probs)["reward"]["ips"].value
    values = [
        rank_pessimistically(world.log, {"p": world.action_probs}, "reward", lam=lam)[0].value
        for lam in (1.0, 0.1, 1e-9)
    ]
    assert values[0] < values[1] < values[2] <= ips
    assert values[2] == pytest.approx(ips, rel=1e-6)


def test_bounds_hold_for_all_policies_at_once(simulate):
    """300 logs, four policies each: any bound above its truth in at most 5 % + 3.8 points."""
    missed = 0
    for seed in range(300):
        world = simulate(300, seed=seed)
        policies = {str(a): np.tile(np.eye(4)[a], (300, 1)) for a in range(4)}
        ranked = rank_pessimistically(world.log, policies, "reward")
        # q_true is drawn uniformly from 0.2 to 0.9 for every request: each constant policy is worth 0.55.
        missed += any(p.lower > 0.55 for p in ranked)
        assert all(p.lower < p.value for p in ranked)
    assert missed / 300 <= 0.088


def test_a_lucky_gamble_does_not_win():
    """An action logged twice, rewarded twice: IPS puts it first, the lower bound puts the well-known one first."""
    rng = np.random.default_rng(0)
    rare = np.zeros(1000, dtype=int)
    rare[:8] = 1
    reward = np.where(rare == 1, 1.0, rng.random(1000) < 0.7).astype(float)
    log = LoggedFeedback.from_bandit(rare, reward, np.where(rare == 1, 0.005, 0.995), 2)
    policies = {"gamble": np.tile([0.0, 1.0], (1000, 1)), "known": np.tile([1.0, 0.0], (1000, 1))}
    by_ips = {name: estimate(log, p)["reward"]["ips"].value for name, p in policies.items()}
    assert by_ips["gamble"] > by_ips["known"]
    assert rank_pessimistically(log, policies, "reward")[0].name == "known"


def test_wrong_inputs_are_named(simulate):
    """Negative outcomes, sessions, levels and strengths are refused."""
    world = simulate(60)
    policy = {"p": world.action_probs}
    with pytest.raises(ValueError, match="alpha 2"):
        rank_pessimistically(world.log, policy, "reward", alpha=2.0)
    with pytest.raises(ValueError, match="lam is -1"):
        rank_pessimistically(world.log, policy, "reward", lam=-1.0)
    with pytest.raises(ValueError, match="no outcome"):
        rank_pessimistically(world.log, policy, "quality")
    bad = LoggedFeedback.from_bandit([0, 1], [-1.0, 1.0], [0.5, 0.5], 4)
    with pytest.raises(ValueError, match="below 0"):
        rank_pessimistically(bad, {"p": world.action_probs[:2]}, "reward")
    joined = simulate(60, clusters=np.zeros(60, dtype=int))
    with pytest.raises(ValueError, match="share a session"):
        rank_pessimistically(joined.log, policy, "reward")
