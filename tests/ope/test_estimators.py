"""Laws of the estimators: paper examples, unbiasedness, identities, invariances."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from arbiter.ope import EstimateOptions, LoggedFeedback, estimate

WITHOUT_EXACT = ("dm", "ips", "clipped_ips", "snips", "dr", "sndr", "switch_dr", "dros")
FIXED = EstimateOptions(tau=1.5, lam=2.0, clip=1.5)


def values(log, action_probs, q_hat=None, options=None):
    """Return the point estimates of a log with a bare reward."""
    return {name: e.value for name, e in estimate(log, action_probs, q_hat, options)["reward"].items()}


def test_four_requests_on_paper():
    """Weights 2, 0.5, 0, 1 and rewards 1, 0, 1, 1 give what one computes by hand."""
    log = LoggedFeedback.from_bandit([0, 1, 0, 1], [1.0, 0.0, 1.0, 1.0], [0.5, 0.8, 0.5, 0.5], 2)
    action_probs = np.array([[1.0, 0.0], [0.6, 0.4], [0.0, 1.0], [0.5, 0.5]])
    q_hat = np.array([[0.5, 0.5], [0.5, 0.25], [1.0, 0.0], [0.0, 1.0]])
    got = values(log, action_probs, q_hat, FIXED)
    # q_pi = .5, .4, 0, .5; w (r - q) = 2*.5, .5*-.25, 0, 0
    assert got["dm"] == pytest.approx(1.4 / 4)
    assert got["ips"] == pytest.approx((2 + 0 + 0 + 1) / 4)
    assert got["clipped_ips"] == pytest.approx((1.5 + 1) / 4)
    assert got["snips"] == pytest.approx(3 / 3.5)
    assert got["dr"] == pytest.approx((1.4 + 1 - 0.125) / 4)
    assert got["sndr"] == pytest.approx(0.35 + 0.875 / 3.5)
    assert got["switch_dr"] == pytest.approx((1.4 - 0.125) / 4)
    assert got["dros"] == pytest.approx((1.4 + 2 * 2 / 6 * 0.5 - 2 * 0.5 / 2.25 * 0.25) / 4)


def test_ips_and_dr_are_exactly_unbiased():
    """Averaged over every path of a finite problem, IPS, and DR with any q_hat, equal the value to 1e-12."""
    rng = np.random.default_rng(1)
    n, k = 3, 3
    q, q_hat = rng.random((n, k)), rng.normal(size=(n, k))
    pi, pi0 = rng.dirichlet(np.ones(k), n), rng.dirichlet(np.ones(k), n)
    total = dict.fromkeys(("ips", "dr"), 0.0)
    for actions in itertools.product(range(k), repeat=n):
        p = pi0[np.arange(n), list(actions)]
        for rewards in itertools.product((0.0, 1.0), repeat=n):
            mean = q[np.arange(n), list(actions)]
            chance = float(np.prod(p) * np.prod(np.where(rewards, mean, 1.0 - mean)))
            log = LoggedFeedback.from_bandit(np.array(actions), rewards, p, k)
            got = estimate(log, pi, q_hat, EstimateOptions(estimators=("ips", "dr")))["reward"]
            for name in total:
                total[name] += chance * got[name].value
    truth = float((pi * q).sum(axis=1).mean())
    assert total["ips"] == pytest.approx(truth, abs=1e-12)
    assert total["dr"] == pytest.approx(truth, abs=1e-12)


def test_partial_full_information_is_exactly_unbiased():
    """With cells scored independently at known rates, IPS and DR equal the value on average to 1e-12."""
    rng = np.random.default_rng(2)
    r, q_hat = rng.random((2, 3)), rng.normal(size=(2, 3))
    pi, rho = rng.dirichlet(np.ones(3), 2), rng.uniform(0.2, 0.9, (2, 3))
    total = dict.fromkeys(("ips", "dr"), 0.0)
    for mask in itertools.product((False, True), repeat=6):
        seen = np.array(mask).reshape(2, 3)
        chance = float(np.where(seen, rho, 1.0 - rho).prod())
        log = LoggedFeedback.from_matrix(np.where(seen, r, np.nan), rho)
        got = estimate(log, pi, q_hat, EstimateOptions(estimators=("ips", "dr")))["reward"]
        for name in total:
            total[name] += chance * got[name].value
    truth = float((pi * r).sum(axis=1).mean())
    assert total["ips"] == pytest.approx(truth, abs=1e-12)
    assert total["dr"] == pytest.approx(truth, abs=1e-12)


def test_dr_is_right_if_the_model_is_right(small):
    """With rewards equal to q_hat, DR and SNDR equal the value whatever the propensities."""
    log = small.log
    exact = small.q_true[np.arange(log.n), log.action]
    wrong = LoggedFeedback.from_bandit(log.action, exact, np.full(log.n, 0.3), log.n_actions)
    truth = float((small.action_probs * small.q_true).sum(axis=1).mean())
    got = values(wrong, small.action_probs, small.q_true)
    for name in ("dm", "dr", "sndr", "switch_dr", "dros"):
        assert got[name] == pytest.approx(truth, abs=1e-12)


def test_on_policy_weighting_is_the_mean(small):
    """If the policy is the logging policy, IPS, SNIPS and clipped IPS are the mean reward."""
    got = values(small.log, small.logging_probs)
    for name in ("ips", "snips", "clipped_ips"):
        assert got[name] == pytest.approx(float(small.log.outcomes["reward"].mean()), abs=1e-12)


@pytest.mark.parametrize(("threshold", "same_as"), [(0.0, "dm"), (math.inf, "dr")])
def test_thresholds_meet_their_ends(small, threshold, same_as):
    """Switch-DR and DRos are DM at zero and DR at infinity."""
    options = EstimateOptions(tau=threshold, lam=threshold)
    got = values(small.log, small.action_probs, small.q_hat, options)
    assert got["switch_dr"] == pytest.approx(got[same_as], abs=1e-14)
    assert got["dros"] == pytest.approx(got[same_as], abs=1e-14)


def test_clip_at_infinity_is_ips(small):
    """Clipping at infinity changes nothing."""
    got = values(small.log, small.action_probs, None, EstimateOptions(clip=math.inf))
    assert got["clipped_ips"] == got["ips"]


@pytest.mark.parametrize("shift", [-3.0, 1000.0])
def test_normalised_estimators_move_with_the_reward(small, shift):
    """SNIPS and SNDR of r + c are those of r, plus c, with the same error; IPS is not."""
    moved = replace(small.log, outcomes={"reward": small.log.outcomes["reward"] + shift})
    before = estimate(small.log, small.action_probs, small.q_hat)["reward"]
    after = estimate(moved, small.action_probs, small.q_hat)["reward"]
    for name in ("snips", "sndr"):
        assert after[name].value - shift == pytest.approx(before[name].value, abs=1e-10 * (1 + abs(shift)))
        assert after[name].stderr == pytest.approx(before[name].stderr, rel=1e-8)
    assert abs(after["ips"].value - shift - before["ips"].value) > 1e-3


def test_order_of_requests_does_not_matter(small):
    """A permuted log gives the same values, errors and tuned thresholds."""
    order = np.random.default_rng(3).permutation(small.log.n)
    before = estimate(small.log, small.action_probs, small.q_hat)["reward"]
    after = estimate(small.log.select(order), small.action_probs[order], small.q_hat[order])["reward"]
    for name in WITHOUT_EXACT:
        assert after[name].value == pytest.approx(before[name].value, abs=1e-12)
        assert after[name].hyperparameter == before[name].hyperparameter
        if name != "dm":
            assert after[name].stderr == pytest.approx(before[name].stderr, rel=1e-9)


def test_a_log_twice_over_keeps_its_values(small):
    """Every row twice: same value; error and interval as before once each pair is one session."""
    twice = np.repeat(np.arange(small.log.n), 2)
    doubled = small.log.select(twice)
    paired = LoggedFeedback.from_bandit(
        doubled.action, doubled.outcomes["reward"], doubled.inclusion, doubled.n_actions, clusters=twice
    )
    before = estimate(small.log, small.action_probs, small.q_hat, FIXED)["reward"]
    after = estimate(paired, small.action_probs[twice], small.q_hat[twice], FIXED)["reward"]
    for name in WITHOUT_EXACT:
        assert after[name].value == pytest.approx(before[name].value, abs=1e-12)
        if name != "dm":
            assert after[name].interval == pytest.approx(before[name].interval, rel=1e-9)


def test_full_information_is_the_plain_mean():
    """With every model scored, "exact" is mean sum_a pi r with the error of that mean."""
    rng = np.random.default_rng(4)
    rewards, pi = rng.random((200, 3)), rng.dirichlet(np.ones(3), 200)
    found = estimate(LoggedFeedback.from_matrix(rewards), pi)["reward"]
    per_request = (pi * rewards).sum(axis=1)
    assert found["exact"].value == pytest.approx(per_request.mean(), abs=1e-14)
    assert found["exact"].stderr == pytest.approx(per_request.std(ddof=1) / math.sqrt(200), rel=1e-12)
    assert found["exact"].ess == pytest.approx(200)
    for name in ("ips", "snips"):
        assert found[name].value == pytest.approx(found["exact"].value, abs=1e-12)


def test_constant_reward_is_recovered(small):
    """With reward 1 everywhere the normalised estimators return 1 with no error."""
    log = replace(small.log, outcomes={"reward": np.ones(small.log.n)})
    found = estimate(log, small.action_probs)["reward"]["snips"]
    assert (found.value, found.stderr) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-9))


def test_outcomes_share_cells_and_keep_their_own_numbers(small):
    """Two outcomes of one log give what two logs would."""
    cost = np.linspace(0.0, 0.01, small.log.n)
    both = replace(small.log, outcomes={"reward": small.log.outcomes["reward"], "cost_usd": cost})
    alone = LoggedFeedback.from_bandit(small.log.action, cost, small.log.inclusion, small.log.n_actions)
    found = estimate(both, small.action_probs)
    assert found["cost_usd"]["snips"].value == values(alone, small.action_probs)["snips"]
    assert found["reward"]["snips"].value == values(small.log, small.action_probs)["snips"]


def test_missing_feedback_is_weighted_by_the_rate_of_its_action():
    """Feedback on half of one action's requests counts double; nothing unknown counts as zero."""
    action = np.array([0, 0, 0, 0, 1, 1])
    reward = np.array([1.0, np.nan, 1.0, np.nan, 0.0, 0.0])
    log = LoggedFeedback.from_bandit(action, reward, np.full(6, 0.5), 2)
    got = values(log, np.tile([1.0, 0.0], (6, 1)))
    assert got["ips"] == pytest.approx(2 * (2 + 2) / 6)
    assert got["snips"] == pytest.approx(1.0)


