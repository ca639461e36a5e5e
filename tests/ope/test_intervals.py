"""Intervals: paper cases, agreement of methods, sessions, differences, and coverage."""

import math

import numpy as np
import pytest

from arbiter.ope import (
    BootstrapPlan,
    EstimateOptions,
    LoggedFeedback,
    anytime_interval,
    bootstrap,
    confidence_sequence,
    estimate,
    evaluate_difference,
)
from arbiter.ope.confidence_sequence import boundary, tightest_rho

NAMES = ("ips", "snips", "dr", "sndr")


def test_snips_error_equals_its_formula(simulate):
    """Stderr = sqrt(mean(w^2 (r - V)^2) / n) / mean(w), up to n/(n-1)."""
    world = simulate(400, seed=1)
    w = world.action_probs[np.arange(400), world.log.action] / world.log.inclusion
    r = world.log.outcomes["reward"]
    v = (w * r).sum() / w.sum()
    found = estimate(world.log, world.action_probs)["reward"]["snips"]
    assert found.stderr == pytest.approx(math.sqrt((w**2 * (r - v) ** 2).mean() / 399) / w.mean(), rel=1e-10)
    assert found.ess == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_sndr_error_equals_its_influence_function(simulate):
    """(q_pi - mean q_pi) + w (r - q - c) / mean w, with c = sum w (r - q) / sum w."""
    world = simulate(400, seed=2)
    rows = np.arange(400)
    w = world.action_probs[rows, world.log.action] / world.log.inclusion
    gap = world.log.outcomes["reward"] - world.q_hat[rows, world.log.action]
    q_pi = (world.action_probs * world.q_hat).sum(axis=1)
    c = (w * gap).sum() / w.sum()
    phi = q_pi - q_pi.mean() + w * (gap - c) / w.mean()
    found = estimate(world.log, world.action_probs, world.q_hat)["reward"]["sndr"]
    assert found.stderr == pytest.approx(phi.std(ddof=1) / 20.0, rel=1e-10)


def test_bootstrap_agrees_with_the_influence_function(simulate):
    """Errors within 10 % at 3,000 requests and 1,000 resamples (bound: 2.2 % noise, blocks of 2)."""
    world = simulate(3000, seed=3)
    plain = estimate(world.log, world.action_probs, world.q_hat)["reward"]
    drawn = bootstrap(world.log, [world.action_probs], world.q_hat)["reward"]
    for name in NAMES:
        assert drawn[name].value == pytest.approx(plain[name].value, rel=1e-12)
        assert drawn[name].stderr == pytest.approx(plain[name].stderr, rel=0.1)
    assert drawn["dm"].interval is None


def test_the_bootstrap_of_snips_is_not_that_of_a_frozen_denominator(simulate):
    """Rewards all near 0.9: the right interval is many times narrower than r w / mean(w) suggests."""
    world = simulate(2000, seed=4)
    log = LoggedFeedback.from_bandit(
        world.log.action, 0.9 + 0.01 * world.log.outcomes["reward"], world.log.inclusion, 4
    )
    w = world.action_probs[np.arange(2000), log.action] / log.inclusion
    frozen = 2 * 1.96 * (w * log.outcomes["reward"] / w.mean()).std() / math.sqrt(2000)
    found = bootstrap(log, [world.action_probs])["reward"]["snips"]
    assert found.width < frozen / 20


def test_bootstrap_is_reproducible_and_paired(simulate):
    """One seed, one answer; the difference of a policy with itself is zero with no error."""
    world = simulate(300, seed=5)
    plan = BootstrapPlan(resamples=50, seed=1)
    first = bootstrap(world.log, [world.action_probs], plan=plan)["reward"]["snips"]
    assert bootstrap(world.log, [world.action_probs], plan=plan)["reward"]["snips"] == first
    same = bootstrap(world.log, [world.action_probs] * 2, plan=plan)["reward"]["snips"]
    assert (same.value, same.stderr) == (0.0, pytest.approx(0.0, abs=1e-14))


def test_sessions_widen_the_interval(simulate):
    """Each request logged five times in one session: the error of the 200 distinct ones, not of 1,000."""
    world = simulate(200, seed=6)
    rows = np.repeat(np.arange(200), 5)
    copies = world.log.select(rows)
    clustered = LoggedFeedback.from_bandit(copies.action, copies.outcomes["reward"], copies.inclusion, 4, rows)
    honest = estimate(clustered, world.action_probs[rows])["reward"]["snips"]
    naive = estimate(copies, world.action_probs[rows])["reward"]["snips"]
    distinct = estimate(world.log, world.action_probs)["reward"]["snips"]
    assert honest.interval == pytest.approx(distinct.interval, rel=1e-9)
    assert honest.stderr / naive.stderr == pytest.approx(math.sqrt(5), rel=0.01)
    drawn = bootstrap(clustered, [world.action_probs[rows]])["reward"]["snips"]
    assert drawn.stderr == pytest.approx(honest.stderr, rel=0.15)


