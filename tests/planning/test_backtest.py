"""Bands tried on the traffic itself."""

import numpy as np

from arbiter.planning import CaseHistory, History, ModelHistory
from arbiter.planning.backtest import backtests


def history(costs: np.ndarray) -> History:
    """Give one use case with one model."""
    return History(cases={"x": CaseHistory(requests=costs.size, models={"m": ModelHistory(cost_usd=costs)})})


def test_a_log_that_goes_on_as_it_began_is_inside_and_one_that_doubles_is_not() -> None:
    """A thousand costs of one kind; the same with a second half that is twice as dear."""
    costs = np.random.default_rng(0).lognormal(-6.0, 0.5, 1000)
    steady = backtests(history(costs))[0]
    assert steady.inside and steady.requests == 500 and steady.spent_usd == costs[500:].sum()
    costs[500:] *= 2.0
    assert not backtests(history(costs))[0].inside


def test_a_short_log_is_not_tried() -> None:
    """Nor one without costs."""
    assert backtests(history(np.ones(99))) == () == backtests(History())
