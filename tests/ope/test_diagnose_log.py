"""A log described whatever the policy."""

import numpy as np
import pytest

from arbiter.ope import LoggedFeedback, Verdict, diagnose_log, evaluate


def test_mean_weights_are_worked_by_hand():
    """Four requests: weights 2, 2, 4 on the first action and 4/3 on the second."""
    log = LoggedFeedback.from_bandit([0, 0, 0, 1], [1.0, np.nan, 0.0, 1.0], [0.5, 0.5, 0.25, 0.75], 2)
    found = diagnose_log(log, "reward")
    np.testing.assert_allclose(found.mean_weight, [2.0, 1 / 3])
    np.testing.assert_allclose(found.stderr[0], np.std([2, 2, 4, 0], ddof=1) / 2)
    np.testing.assert_array_equal(found.logged, [3, 1])
    np.testing.assert_array_equal(found.answered, [2, 1])


def test_sessions_are_one_unit_each():
    """Two copies of every request in one session: the error is that of the single log, not 1 / sqrt(2) of it."""
    rng = np.random.default_rng(0)
    action = rng.integers(0, 3, 500)
    once = diagnose_log(LoggedFeedback.from_bandit(action, np.ones(500), np.full(500, 1 / 3), 3), "reward")
    twice = LoggedFeedback.from_bandit(
        np.repeat(action, 2), np.ones(1000), np.full(1000, 1 / 3), 3, np.repeat(np.arange(500), 2)
    )
    np.testing.assert_allclose(diagnose_log(twice, "reward").stderr, once.stderr)
    assert twice.units == 500 and twice.n == 1000


def test_a_mean_weight_beyond_a_factor_of_two_is_refused():
    """Propensities a tenth of what they were: no number, whatever the sample size."""
    rng = np.random.default_rng(1)
    action = rng.integers(0, 2, 5000)
    log = LoggedFeedback.from_bandit(action, rng.random(5000), np.full(5000, 0.05), 2)
    judged = evaluate(log, np.tile([0.5, 0.5], (5000, 1)))["reward"]
    assert judged.judgement.verdict is Verdict.CANNOT_BE_KNOWN and not judged.estimates
    assert judged.judgement.reasons[0].startswith("mean weight is 10 instead of 1")
    assert judged.diagnostics[0].ess == pytest.approx(5000)
