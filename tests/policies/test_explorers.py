"""Laws of the explorers, each worked by hand or against its source."""

import numpy as np
import pytest

from arbiter.policies.explorers import EXPLORERS

SCORES = np.array([[0.5, 0.7, 0.6]])
SPREAD = np.array([[0.3, 0.0, 0.1]])
EVERYONE = np.ones((1, 3), dtype=bool)


def test_linucb_takes_the_greatest_upper_bound() -> None:
    """0.5 + 1 x 0.3 beats 0.7; at width 0 it does not."""
    assert EXPLORERS["linucb"](SCORES, SPREAD, EVERYONE, 1.0).tolist() == [[1.0, 0.0, 0.0]]
    assert EXPLORERS["linucb"](SCORES, SPREAD, EVERYONE, 0.0).tolist() == [[0.0, 1.0, 0.0]]


def test_squarecb_by_hand() -> None:
    """Gamma 20: 1 / (3 + 20 x 0.2) and 1 / (3 + 20 x 0.1), the rest to the best; at gamma 0 all are alike."""
    p = EXPLORERS["squarecb"](SCORES, SPREAD, EVERYONE, 20.0)[0]
    np.testing.assert_allclose(p, [1 / 7, 1 - 1 / 7 - 1 / 5, 1 / 5])
    np.testing.assert_allclose(EXPLORERS["squarecb"](SCORES, SPREAD, EVERYONE, 0.0), 1 / 3)


def test_epsilon_is_greedy_and_thompson_without_errors_too() -> None:
    """What explores in epsilon-greedy is the floor around it."""
    for name in ("epsilon", "thompson"):
        found = EXPLORERS[name](SCORES, np.zeros((1, 3)), EVERYONE, 1.0)
        np.testing.assert_allclose(found, [[0.0, 1.0, 0.0]], atol=1e-9)


@pytest.mark.parametrize("name", EXPLORERS)
def test_who_is_not_eligible_gets_nothing(name: str) -> None:
    """Rows sum to 1 over the others, with a lone candidate too."""
    eligible = np.array([[True, False, True], [False, False, True]])
    p = EXPLORERS[name](np.tile(SCORES, (2, 1)), np.tile(SPREAD, (2, 1)), eligible, 1.0)
    assert (p[~eligible] == 0.0).all() and (p >= 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert p[1, 2] == 1.0
