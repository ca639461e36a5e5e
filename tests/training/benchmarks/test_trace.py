"""Laws of the curves by which competitors are compared."""

import numpy as np
import pytest

from arbiter_training.benchmarks.trace import TraceBuilder, quality_at, worths_of_a_dollar

QUALITY = np.array([[0.2, 1.0], [0.9, 0.8], [0.4, 0.6]])
COST = np.array([[1.0, 5.0], [1.0, 9.0], [1.0, 4.0]])


def test_the_settings_run_from_thrift_to_quality_alone() -> None:
    """The last worth of a dollar is 0; before it they fall."""
    worths = worths_of_a_dollar(0.01)
    assert worths[-1] == 0.0
    assert (np.diff(worths) < 0).all()


def test_a_curve_worked_by_hand() -> None:
    """At worth 1 per dollar all go to the first model, at 0 each to the one predicted best."""
    builder = TraceBuilder("hand", QUALITY, COST)
    builder.add_predictions(np.arange(3), QUALITY, COST, np.array([1.0, 0.0]))
    trace = builder.build(np.arange(3))
    np.testing.assert_allclose(trace.quality, [[0.2, 0.9, 0.4], [1.0, 0.9, 0.6]])
    np.testing.assert_allclose(trace.cost, [[1, 1, 1], [5, 1, 4]])


def test_several_rounds_on_one_request_are_averaged() -> None:
    """Seeds share the test rows: a request counts once, with the mean over them."""
    builder = TraceBuilder("two seeds", QUALITY, COST)
    for action in (0, 1):
        builder.add_choices(np.arange(3), np.full((1, 3), action))
    np.testing.assert_allclose(builder.build(np.arange(3)).quality[0], QUALITY.mean(axis=1))


@pytest.mark.parametrize(("budget", "expected"), [(0.5, np.nan), (1.0, 0.4), (2.0, 0.5), (3.0, 0.6), (9.0, 0.55)])
def test_quality_at_a_budget_worked_by_hand(budget: float, expected: float) -> None:
    """Two neighbours are mixed to spend it; the dearest setting stands beyond, though a cheaper one was better."""
    cost, quality = np.array([3.0, 1.0, 8.0]), np.array([0.6, 0.4, 0.55])
    np.testing.assert_allclose(quality_at(cost, quality, budget), expected)
