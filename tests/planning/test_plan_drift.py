"""How far a level moves from period to period: worked on paper, and held against levels that move as is assumed."""

import numpy as np
import pytest

from arbiter.ope.distributions import student_t_quantile
from arbiter.planning.drift import DRIFTS_SEEN, PERIOD_DRIFT, period_log_sd
from arbiter.planning.money import BAND_Z, Money
from arbiter.planning.request_cost import measured


def drifting(costs: np.ndarray, error: float = 0.0) -> float:
    """Give the deviation of a history whose requests all count alike; by default a mean that is known to the cent."""
    return period_log_sd(costs, np.ones(costs.size), error)


def widened(deviation: float, df: int) -> float:
    """Give the deviation of a normal with the band of a Student's t."""
    return deviation * student_t_quantile(0.9, df) / BAND_Z


def test_a_short_history_takes_what_other_services_did() -> None:
    """Student's t of four moves of 9 %; an error of the mean comes on top."""
    alone = drifting(np.ones(15))
    assert alone == pytest.approx(widened(PERIOD_DRIFT, DRIFTS_SEEN), rel=0.01)
    assert drifting(np.ones(15), 0.1**2) == pytest.approx(np.hypot(alone, 0.1), rel=0.03)


def test_seven_differences_by_hand() -> None:
    """Eighths of .9 and 1.1: four steps of .2 over an eighth, none over more: 4 x .2^2 x 8 = 1.28 beside 4 x .09^2.

    The posterior has 4 + 7 degrees of freedom and a scale of sqrt((1.28 + .0324) / 11).
    """
    found = drifting(np.repeat([0.9, 1.1] * 4, 50))
    assert found == pytest.approx(widened(((1.28 + 4 * PERIOD_DRIFT**2) / 11) ** 0.5, 11), rel=0.01)


def test_one_step_in_the_middle_by_hand() -> None:
    """.9 and then 1.1: one difference of .2 over four eighths, .2^2 x 2 = .08."""
    found = drifting(np.repeat([0.9, 1.1], 200))
    assert found == pytest.approx(widened(((0.08 + 4 * PERIOD_DRIFT**2) / 11) ** 0.5, 11), rel=0.01)


def test_a_log_that_stands_still_is_sure_of_less_drift_and_a_sorted_one_of_more() -> None:
    """Ten thousand costs shuffled, and the same in order."""
    costs = np.random.default_rng(0).lognormal(0.0, 0.5, 10_000)
    still, moving = measured(costs).log_sd, measured(np.sort(costs)).log_sd
    assert still < PERIOD_DRIFT < 5.0 * PERIOD_DRIFT < moving


def test_weights_are_those_of_the_means() -> None:
    """A dear half of the log in which each request stands for two less dear ones moves as it is weighed."""
    costs, weights = np.repeat([1.0, 3.0] * 8, 50), np.repeat([3.0, 1.0] * 8, 50)
    same = period_log_sd(costs, weights, 0.01)
    assert same == pytest.approx(period_log_sd(costs, 7.0 * weights, 0.01))
    level = np.repeat([1.0, 1.0] * 8, 50)
    assert same == pytest.approx(period_log_sd(level, np.ones(level.size), 0.01), rel=0.01)  # each eighth is 1.5


def test_the_band_covers_four_in_five_of_levels_that_walk() -> None:
    """600 logs whose drift is that of other services: 80 % +- 4 (2.5 standard errors of 1.6 points)."""
    rng, n, covered = np.random.default_rng(3), 400, 0
    for _ in range(600):
        drift = PERIOD_DRIFT * (DRIFTS_SEEN / rng.chisquare(DRIFTS_SEEN)) ** 0.5
        steps = rng.normal(0.0, drift * (1.5 / n) ** 0.5, 2 * n)  # means of neighbouring spans then differ by `drift`
        costs = np.exp(np.cumsum(steps)) * rng.lognormal(0.0, 0.5, 2 * n)
        cost = measured(costs[:n])
        common = n * cost.mean_usd * np.expm1(cost.log_sd**2) ** 0.5
        money = Money(mean=n * cost.mean_usd, own_var=n * cost.sd_usd**2, common_sd=common)
        covered += money.low <= costs[n:].sum() <= money.high
    assert 0.76 <= covered / 600 <= 0.84
