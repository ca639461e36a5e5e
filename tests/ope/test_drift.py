"""Propensities over time: right ones stay quiet, stale ones are found in their period."""

import numpy as np
import pytest

from arbiter.ope import LoggedFeedback, propensity_drift


def log_with(stale: bool):
    """Log a policy that moves from (.8, .2) to (.3, .7) half way; stale logging goes on writing the first."""
    rng = np.random.default_rng(0)
    second = np.where(np.arange(8000) < 4000, 0.2, 0.7)
    action = (rng.random(8000) < second).astype(int)
    written = np.full(8000, 0.2) if stale else second
    propensity = np.where(action == 1, written, 1.0 - written)
    return LoggedFeedback.from_bandit(action, rng.random(8000), propensity, 2)


def test_right_propensities_are_quiet_though_the_policy_moves():
    """Mean weights stay within the limit in each period, and the movement is seen where it happened."""
    found = propensity_drift(log_with(stale=False), np.arange(8000))
    assert found.suspect_periods == ()
    assert int(found.movement.argmax()) == 4
    assert found.movement.max() == pytest.approx(0.5, abs=0.08)
    assert found.count.tolist() == [800.0] * 10


def test_stale_propensities_are_found_in_their_periods():
    """Where the written probabilities are not those of the choice, the second half stands out alone."""
    assert propensity_drift(log_with(stale=True), np.arange(8000)).suspect_periods == (5, 6, 7, 8, 9)


def test_order_of_rows_does_not_matter():
    """Periods follow the time, not the position."""
    log, mixed = log_with(stale=True), np.random.default_rng(1).permutation(8000)
    one, other = propensity_drift(log, np.arange(8000)), propensity_drift(log.select(mixed), mixed)
    np.testing.assert_allclose(one.z, other.z)
    np.testing.assert_allclose(one.start, other.start)
    np.testing.assert_allclose(one.min_propensity, other.min_propensity)


def test_wrong_inputs_are_named():
    """Several actions per request and too many periods are refused."""
    with pytest.raises(ValueError, match="one action per request"):
        propensity_drift(LoggedFeedback.from_matrix(np.ones((3, 2))), np.arange(3))
    with pytest.raises(ValueError, match="periods is 0"):
        propensity_drift(log_with(stale=True), np.arange(8000), 0)
