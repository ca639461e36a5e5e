"""Refusals and warnings: each rule speaks where it must, and only there."""

import math
from dataclasses import replace

import numpy as np
import pytest

from arbiter.ope import (
    EstimateOptions,
    LoggedFeedback,
    Verdict,
    evaluate,
    evaluate_difference,
    model_reliability,
    propensity_reliability,
    support_bounds,
)


def log_of(n, propensity, seed=0, n_actions=2):
    """Draw actions uniformly and log them with a stated propensity."""
    rng = np.random.default_rng(seed)
    return LoggedFeedback.from_bandit(
        rng.integers(0, n_actions, n), rng.random(n), np.broadcast_to(propensity, n), n_actions
    )


def test_a_uniform_log_is_sound():
    """Enough data, full overlap: sound, without reasons."""
    found = evaluate(log_of(4000, 0.5), np.tile([0.7, 0.3], (4000, 1)))["reward"]
    assert found.judgement.verdict is Verdict.SOUND
    assert found.judgement.reasons == ()
    assert found.require() is found.estimates["snips"]


def test_a_deterministic_log_is_refused():
    """All propensities 1 with another policy: cannot be known, though the ESS looks healthy."""
    found = evaluate(log_of(4000, 1.0), np.tile([0.7, 0.3], (4000, 1)))["reward"]
    assert found.judgement.refused
    assert "deterministic" in found.judgement.reasons[0]
    assert found.diagnostics[0].ess > 2000
    assert not found.estimates


def test_a_deterministic_log_still_tells_the_value_of_itself():
    """The policy that the log followed is known exactly."""
    log = log_of(4000, 1.0)
    found = evaluate(log, np.eye(2)[log.action])["reward"]
    assert found.judgement.verdict is Verdict.SOUND
    assert found.require().estimator == "exact"
    assert found.require().value == pytest.approx(log.outcomes["reward"].mean())


def test_bounds_replace_a_number_without_support():
    """On a deterministic log the value lies between the supported part and that plus the rest."""
    log = log_of(1000, 1.0)
    policy = np.tile([0.5, 0.5], (1000, 1))
    low, high = support_bounds(log, policy, "reward")
    assert low == pytest.approx(0.5 * log.outcomes["reward"].mean())
    assert high - low == pytest.approx(0.5)


def test_too_few_effective_requests_are_refused_and_some_are_approximate():
    """ESS below 30: refused. Below 500: approximate."""
    assert evaluate(log_of(25, 0.5), np.tile([0.5, 0.5], (25, 1)))["reward"].judgement.refused
    found = evaluate(log_of(300, 0.5), np.tile([0.5, 0.5], (300, 1)))["reward"].judgement
    assert found.verdict is Verdict.APPROXIMATE
    assert "effective sample size is 300" in found.reasons[0]


def test_one_heavy_request_is_refused():
    """A request with more than a fifth of the weight decides alone."""
    propensity = np.full(2000, 0.5)
    propensity[7] = 1e-4
    found = evaluate(log_of(2000, propensity), np.tile([0.5, 0.5], (2000, 1)))["reward"]
    assert found.judgement.refused
    assert any("one request carries" in reason for reason in found.judgement.reasons)


def test_actions_never_logged_are_outside():
    """A policy that takes an action the log never took is refused, with its share."""
    found = evaluate(log_of(2000, 0.5, n_actions=2), np.tile([0.5, 0.5], (2000, 1)))
    assert not found["reward"].judgement.refused
    log = LoggedFeedback.from_bandit(np.zeros(2000, dtype=int), np.ones(2000), np.full(2000, 0.9), 2)
    found = evaluate(log, np.tile([0.95, 0.05], (2000, 1)))["reward"]
    assert found.diagnostics[0].unsupported == pytest.approx(0.05)
    assert found.judgement.refused


def test_declared_support_is_measured():
    """Where the log says which actions had a chance, the mass outside is exact."""
    log = log_of(2000, 0.5)
    support = np.ones((2000, 2))
    support[:100, 1] = 0.0
    found = evaluate(log.with_support(support), np.tile([0.5, 0.5], (2000, 1)))["reward"]
    assert found.diagnostics[0].unsupported == pytest.approx(0.5 * 100 / 2000)


def test_wrong_propensities_show_in_the_mean_weight():
    """Propensities of 0.4 for a fair coin: mean weight 1.25, approximate."""
    found = evaluate(log_of(4000, 0.4), np.tile([0.5, 0.5], (4000, 1)))["reward"]
    assert found.diagnostics[0].mean_weight == pytest.approx(1.25)
    assert found.judgement.verdict is Verdict.APPROXIMATE
    assert "mean weight is 1.250" in found.judgement.reasons[0]


def test_feedback_that_depends_on_the_action_is_reported():
    """Answers to 90 % of one action and 30 % of the other: said so, p-value tiny."""
    rng = np.random.default_rng(1)
    action = rng.integers(0, 2, 4000)
    known = rng.random(4000) < np.where(action == 0, 0.9, 0.3)
    log = LoggedFeedback.from_bandit(action, np.where(known, 1.0, np.nan), np.full(4000, 0.5), 2)
    found = evaluate(log, np.tile([0.5, 0.5], (4000, 1)))["reward"]
    assert found.diagnostics[0].feedback_p_value < 1e-10
    assert any("depends on the action" in reason for reason in found.judgement.reasons)
    assert found.estimates["ips"].value == pytest.approx(1.0, abs=0.05)


