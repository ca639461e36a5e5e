"""How well what is high is found."""

import numpy as np
import pytest

from arbiter_training.gatekeeper.risk_evaluation import evaluate_risk, wilson


def test_a_case_worked_on_paper() -> None:
    """Two of three high ones and one of five others are called; unknown labels do not count."""
    labels = np.array([4, 3, 3, 0, 1, 2, 0, 0, -1])
    called = np.array([True, True, False, True, False, False, False, False, True])
    probability = np.array([0.9, 0.6, 0.2, 0.7, 0.1, 0.1, 0.3, 0.0, 1.0])
    found = evaluate_risk(called, probability, labels, ["a"] * 6 + ["b"] * 3)
    assert (found.n_high, found.n_other) == (3, 5)
    assert (found.recall, found.false_alarms) == (2 / 3, 1 / 5)
    assert found.recall_at[0.05] == found.recall_at_5 == 1 / 3  # no alarm is allowed: above 0.7 lies one
    assert found.auc == pytest.approx((5 + 4 + 3) / 15)
    assert set(found.by_source) == {"a"}  # b has two labelled requests
    assert found.by_source["a"].recall == 2 / 3


def test_a_tenth_of_alarms_may_be_allowed() -> None:
    """Of ten others one may lie above the threshold, and does."""
    labels = np.array([0] * 10 + [4] * 4)
    probability = np.concatenate([np.arange(10) / 10, [0.95, 0.85, 0.85, 0.1]])
    found = evaluate_risk(probability > 0.5, probability, labels, ["x"] * 14)
    assert found.recall_at[0.10] == 3 / 4  # the threshold is 0.8
    assert found.recall_at[0.05] == 1 / 4  # the threshold is 0.9


def test_recall_grows_with_the_alarms_allowed() -> None:
    """And the area under the curve of random probabilities is one half, within 3 standard errors of 0.006."""
    rng = np.random.default_rng(0)
    labels, probability = rng.integers(0, 5, 10_000), rng.random(10_000)
    found = evaluate_risk(probability > 0.5, probability, labels, ["x"] * 10_000)
    assert list(found.recall_at.values()) == sorted(found.recall_at.values())
    assert abs(found.auc - 0.5) < 0.018
    assert found.recall_at[0.05] == pytest.approx(0.05, abs=0.02)


def test_what_is_missing_is_not_a_number() -> None:
    """Nothing to find, or nothing harmless."""
    found = evaluate_risk(np.array([True]), np.array([0.9]), np.array([4]), ["x"])
    assert found.recall == 1.0
    assert np.isnan(found.false_alarms)
    assert np.isnan(found.recall_at_5)
    assert np.isnan(found.auc)


@pytest.mark.parametrize(("share", "n"), [(0.0, 10), (0.5, 10), (1.0, 10), (0.3, 1000)])
def test_intervals_hold_their_share(share: float, n: int) -> None:
    """They stay in [0, 1], hold the share, and shrink with more requests."""
    low, high = wilson(share, n)
    assert 0.0 <= low <= share <= high <= 1.0
    wider = wilson(share, max(n // 4, 1))
    assert high - low < wider[1] - wider[0]
    assert wilson(share, 0) == (0.0, 1.0)


def test_the_interval_of_wilson_is_the_textbooks() -> None:
    """Five of ten: 0.2366 to 0.7634."""
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
