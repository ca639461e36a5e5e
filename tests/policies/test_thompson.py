"""Laws of the default policy."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.policies import GreedyPolicy, ThompsonPolicy, ThompsonSettings
from arbiter.policies.residuals import ResidualBelief

K, D = 5, 3


def expectation(seed: int, n: int = 200) -> Expectation:
    rng = np.random.default_rng(seed)
    return Expectation(
        quality=rng.random((n, K)),
        quality_se=np.full((n, K), 0.05),
        cost_usd=10 ** rng.uniform(-5, -1, (n, K)),
        latency_s=np.ones((n, K)),
        output_tokens=np.full((n, K), 100.0),
        weights=UtilityWeights(quality_per_usd=3.0),
    )


def contexts(n: int = 200) -> np.ndarray:
    return np.concatenate([np.ones((n, 1)), np.random.default_rng(9).normal(size=(n, D - 1))], axis=1)


def misled(share: float) -> ThompsonPolicy:
    """Give a policy that was told, again and again, that the first arm is far better than it is."""
    policy = ThompsonPolicy.fresh(K, D, ThompsonSettings(share=share))
    for z in contexts(200):
        policy = policy.learned(0, z, 1.0)
    return policy


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.5, 1.0])
def test_the_expected_loss_is_at_most_the_share_of_the_gap(share: float) -> None:
    """Per request, against the offline policy by the offline estimates, however wrong the bandit is."""
    e, eligible = expectation(0), np.random.default_rng(1).random((200, K)) < 0.7
    eligible[:, 0] = True
    utility = e.utility
    p = misled(share).action_probabilities(contexts(), eligible, e)
    offline = (GreedyPolicy().action_probabilities(contexts(), eligible, e) * utility).sum(axis=1)
    gap = offline - np.where(eligible, utility, np.inf).min(axis=1)
    assert (offline - (p * utility).sum(axis=1) <= share * gap + 1e-12).all()


def test_without_floor_and_mixture_it_is_sampling_from_the_posterior() -> None:
    """Within 4e-3 and five standard errors of 200,000 sampled scores; fixed seed."""
    policy = ThompsonPolicy.fresh(K, D, ThompsonSettings(share=1.0, floor=0.0, noise_sd=0.3))
    rng = np.random.default_rng(4)
    for z in contexts(30):
        policy = policy.learned(int(rng.integers(K)), z, float(rng.normal(0, 0.2)))
    z, e = contexts()[0], expectation(2).row(0)
    eligible = np.array([True, True, False, True, True])
    weights = [
        rng.multivariate_normal(policy.belief.mean[a], 0.09 * policy.belief.covariance[a], 200_000) for a in range(K)
    ]
    scores = e.utility + np.stack([w @ z for w in weights], axis=1)
    wins = np.bincount(np.where(eligible, scores, -np.inf).argmax(axis=1), minlength=K) / 200_000
    p = policy.action_probabilities(z, eligible, e)
    assert (np.abs(p - wins) < 4e-3 + 5 * np.sqrt(p * (1 - p) / 200_000)).all()


def test_the_floor_reaches_every_eligible_candidate() -> None:
    """At least share x floor / (32 K): a free candidate may not take the whole floor."""
    e = replace(expectation(3), cost_usd=np.tile([0.0, 1e-9, 1e-4, 0.01, 0.1], (200, 1)))
    p = ThompsonPolicy.fresh(K, D).action_probabilities(contexts(), np.ones((200, K), dtype=bool), e)
    assert p.min() >= 0.1 * 0.02 / (32 * K)
    free = replace(e, cost_usd=np.zeros((200, K)))
    assert ThompsonPolicy.fresh(K, D).action_probabilities(
        contexts(), np.ones((200, K), dtype=bool), free
    ).min() == pytest.approx(0.1 * 0.02 / K, rel=1e-3)


def test_bad_news_moves_probability_away() -> None:
    """After a hundred answers that were worse than estimated, the best-rated arm is explored less, another more."""
    z, e = np.r_[1.0, np.zeros(D - 1)], replace(expectation(0).row(0), quality=np.array([0.8, 0.7, 0.6, 0.5, 0.4]))
    e = replace(e, cost_usd=np.full(K, 0.001))
    policy = ThompsonPolicy.fresh(K, D, ThompsonSettings(share=1.0))
    everyone = np.ones(K, dtype=bool)
    before = policy.action_probabilities(z, everyone, e)
    for _ in range(100):
        policy = policy.learned(0, z, -0.3)
    after = policy.action_probabilities(z, everyone, e)
    assert after[0] < 0.2 < before[0]
    assert after[1] > before[1]


def test_the_half_life_is_a_half_life() -> None:
    """After so many feedbacks the weight of one has halved; None forgets nothing."""
    assert ThompsonSettings(half_life_feedback=30).decay ** 30 == pytest.approx(0.5)
    assert ThompsonSettings().decay == 1.0


def test_the_version_follows_everything_that_matters() -> None:
    """News, settings and the prior change it; the same news gives the same."""
    base = ThompsonPolicy.fresh(K, D)
    others = [
        base.learned(0, np.ones(D), 0.0),
        base.learned(1, np.ones(D), 0.0),
        base.learned(0, np.ones(D), 0.1),
        ThompsonPolicy.fresh(K, D, ThompsonSettings(share=0.2)),
        ThompsonPolicy(ResidualBelief.prior(K, np.ones(D))),
    ]
    assert len({base.version, *(p.version for p in others)}) == 6
    assert base.learned(0, np.ones(D), 0.1).version == others[2].version


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"share": 1.1}, r"share must lie in \[0, 1\], got 1.1"),
        ({"floor": -0.1}, r"floor must lie in \[0, 1\], got -0.1"),
        ({"share": float("nan")}, "share must lie"),
        ({"noise_sd": 0.0}, "noise_sd must be a number above 0, got 0.0"),
        ({"slope_precision": float("nan")}, "slope_precision must be a number above 0"),
        ({"half_life_feedback": 0}, "half_life_feedback must be a number above 0, got 0"),
        ({"half_life_feedback": -5}, "half_life_feedback must be a number above 0, got -5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict, message: str) -> None:
    """A half-life below 0 would let old news grow without end."""
    with pytest.raises(InvalidInputError, match=message):
        ThompsonSettings(**wrong)