def test_few_sessions_are_approximate():
    """Ten sessions are too few for the cluster-robust error, however many requests."""
    rng = np.random.default_rng(2)
    log = LoggedFeedback.from_bandit(
        rng.integers(0, 2, 4000), rng.random(4000), np.full(4000, 0.5), 2, clusters=np.arange(4000) % 10
    )
    found = evaluate(log, np.tile([0.5, 0.5], (4000, 1)))["reward"]
    assert found.judgement.verdict is Verdict.APPROXIMATE
    assert found.estimates["ips"].units == 10


def test_the_difference_takes_the_worse_verdict():
    """A sound policy against a refused baseline is refused, and the reason says whose it is."""
    log = LoggedFeedback.from_bandit(np.arange(4000) % 2, np.ones(4000), np.full(4000, 0.5), 3)
    good, bad = np.tile([0.5, 0.5, 0.0], (4000, 1)), np.tile([0.0, 0.0, 1.0], (4000, 1))
    found = evaluate_difference(log, good, bad)["reward"]
    assert found.judgement.refused
    assert found.judgement.reasons[0].startswith("baseline: ")


def test_reliability_of_a_known_curve():
    """Fair coins: one bin at one half, Brier 0.5, log-loss log 2."""
    found = propensity_reliability(np.full((100, 2), 0.5), np.arange(100) % 2)
    assert np.nansum(found.observed) == 0.5
    assert found.calibration_error == pytest.approx(0.0)
    assert (found.brier, found.log_loss) == (pytest.approx(0.5), pytest.approx(math.log(2)))


def test_options_are_checked():
    """Unknown names, levels and thresholds are refused in words."""
    with pytest.raises(ValueError, match="unknown estimators"):
        EstimateOptions(estimators=("ipw",))
    with pytest.raises(ValueError, match="confidence"):
        EstimateOptions(confidence=95.0)
    with pytest.raises(ValueError, match="tau"):
        EstimateOptions(tau=-1.0).channels(True)


def test_the_heaviest_hundredth_is_reported():
    """Ten of 1,000 requests weigh 100 and the others 1: they carry 1000 / 1990 of the weight."""
    propensity = np.where(np.arange(1000) % 100 == 0, 0.005, 0.5)
    log = LoggedFeedback.from_bandit(np.zeros(1000, dtype=int), np.ones(1000), propensity, 2)
    found = evaluate(log, np.tile([0.5, 0.5], (1000, 1)))["reward"].diagnostics[0]
    assert found.top_percent_share == pytest.approx(1000 / 1990)


def test_a_poor_model_is_noted_and_costs_no_verdict():
    """R^2 below 0: a note, not a reason; a perfect model has R^2 of 1 and no note."""
    log = log_of(4000, 0.5)
    policy = np.tile([0.7, 0.3], (4000, 1))
    poor = evaluate(log, policy, np.full((4000, 2), 1.5))["reward"]
    assert poor.diagnostics[0].model_r2 < -5 and poor.diagnostics[0].model_bias == pytest.approx(-1.0, abs=0.02)
    assert poor.judgement.verdict is Verdict.SOUND and "R^2" in poor.judgement.notes[0]
    perfect = evaluate(log, policy, np.tile(log.outcomes["reward"][:, None], (1, 2)))["reward"]
    assert perfect.diagnostics[0].model_r2 == pytest.approx(1.0) and perfect.judgement.notes == ()


def test_estimates_that_contradict_one_another_are_approximate():
    """Propensities wrong where rewards are high: dr with a good model and snips part by many errors."""
    rng = np.random.default_rng(3)
    good = rng.random(8000) < 0.5
    action = rng.integers(0, 2, 8000)
    written = np.where((action == 1) == good, 0.7, 0.3)  # the coin was fair
    reward = good + 0.1 * rng.normal(size=8000)
    log = LoggedFeedback.from_bandit(action, reward, written, 2)
    found = evaluate(log, np.tile([0.0, 1.0], (8000, 1)), np.tile(good[:, None] * 1.0, (1, 2)))["reward"]
    assert abs(found.diagnostics[0].disagreement_z) > 10
    assert any("dr and snips differ" in reason for reason in found.judgement.reasons)


def test_estimated_propensities_are_labelled_in_every_verdict():
    """A log marked observational is approximate at best, for the policy and for a difference, and says why."""
    log, rows = replace(log_of(4000, 0.5), observational=True), np.arange(4000)[::-1]
    policy = np.tile([0.7, 0.3], (4000, 1))
    for found in (evaluate(log, policy), evaluate_difference(log, policy, None), evaluate(log.select(rows), policy)):
        judgement = found["reward"].judgement
        assert judgement.verdict is Verdict.APPROXIMATE
        assert any("observational: the propensities were estimated" in reason for reason in judgement.reasons)


def test_reliability_of_a_model():
    """Calibrated predictions have a small error and the right R^2; a shift shows as the error."""
    rng = np.random.default_rng(5)
    q = rng.uniform(0.1, 0.9, (6000, 2))
    action = rng.integers(0, 2, 6000)
    reward = (rng.random(6000) < q[np.arange(6000), action]).astype(float)
    log = LoggedFeedback.from_bandit(action, reward, np.full(6000, 0.5), 2)
    right, shifted = model_reliability(log, q, "reward"), model_reliability(log, q + 0.2, "reward")
    assert right.calibration_error < 0.03 and right.debiased_error < 0.02 < 0.18 < shifted.debiased_error
    whole = evaluate(log, q / q.sum(axis=1, keepdims=True), q)["reward"].diagnostics[0]
    assert right.r2 == pytest.approx(whole.model_r2)
    assert right.count.sum() == 6000 and right.count.size == 10 and right.r2_by_action.shape == (2,)
    assert (np.abs(right.observed - right.predicted) < 4 * right.stderr).all()
