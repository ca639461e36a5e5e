"""Simulated coverage of the 95 % intervals in six worlds whose true value is known."""

from collections.abc import Callable

import numpy as np
import pytest

from arbiter.ope import EstimateOptions, LoggedFeedback, cross_fit, estimate, forward_folds

TYPES = 3
NAMES = ("ips", "snips", "dr", "sndr")
World = tuple[LoggedFeedback, np.ndarray, np.ndarray, float]


def means(n_actions: int) -> np.ndarray:
    """Give the mean reward of each action on each of three request types, shape (TYPES, K)."""
    return np.random.default_rng(7).uniform(0.3, 0.9, (TYPES, n_actions))


def target(n_actions: int) -> np.ndarray:
    """Give a policy that prefers the best action of a type, shape (TYPES, K)."""
    best = np.eye(n_actions)[means(n_actions).argmax(axis=1)]
    return 0.6 * best + 0.4 / n_actions


def draw(rng: np.random.Generator, logging: np.ndarray) -> np.ndarray:
    """Sample an action per row of probabilities."""
    return (rng.random(len(logging))[:, None] > logging.cumsum(axis=1)).sum(axis=1).clip(0, logging.shape[1] - 1)


def bandit(rng: np.random.Generator, n: int, k: int, logging: np.ndarray, graded: bool) -> World:
    """Draw a log with one action per request, and a model that is off by 0.1 everywhere."""
    kind = rng.integers(0, TYPES, n)
    probs, mean = logging[kind], means(k)[kind]
    action, rows = draw(rng, probs), np.arange(n)
    chosen = mean[rows, action]
    reward = rng.beta(8 * chosen, 8 * (1 - chosen)) if graded else (rng.random(n) < chosen).astype(float)
    log = LoggedFeedback.from_bandit(action, reward, probs[rows, action], k)
    return log, target(k)[kind], mean - 0.1, float((target(k) * means(k)).sum(axis=1).mean())


def graded_four(rng: np.random.Generator, n: int) -> World:
    """Graded reward, four actions, uniform logging."""
    return bandit(rng, n, 4, np.full((TYPES, 4), 0.25), True)


def binary_twenty(rng: np.random.Generator, n: int) -> World:
    """Binary reward, twenty actions, logging that already leans to the policy."""
    return bandit(rng, n, 20, 0.5 * target(20) + 0.5 / 20, False)


def skewed(rng: np.random.Generator, n: int) -> World:
    """Binary reward, four actions, one of them logged 70 % of the time, the others 10 %."""
    return bandit(rng, n, 4, np.tile([0.7, 0.1, 0.1, 0.1], (TYPES, 1)), False)


def learned(rng: np.random.Generator, n: int) -> World:
    """Binary reward, logging by a softmax that learns every 100 requests; q_hat from forward folds."""
    kind, k = rng.integers(0, TYPES, n), 4
    wins, tries = np.ones((TYPES, k)), np.full((TYPES, k), 2.0)
    action, reward, propensity = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    for start in range(0, n, 100):
        rows = np.arange(start, min(start + 100, n))
        score = np.exp(4.0 * wins / tries)
        probs = (0.9 * score / score.sum(axis=1, keepdims=True) + 0.1 / k)[kind[rows]]
        action[rows] = draw(rng, probs)
        propensity[rows] = probs[np.arange(rows.size), action[rows]]
        reward[rows] = rng.random(rows.size) < means(k)[kind[rows], action[rows]]
        np.add.at(wins, (kind[rows], action[rows]), reward[rows])
        np.add.at(tries, (kind[rows], action[rows]), 1.0)

    def fit_predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        cell = kind[train] * k + action[train]
        won = np.bincount(cell, weights=reward[train], minlength=TYPES * k) + 1.0
        return (won / (np.bincount(cell, minlength=TYPES * k) + 2.0)).reshape(TYPES, k)[kind[test]]

    q_hat = cross_fit(forward_folds(np.arange(n)), fit_predict, n, k, cold_start=0.5)
    log = LoggedFeedback.from_bandit(action, reward, propensity, k)
    return log, target(k)[kind], q_hat, float((target(k) * means(k)).sum(axis=1).mean())


def sessions(rng: np.random.Generator, n: int) -> World:
    """Sessions of five requests that share their type and a common shift of the reward."""
    session = np.arange(n) // 5
    kind = rng.integers(0, TYPES, session[-1] + 1)[session]
    shift = rng.normal(0.0, 0.2, session[-1] + 1)[session]
    action = rng.integers(0, 4, n)
    reward = means(4)[kind, action] + shift + rng.normal(0.0, 0.1, n)
    log = LoggedFeedback.from_bandit(action, reward, np.full(n, 0.25), 4, clusters=session)
    return log, target(4)[kind], means(4)[kind] - 0.1, float((target(4) * means(4)).sum(axis=1).mean())


def partial(rng: np.random.Generator, n: int) -> World:
    """One model always scored, the others on a random 30 % of the requests."""
    kind = rng.integers(0, TYPES, n)
    reward = (rng.random((n, 4)) < means(4)[kind]).astype(float)
    chance = np.tile([1.0, 0.3, 0.3, 0.3], (n, 1))
    log = LoggedFeedback.from_matrix(np.where(rng.random((n, 4)) < chance, reward, np.nan), chance)
    return log, target(4)[kind], means(4)[kind] - 0.1, float((target(4) * means(4)).sum(axis=1).mean())


WORLDS = [graded_four, binary_twenty, skewed, learned, sessions, partial]


def coverage(world: Callable[[np.random.Generator, int], World], repetitions: int, n: int) -> dict[str, float]:
    """Give the share of intervals that hold the truth, and the mean ESS, over seeded repetitions."""
    hits, ess = dict.fromkeys(NAMES, 0), 0.0
    for seed in range(repetitions):
        log, policy, q_hat, truth = world(np.random.default_rng([seed, n]), n)
        found = estimate(log, policy, q_hat, EstimateOptions(estimators=NAMES))["reward"]
        ess += found["dr"].ess / repetitions
        for name in NAMES:
            hits[name] += found[name].covers(truth)
    return {name: count / repetitions for name, count in hits.items()} | {"ess": ess}


@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover_roughly(world):
    """Over 150 logs within 5.4 points of 95 %: three binomial errors of 1.78 points."""
    found = coverage(world, 150, 1500)
    for name in NAMES:
        assert abs(found[name] - 0.95) <= 0.054, (name, found)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover(world):
    """Over 1,000 logs with an ESS of 500 and more: between 93 % and 97 %."""
    found = coverage(world, 1000, 3000)
    assert found["ess"] >= 500
    for name in NAMES:
        assert 0.93 <= found[name] <= 0.97, (name, found)
