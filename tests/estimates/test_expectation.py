"""Laws of the estimates as arrays."""

import numpy as np
import pytest

from arbiter.estimates.expectation import Expectation, UtilityWeights


def expectation() -> Expectation:
    return Expectation(
        quality=np.array([[0.8, 0.6], [0.7, 0.9]]),
        quality_se=np.full((2, 2), 0.1),
        cost_usd=np.array([[0.02, 0.01], [0.0, 0.04]]),
        latency_s=np.array([[1.0, 2.0], [3.0, 4.0]]),
        output_tokens=np.full((2, 2), 100.0),
    )


def test_utility_worked_by_hand() -> None:
    """.8 - 5 x .02 - .1 x 1 = .6, and so on; without weights it is the quality."""
    weighed = expectation().weighed(UtilityWeights(quality_per_usd=5.0, quality_per_s=0.1))
    np.testing.assert_allclose(weighed.utility, [[0.6, 0.35], [0.4, 0.3]])
    np.testing.assert_array_equal(expectation().utility, expectation().quality)


def test_a_row_is_the_request_under_the_same_weights() -> None:
    """Taking a row and weighing commute."""
    weights = UtilityWeights(quality_per_usd=5.0, quality_per_s=0.1)
    for i in range(2):
        row = expectation().weighed(weights).row(i)
        np.testing.assert_array_equal(row.utility, expectation().weighed(weights).utility[i])
        np.testing.assert_array_equal(row.utility, expectation().row(i).weighed(weights).utility)
        for name in ("quality", "quality_se", "cost_usd", "latency_s", "output_tokens"):
            assert getattr(row, name).tolist() == getattr(expectation(), name)[i].tolist()


def test_what_costs_more_is_never_worth_more() -> None:
    """Utility falls with the cost by exactly the price of money."""
    weights = UtilityWeights(quality_per_usd=7.0)
    e = expectation().weighed(weights)
    assert (e.quality - e.utility) / 7.0 == pytest.approx(e.cost_usd)