def test_the_paired_difference_is_delta_ope(simulate):
    """Value and error equal those of sum_a (pi - pi') q + (pi - pi')/p (r - q), request by request."""
    world = simulate(800, seed=7)
    rows, log = np.arange(800), world.log
    baseline = 0.8 * world.action_probs + 0.2 * world.logging_probs
    delta = world.action_probs - baseline
    gap = log.outcomes["reward"] - world.q_hat[rows, log.action]
    phi = (delta * world.q_hat).sum(axis=1) + delta[rows, log.action] / log.inclusion * gap
    found = evaluate_difference(log, world.action_probs, baseline, world.q_hat)["reward"].estimates["dr"]
    assert found.value == pytest.approx(phi.mean(), abs=1e-12)
    assert found.stderr == pytest.approx(phi.std(ddof=1) / math.sqrt(800), rel=1e-9)
    alone = [estimate(log, p, world.q_hat)["reward"]["dr"].stderr for p in (world.action_probs, baseline)]
    assert found.stderr < 0.5 * math.hypot(*alone)


def test_the_logging_policy_as_baseline_has_weight_one(simulate):
    """Without baseline probabilities the difference is to the mean reward; IPS terms are (w - 1) r."""
    world = simulate(800, seed=8)
    r = world.log.outcomes["reward"]
    w = world.action_probs[np.arange(800), world.log.action] / world.log.inclusion
    found = evaluate_difference(world.log, world.action_probs, None, world.q_hat)["reward"].estimates
    assert found["ips"].value == pytest.approx(((w - 1) * r).mean(), abs=1e-12)
    assert found["ips"].stderr == pytest.approx(((w - 1) * r).std(ddof=1) / math.sqrt(800), rel=1e-9)
    value = estimate(world.log, world.action_probs, world.q_hat)["reward"]
    for name in ("dr", "sndr", "switch_dr", "dros"):
        assert found[name].value == pytest.approx(value[name].value - r.mean(), abs=1e-12)


def test_full_information_differences_are_paired():
    """The error is that of the per-request differences."""
    rng = np.random.default_rng(9)
    rewards = rng.random((300, 1)) + 0.01 * rng.random((300, 3))
    one, two = np.tile([1.0, 0.0, 0.0], (300, 1)), np.tile([0.0, 1.0, 0.0], (300, 1))
    found = evaluate_difference(LoggedFeedback.from_matrix(rewards), one, two)["reward"].estimates["exact"]
    per_request = rewards[:, 0] - rewards[:, 1]
    assert found.value == pytest.approx(per_request.mean(), abs=1e-14)
    assert found.stderr == pytest.approx(per_request.std(ddof=1) / math.sqrt(300), rel=1e-8)


def test_confidence_sequence_equals_its_formula(simulate):
    """The boundary on paper, and the sequence's last entry equals the interval of the estimate."""
    assert boundary(np.array(4.0), 0.5, 0.05) == pytest.approx(math.sqrt(2 * 2 / (16 * 0.25) * math.log(2**0.5 / 0.05)))
    world = simulate(1000, seed=10)
    w = world.action_probs[np.arange(1000), world.log.action] / world.log.inclusion
    low, high = confidence_sequence(w * world.log.outcomes["reward"], at=1000.0)
    found = anytime_interval(estimate(world.log, world.action_probs)["reward"]["ips"], at=1000.0)
    assert (low[-1], high[-1]) == pytest.approx(found, rel=1e-3)
    assert low[0] == -np.inf
    assert 1.4 < boundary(np.array(1000.0), tightest_rho(1000, 0.05), 0.05) * math.sqrt(1000) / 1.96 < 1.6


def test_the_chosen_rho_is_nearly_the_tightest():
    """No other rho is more than 1 % tighter at the chosen sample size."""
    rho = tightest_rho(500, 0.05)
    here = float(boundary(np.array(500.0), rho, 0.05))
    assert all(here < 1.01 * float(boundary(np.array(500.0), rho * f, 0.05)) for f in (0.5, 0.8, 0.9, 1.1, 1.3, 2.0))


def test_confidence_sequence_holds_at_all_looks_at_once():
    """400 null streams of 2,000: misses at any look after 50 at most 5 % + 3.3 points (three errors)."""
    terms = np.random.default_rng(11).exponential(size=(400, 2000)) - 1.0
    missed = 0
    for stream in terms:
        low, high = confidence_sequence(stream, at=1000.0)
        missed += bool(((low > 0) | (high < 0))[50:].any())
    assert missed / 400 <= 0.05 + 0.033


def test_intervals_of_biased_estimators_take_in_the_unbiased_one(simulate):
    """DRos, Switch-DR and clipped IPS: the interval contains that of DR or IPS, and `bias` is the distance."""
    world = simulate(600, seed=12)
    pair = (world.action_probs, np.full((600, 4), 0.25))
    options = EstimateOptions(tau=1.5, lam=4.0, clip=1.2)
    alone = estimate(world.log, pair[0], world.q_hat, options)["reward"]
    paired = evaluate_difference(world.log, *pair, world.q_hat, options)["reward"].estimates
    drawn = bootstrap(world.log, [pair[0]], world.q_hat, options, BootstrapPlan(resamples=100))["reward"]
    for found in (alone, paired, drawn):
        for name, origin in (("dros", "dr"), ("switch_dr", "dr"), ("clipped_ips", "ips")):
            ours, theirs = found[name], found[origin]
            assert ours.interval[0] <= theirs.interval[0] and theirs.interval[1] <= ours.interval[1]
            assert ours.bias == pytest.approx(ours.value - theirs.value) and ours.covers(ours.value)
            assert theirs.bias is None
    with pytest.raises(ValueError, match="biased"):
        anytime_interval(alone["dros"], at=600.0)
