"""Exploration plans: the ties, their price, and whether the log then tells as promised."""

import numpy as np
import pytest

from arbiter.ope import (
    ExplorationGoal,
    Forecast,
    LoggedFeedback,
    evaluate,
    plan_exploration,
    tie_band,
    tie_band_probabilities,
)


def forecast(n=4000, k=4, seed=0):
    """Give utilities of which about a third of the requests have ties within 0.1, dearer where better."""
    rng = np.random.default_rng(seed)
    quality = rng.uniform(0.5, 1.0, (n, k))
    cost = 0.001 * np.arange(1, k + 1) * rng.uniform(0.5, 1.5, (n, k))
    return Forecast(utility=quality - 10 * cost, quality=quality, cost_usd=cost)


def test_a_case_on_paper():
    """Two candidates always tied, half the traffic: p = .75 and .25, so E[w^2] = 4 and 500 need 2,000 requests."""
    table = np.tile([1.0, 1.0], (10, 1))
    given = Forecast(utility=table, quality=np.tile([0.9, 0.7], (10, 1)), cost_usd=np.tile([0.02, 0.01], (10, 1)))
    np.testing.assert_allclose(tie_band_probabilities(table, 0.0, 0.5)[0], [0.75, 0.25])
    plan = plan_exploration(given, 0.0, ExplorationGoal(requests_per_day=1000.0, max_days=2.0))
    assert (plan.share, plan.days, plan.requests) == (0.5, pytest.approx(2.0), pytest.approx(2000.0))
    assert plan.extra_usd_per_day == pytest.approx(0.5 * 1000 * (0.015 - 0.02))
    assert plan.quality_loss == pytest.approx(0.5 * 0.1)
    assert plan.reached and "50% of the traffic" in plan.sentence()


def test_probabilities_are_distributions_over_the_ties():
    """Rows sum to one, only near-ties are taken, and share 0 takes the best."""
    table = forecast().utility
    probs = tie_band_probabilities(table, 0.1, 0.3)
    np.testing.assert_allclose(probs.sum(axis=1), 1.0)
    assert ((probs > 0) == tie_band(table, 0.1)).all()
    assert (tie_band_probabilities(table, 0.1, 0.0).argmax(axis=1) == table.argmax(axis=1)).all()


def test_the_log_that_was_planned_has_the_ess_that_was_planned():
    """Drawing the planned number of requests gives the wanted ESS and the planned loss of quality within 10 %."""
    rng, given = np.random.default_rng(1), forecast(seed=1)
    plan = plan_exploration(given, 0.1, ExplorationGoal(requests_per_day=500.0, max_days=10.0, ess=800.0))
    assert plan.reached and plan.days <= 10.0
    rows = rng.integers(0, 4000, int(plan.requests))
    logging = tie_band_probabilities(given.utility, 0.1, plan.share)[rows]
    action = (rng.random(rows.size)[:, None] > logging.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    at = np.arange(rows.size)
    band, best = tie_band(given.utility, 0.1)[rows], given.utility[rows].argmax(axis=1)
    second = np.where(band & (np.arange(4) != best[:, None]), given.utility[rows], -np.inf)
    target = np.eye(4)[np.where(band.sum(axis=1) > 1, second.argmax(axis=1), best)]
    log = LoggedFeedback.from_bandit(action, rng.random(rows.size), logging[at, action], 4)
    found = evaluate(log.with_support(logging), target)["reward"]
    assert found.diagnostics[0].ess == pytest.approx(800.0, rel=0.1)
    assert not found.judgement.refused
    lost = given.quality[rows][at, best].mean() - (logging * given.quality[rows]).sum(axis=1).mean()
    assert lost == pytest.approx(plan.quality_loss, rel=0.1)


def test_a_gentler_plan_takes_longer():
    """The more days are allowed, the smaller the share; the whole price hardly changes."""
    goals = [ExplorationGoal(requests_per_day=500.0, max_days=d, ess=800.0) for d in (8.0, 16.0, 32.0)]
    plans = [plan_exploration(forecast(), 0.1, goal) for goal in goals]
    assert plans[0].share > plans[1].share > plans[2].share
    assert plans[2].quality_loss * plans[2].days == pytest.approx(plans[0].quality_loss * plans[0].days, rel=0.15)
    assert all(plan.days <= goal.max_days for plan, goal in zip(plans, goals, strict=True))


def test_a_wanted_width_becomes_an_effective_size():
    """A width of 0.02 at sd 0.5 and 95 % needs (2 x 1.96 x 0.5 / 0.02)^2 = 9,604 effective requests."""
    goal = ExplorationGoal(requests_per_day=1.0, width=0.02)
    assert goal.effective_requests == pytest.approx(9604, rel=1e-3)


def test_what_lies_outside_the_ties_stays_unknown():
    """A target that takes the worst candidate cannot be reached, and the sentence says so."""
    given = forecast()
    worst = np.eye(4)[given.utility.argmin(axis=1)]
    plan = plan_exploration(given, 0.02, ExplorationGoal(requests_per_day=500.0), worst)
    assert not plan.reached and plan.days == np.inf and plan.outside > 0.8
    assert "cannot make this knowable" in plan.sentence()


def test_a_deadline_too_near_is_told():
    """Where even the best share takes longer, the plan is the fastest and says that it is late."""
    plan = plan_exploration(forecast(), 0.1, ExplorationGoal(requests_per_day=10.0, max_days=1.0))
    assert not plan.reached and plan.days > 1.0
    assert "longer than was allowed" in plan.sentence()


def test_the_best_policy_itself_needs_no_exploration():
    """For the greedy target the least share is enough."""
    given = forecast()
    plan = plan_exploration(
        given, 0.1, ExplorationGoal(requests_per_day=1000.0), np.eye(4)[given.utility.argmax(axis=1)]
    )
    assert plan.share == 0.01 and plan.requests == pytest.approx(500.0, rel=0.02)


def test_wrong_inputs_are_named():
    """Widths, shares, goals and shapes are checked with the value in the message."""
    with pytest.raises(ValueError, match="tie_width is -1"):
        tie_band(np.ones((2, 2)), -1.0)
    with pytest.raises(ValueError, match="without a finite best"):
        tie_band(np.full((2, 2), -np.inf), 0.1)
    with pytest.raises(ValueError, match="share is 2"):
        tie_band_probabilities(np.ones((2, 2)), 0.1, 2.0)
    with pytest.raises(ValueError, match="requests_per_day is 0"):
        ExplorationGoal(requests_per_day=0.0)
    with pytest.raises(ValueError, match="cost_usd"):
        Forecast(utility=np.ones((2, 2)), quality=np.ones((2, 2)), cost_usd=np.ones((2, 3)))
    with pytest.raises(ValueError, match="sum to 1"):
        plan_exploration(forecast(4, 2), 0.1, ExplorationGoal(requests_per_day=1.0), np.ones((4, 2)))
