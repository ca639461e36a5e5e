"""Six worlds whose true values are known, to measure how often intervals hold them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import LoggedFeedback, cross_fit, forward_folds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

KINDS = 3
"""Kinds of request; a policy and the mean reward depend on the kind alone."""

MODEL_ERROR = 0.1
"""The reward model of most worlds is this much too low everywhere: DR must not depend on a right one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A log drawn from a world, and the truth about one policy.

    Attributes
    ----------
    log : what was logged.
    action_probs : (n, K) the policy.
    q_hat : (n, K) predicted rewards.
    truth : the policy's value over all requests that the world could send.
    """

    log: LoggedFeedback
    action_probs: FloatArray
    q_hat: FloatArray
    truth: float


Draw = Callable[[np.random.Generator, int], World]


def means(n_actions: int) -> FloatArray:
    """Give (KINDS, K) mean rewards."""
    return np.random.default_rng(7).uniform(0.3, 0.9, (KINDS, n_actions))


def target(n_actions: int) -> FloatArray:
    """Give (KINDS, K) probabilities of a policy that prefers each kind's best action."""
    best = np.eye(n_actions)[means(n_actions).argmax(axis=1)]
    return np.asarray(0.6 * best + 0.4 / n_actions)


def truth(n_actions: int) -> float:
    """Give the value of that policy."""
    return float((target(n_actions) * means(n_actions)).sum(axis=1).mean())


def sampled(rng: np.random.Generator, probs: FloatArray) -> IntArray:
    """Sample one action per row."""
    drawn = (rng.random(len(probs))[:, None] > probs.cumsum(axis=1)).sum(axis=1)
    return np.asarray(drawn.clip(0, probs.shape[1] - 1), dtype=np.int64)


def _bandit(rng: np.random.Generator, n: int, logging: FloatArray, graded: bool) -> World:
    k = logging.shape[1]
    kind = rng.integers(0, KINDS, n)
    probs, mean, rows = logging[kind], means(k)[kind], np.arange(n)
    action = sampled(rng, probs)
    chosen = mean[rows, action]
    reward = rng.beta(8 * chosen, 8 * (1 - chosen)) if graded else (rng.random(n) < chosen).astype(np.float64)
    log = LoggedFeedback.from_bandit(action, reward, probs[rows, action], k)
    return World(log=log, action_probs=target(k)[kind], q_hat=mean - MODEL_ERROR, truth=truth(k))


def graded_four(rng: np.random.Generator, n: int) -> World:
    """Graded reward, four actions, uniform logging."""
    return _bandit(rng, n, np.full((KINDS, 4), 0.25), True)


def binary_twenty(rng: np.random.Generator, n: int) -> World:
    """Binary reward, twenty actions, logging that already leans to the policy."""
    return _bandit(rng, n, 0.5 * target(20) + 0.5 / 20, False)


def skewed(rng: np.random.Generator, n: int) -> World:
    """Binary reward, four actions, one of them logged 70 % of the time, the others 10 %."""
    return _bandit(rng, n, np.tile([0.7, 0.1, 0.1, 0.1], (KINDS, 1)), False)


def learned(rng: np.random.Generator, n: int) -> World:
    """Binary reward, logging by a softmax that learns every 100 requests; predictions from forward folds."""
    kind, k = rng.integers(0, KINDS, n), 4
    wins, tries = np.ones((KINDS, k)), np.full((KINDS, k), 2.0)
    action, reward, propensity = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    for start in range(0, n, 100):
        rows = np.arange(start, min(start + 100, n))
        score = np.exp(4.0 * wins / tries)
        probs = (0.9 * score / score.sum(axis=1, keepdims=True) + 0.1 / k)[kind[rows]]
        action[rows] = sampled(rng, probs)
        propensity[rows] = probs[np.arange(rows.size), action[rows]]
        reward[rows] = rng.random(rows.size) < means(k)[kind[rows], action[rows]]
        np.add.at(wins, (kind[rows], action[rows]), reward[rows])
        np.add.at(tries, (kind[rows], action[rows]), 1.0)

    def fit_predict(train: IntArray, test: IntArray) -> FloatArray:
        cell = kind[train] * k + action[train]
        won = np.bincount(cell, weights=reward[train], minlength=KINDS * k) + 1.0
        rates = won / (np.bincount(cell, minlength=KINDS * k) + 2.0)
        return np.asarray(rates.reshape(KINDS, k)[kind[test]])

    q_hat = cross_fit(forward_folds(np.arange(n)), fit_predict, n, k, cold_start=0.5)
    log = LoggedFeedback.from_bandit(action, reward, propensity, k)
    return World(log=log, action_probs=target(k)[kind], q_hat=q_hat, truth=truth(k))


def sessions(rng: np.random.Generator, n: int) -> World:
    """Sessions of five requests that share their kind and a common shift of the graded reward."""
    session = np.arange(n) // 5
    kind = rng.integers(0, KINDS, session[-1] + 1)[session]
    shift = rng.normal(0.0, 0.2, session[-1] + 1)[session]
    action = rng.integers(0, 4, n)
    reward = means(4)[kind, action] + shift + rng.normal(0.0, 0.1, n)
    log = LoggedFeedback.from_bandit(action, reward, np.full(n, 0.25), 4, clusters=session)
    return World(log=log, action_probs=target(4)[kind], q_hat=means(4)[kind] - MODEL_ERROR, truth=truth(4))


def partial(rng: np.random.Generator, n: int) -> World:
    """Partial full information: one model always scored, each other on a random 30 % of the requests."""
    kind = rng.integers(0, KINDS, n)
    reward = (rng.random((n, 4)) < means(4)[kind]).astype(np.float64)
    chance = np.tile([1.0, 0.3, 0.3, 0.3], (n, 1))
    log = LoggedFeedback.from_matrix(np.where(rng.random((n, 4)) < chance, reward, np.nan), chance)
    return World(log=log, action_probs=target(4)[kind], q_hat=means(4)[kind] - MODEL_ERROR, truth=truth(4))


WORLDS: dict[str, Draw] = {
    "graded reward, 4 actions": graded_four,
    "binary reward, 20 actions": binary_twenty,
    "skewed logging": skewed,
    "learned logging": learned,
    "clustered sessions": sessions,
    "partial full information": partial,
}
