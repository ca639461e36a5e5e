"""Laws of simulated logs: the propensity is the sampling probability, and weighting by it restores the hidden truth."""

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter_training.simulate import ByPromptLength, EpsilonGreedy, LoggingPolicy, Skewed, Uniform, simulate_log
from arbiter_training.traffic import OutcomeMatrix, pivot, traffic_from_records

POLICIES = [Uniform(), EpsilonGreedy(epsilon=0.3), Skewed(), Skewed(temperature=0.02, floor=0.1), ByPromptLength()]
MEANS = {"cheap": (0.4, 0.001), "middle": (0.6, 0.01), "dear": (0.9, 0.1)}


@pytest.fixture(scope="module")
def truth() -> OutcomeMatrix:
    rng = np.random.default_rng(0)
    rows = [
        {"request_id": f"{i}", "prompt": "x" * (1 + i % 300), "model": m, "quality": q * rng.random(), "cost_usd": c}
        for i in range(1500)
        for m, (q, c) in MEANS.items()
    ]
    return pivot(traffic_from_records(rows))


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_a_log_shows_one_model_and_its_propensity(truth: OutcomeMatrix, policy: LoggingPolicy) -> None:
    """One cell per request is left, with its true outcome and the probability that the policy gave it."""
    log = simulate_log(truth, policy, seed=1)
    assert log.one_per_request and not log.full_information
    np.testing.assert_array_equal(log.quality[log.observed], truth.quality[log.observed])
    probabilities = policy.action_probabilities(truth)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_array_equal(log.propensity[log.observed], probabilities[log.observed])
    assert np.isnan(log.quality[~log.observed]).all() and np.isnan(log.propensity[~log.observed]).all()


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_weighting_restores_the_truth(truth: OutcomeMatrix, policy: LoggingPolicy) -> None:
    """Inverse propensity weighting of each model's seen cells agrees with its true mean within four standard errors."""
    log = simulate_log(truth, policy, seed=2)
    weighted = np.where(log.observed, truth.quality / np.where(log.observed, log.propensity, 1.0), 0.0)
    error = weighted.std(axis=0) / np.sqrt(truth.n)
    assert (np.abs(weighted.mean(axis=0) - truth.quality.mean(axis=0)) < 4 * error).all()


def test_the_frequency_is_the_propensity(truth: OutcomeMatrix) -> None:
    """Over many seeds each model is seen as often as its probability says."""
    policy = Skewed(temperature=0.2)
    seen = np.mean([simulate_log(truth, policy, seed=s).observed.mean(axis=0) for s in range(40)], axis=0)
    np.testing.assert_allclose(seen, policy.action_probabilities(truth)[0], atol=4 * 0.5 / np.sqrt(40 * truth.n))


def test_the_seed_decides(truth: OutcomeMatrix) -> None:
    """The same seed gives the same log, another seed another."""
    one, same, other = (simulate_log(truth, Uniform(), seed=s).observed for s in (3, 3, 4))
    assert (one == same).all() and (one != other).any()


def test_policies_by_hand(truth: OutcomeMatrix) -> None:
    """Greedy takes the best, a weight on cost turns it to the middle one, length divides, the floor holds."""
    assert truth.models == ("cheap", "dear", "middle")
    np.testing.assert_allclose(EpsilonGreedy(epsilon=0.3).action_probabilities(truth)[0], [0.1, 0.8, 0.1])
    np.testing.assert_allclose(EpsilonGreedy(epsilon=0, cost_weight=9).action_probabilities(truth)[0], [0, 0, 1])
    rule = ByPromptLength(limit_characters=10, exploration=0.3).action_probabilities(truth)
    np.testing.assert_allclose(rule[[0, 8, 9]], [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    skewed = Skewed(temperature=0.01, floor=0.05).action_probabilities(truth)[0]
    np.testing.assert_allclose(skewed, [0.05, 0.9, 0.05], atol=1e-3)


def test_a_model_of_probability_zero_is_never_seen(truth: OutcomeMatrix) -> None:
    """Without exploration only the best single model is in the log, at propensity 1."""
    log = simulate_log(truth, EpsilonGreedy(epsilon=0.0), seed=5)
    assert log.observed[:, 1].all() and (log.propensity[:, 1] == 1.0).all()


def test_the_log_is_traffic(truth: OutcomeMatrix) -> None:
    """As a table and pivoted again it is the same log."""
    log = simulate_log(truth, ByPromptLength(), seed=6)
    again = pivot(log.to_table())
    np.testing.assert_array_equal(again.propensity, log.propensity)
    np.testing.assert_array_equal(again.quality, log.quality)


def test_wrong_use_is_refused(truth: OutcomeMatrix) -> None:
    """A log of a log, a share above 1, a temperature of 0 and costs that are not known are refused."""
    with pytest.raises(InvalidInputError, match="every model was judged"):
        simulate_log(simulate_log(truth, Uniform(), seed=0), Uniform(), seed=0)
    with pytest.raises(InvalidInputError, match=r"epsilon is 1\.5"):
        EpsilonGreedy(epsilon=1.5)
    with pytest.raises(InvalidInputError, match="temperature is 0"):
        Skewed(temperature=0)
    with pytest.raises(InvalidInputError, match="floor x models"):
        Skewed(floor=0.5).action_probabilities(truth)
    free = pivot(
        traffic_from_records([{"request_id": "a", "prompt": "x", "model": m, "quality": 1} for m in ("a", "b")])
    )
    with pytest.raises(InvalidInputError, match="cost_usd is unknown"):
        simulate_log(free, ByPromptLength(), seed=0)


def test_policies_that_do_not_sum_to_one_are_refused(truth: OutcomeMatrix) -> None:
    """A user's own policy is checked."""

    class Half:
        def action_probabilities(self, outcomes: OutcomeMatrix) -> np.ndarray:
            return np.full(outcomes.quality.shape, 0.5)

    with pytest.raises(InvalidInputError, match="do not sum to 1"):
        simulate_log(truth, Half(), seed=0)
