"""Finite problems with a known value, shared by the tests of off-policy evaluation."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from arbiter.ope import LoggedFeedback

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A log drawn from a known world."""

    log: LoggedFeedback
    action_probs: np.ndarray
    logging_probs: np.ndarray
    q_true: np.ndarray
    q_hat: np.ndarray


def simulate(n: int, n_actions: int = 4, seed: int = 0, clusters: np.ndarray | None = None) -> Simulated:
    """Draw a bandit log with binary rewards, a flawed reward model and overlapping policies."""
    rng = np.random.default_rng(seed)
    q_true = rng.uniform(0.2, 0.9, (n, n_actions))
    logging_probs = 0.9 * rng.dirichlet(np.ones(n_actions), n) + 0.1 / n_actions
    action = (rng.random(n)[:, None] > logging_probs.cumsum(axis=1)).sum(axis=1).clip(0, n_actions - 1)
    rows = np.arange(n)
    reward = (rng.random(n) < q_true[rows, action]).astype(float)
    return Simulated(
        log=LoggedFeedback.from_bandit(action, reward, logging_probs[rows, action], n_actions, clusters),
        action_probs=rng.dirichlet(np.ones(n_actions), n),
        logging_probs=logging_probs,
        q_true=q_true,
        q_hat=np.clip(q_true + rng.normal(0.0, 0.2, q_true.shape), 0.0, 1.0),
    )


@pytest.fixture(scope="session")
def small() -> Simulated:
    """Give a log of 500 requests."""
    return simulate(500)


@pytest.fixture(scope="session", name="simulate")
def simulate_fixture() -> Callable[..., Simulated]:
    """Give the function that draws a log, for tests that choose its size and seed."""
    return simulate


@pytest.fixture(scope="session")
def obd() -> Path:
    """Give the folder of the Open Bandit sample, or skip where it is not at hand."""
    root = Path(os.environ.get("ARBITER_TEST_DATA", _REPOSITORY / ".." / "shared" / "data"))
    if not (root / "obd").is_dir():
        pytest.skip(f"no Open Bandit sample below {root}: set ARBITER_TEST_DATA to the folder that holds obd/")
    return root / "obd"
