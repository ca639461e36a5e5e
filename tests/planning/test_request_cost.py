"""Laws of what a history says of a coming period."""

import numpy as np
import pytest

from arbiter.planning.money import Money, apart, together
from arbiter.planning.request_cost import PERIOD_DRIFT, RequestCost, measured, moving, priced
from arbiter.planning.token_count import TokenCount


def test_price_times_tokens_by_hand() -> None:
    """1,000 +- 500 tokens in at $2, 100 +- 50 out at $10: $0.003; sd hypot(0.001, 0.0005)."""
    found = priced((2.0, 10.0), (TokenCount(mean=1000, sd=500), TokenCount(mean=100, sd=50)), 0.2)
    assert found.mean_usd == pytest.approx(0.003)
    assert found.sd_usd == pytest.approx(np.hypot(0.001, 0.0005))
    assert (found.log_sd, found.known) == (0.2, 0)


def test_a_measured_cost_by_hand() -> None:
    """Four costs of mean 2.5 and deviation 1.29: the error of the mean is 1.29 / (2.5 x 2); no drift, no movement."""
    found = measured(np.array([1.0, 2.0, 3.0, 4.0]), drift=0.0)
    assert found.mean_usd == 2.5
    assert found.log_sd == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 5.0)
    assert measured(np.array([1.0, 2.0, 3.0, 4.0])).log_sd == pytest.approx(np.hypot(found.log_sd, PERIOD_DRIFT))
    assert measured(np.zeros(40)) == RequestCost(mean_usd=0.0, sd_usd=0.0, log_sd=0.0, known=40)


def test_a_history_that_moves_has_a_floor_and_a_shuffled_one_has_none() -> None:
    """Blocks of ones and threes move by 1.07 about their mean of two; the same costs shuffled do not."""
    blocks = np.repeat([1.0, 3.0] * 4, 200)
    floor = moving(blocks)
    assert floor == pytest.approx(1.0690 / 2.0 * 1.1041, abs=0.01)
    assert moving(np.random.default_rng(0).permutation(blocks)) < 0.1 * floor
    assert moving(np.ones(10)) == 0.0


def test_more_history_is_a_narrower_band() -> None:
    """The error of the mean falls with the root of the costs, never below the drift."""
    costs = np.random.default_rng(0).lognormal(0.0, 1.0, 15)  # too short to be seen moving
    errors = [float(np.hypot(costs.std() / costs.mean() / np.sqrt(15 * k), PERIOD_DRIFT)) for k in (1, 10)]
    assert measured(costs).log_sd == pytest.approx(errors[0], rel=0.05)
    long = np.random.default_rng(0).lognormal(0.0, 1.0, 100_000)
    assert PERIOD_DRIFT <= measured(long).log_sd < errors[1] + 0.05 < errors[0]


def test_the_band_covers_four_in_five_of_exchangeable_futures() -> None:
    """With no drift assumed, 600 futures of the same log-normal: 80 % +- 4 (2.5 standard errors of 1.6 points)."""
    rng = np.random.default_rng(7)
    n, covered = 200, 0
    for _ in range(600):
        past, future = rng.lognormal(0.0, 1.0, (2, n))
        cost = measured(past, drift=0.0)
        money = Money(mean=n * cost.mean_usd, own_var=n * cost.sd_usd**2, common_sd=n * cost.mean_usd * cost.log_sd)
        covered += money.low <= future.sum() <= money.high
    assert 0.76 <= covered / 600 <= 0.87


def test_what_is_shared_adds_and_what_is_not_averages() -> None:
    """Two amounts of one use case share their error; of two use cases they do not."""
    one = Money(mean=10.0, own_var=4.0, common_sd=3.0)
    assert together([one, one]) == Money(mean=20.0, own_var=8.0, common_sd=6.0)
    assert apart([one, one]).sd == pytest.approx((2 * 13.0) ** 0.5)
    assert apart([one, one]).sd < together([one, one]).sd
    assert one.low < one.mean < one.high and Money(mean=5.0).low == 5.0 == Money(mean=5.0).high
    assert one.scaled(2.0).sd == pytest.approx(2 * one.sd)


def test_lengths_are_log_normal() -> None:
    """Median and ninth decile come back; the share beyond a cap agrees with a million draws to 1 in 500."""
    count = TokenCount.from_quantiles(700.0, 1800.0)
    assert (count.quantile(0.5), count.quantile(0.9)) == (pytest.approx(700.0), pytest.approx(1800.0))
    draws = np.random.default_rng(0).lognormal(np.log(700.0), count.log_sd, 1_000_000)
    assert count.mean == pytest.approx(draws.mean(), rel=0.01)
    assert count.excess_share(2000.0) == pytest.approx(np.maximum(draws - 2000, 0).sum() / draws.sum(), abs=0.002)
    assert TokenCount(mean=100.0).excess_share(60.0) == pytest.approx(0.4)
    assert TokenCount(mean=0.0).quantile(0.9) == 0.0