def test_propensities_of_position_axis_are_accepted(small):
    """A policy table of shape (n, K, 1) is the same as (n, K)."""
    got = values(small.log, small.action_probs[:, :, None])
    assert got == values(small.log, small.action_probs)


@pytest.mark.parametrize("rule", ["mse", "slope"])
def test_tuning_reports_what_it_chose(small, rule):
    """The threshold is one of the grid, and giving it by hand reproduces the estimate."""
    tuned = estimate(small.log, small.action_probs, small.q_hat, EstimateOptions(tuning=rule))["reward"]
    by_hand = EstimateOptions(tau=tuned["switch_dr"].hyperparameter, lam=tuned["dros"].hyperparameter)
    again = estimate(small.log, small.action_probs, small.q_hat, by_hand)["reward"]
    for name in ("switch_dr", "dros"):
        assert again[name].value == pytest.approx(tuned[name].value, abs=1e-14)


def test_dm_has_no_interval_and_more_data_tighten_the_others(simulate):
    """DM prints none; for the others four times the log about halves the interval."""
    few, many = simulate(1000, seed=5), simulate(4000, seed=5)
    narrow = estimate(many.log, many.action_probs, many.q_hat)["reward"]
    wide = estimate(few.log, few.action_probs, few.q_hat)["reward"]
    assert narrow["dm"].interval is None and narrow["dm"].stderr is None
    for name in ("ips", "snips", "dr", "sndr"):
        assert 0.35 < narrow[name].width / wide[name].width < 0.65


def test_a_model_is_required_by_name():
    """Asking for DR without q_hat is refused in words."""
    log = LoggedFeedback.from_bandit([0, 1], [1.0, 0.0], [0.5, 0.5], 2)
    with pytest.raises(ValueError, match="q_hat"):
        estimate(log, np.full((2, 2), 0.5), None, EstimateOptions(estimators=("dr",)))
