"""Laws of a cascade's threshold."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.errors import InvalidInputError
from arbiter.execution import learn_threshold


def log(n: int, seed: int = 0) -> tuple[np.ndarray[Any, Any], ...]:
    """Give scores that tell how likely the cheap answer is right; the better one is right 9 times in 10."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(size=n)
    return scores, (rng.uniform(size=n) < scores).astype(float), np.full(n, 0.9), np.full(n, 0.01)


def test_the_threshold_is_where_going_on_no_longer_pays() -> None:
    """Cheap is right with probability of its score; going on is worth .9 less .2: at .7 both are worth the same.

    4,000 requests, seed 0; around the optimum utility is flat, so the place is known to about .05.
    """
    found = learn_threshold(*log(4000), worth=20.0)
    assert found.threshold == pytest.approx(0.7, abs=0.06)
    assert found.escalated == pytest.approx(0.7, abs=0.06)
    # On paper: E max(s, .7) - .7 for s uniform is .3^2 / 2 = .045.
    assert found.gain == pytest.approx(0.045, abs=4 * found.gain_se)
    assert found.gain > 4 * found.gain_se


def test_a_dollar_that_is_worth_more_escalates_less() -> None:
    """Down to nobody, and with free calls up to nearly everybody."""
    shares = [learn_threshold(*log(2000), worth=worth).escalated for worth in (0.0, 20.0, 50.0, 90.0, 1000.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8 and shares[-1] == 0.0


def test_a_score_that_says_nothing_gains_nothing() -> None:
    """Where the score is noise, the gain is no more than its error allows, though the threshold was chosen."""
    _, cheap, better, cost = log(2000)
    scores = np.random.default_rng(1).uniform(size=2000)
    found = learn_threshold(scores, cheap, better, cost, worth=20.0)
    assert found.gain < 2 * found.gain_se


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=20, max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_other_threshold_is_better_on_the_log(rows: list[tuple[float, float, float]]) -> None:
    """Tried against every other."""
    score, cheap, better = (np.array(column) for column in zip(*rows, strict=True))
    found = learn_threshold(score, cheap, better, np.full(len(rows), 0.1), worth=1.0)

    def utility(threshold: float) -> float:
        return float(np.where(score < threshold, better - 0.1, cheap).sum())

    assert all(utility(found.threshold) >= utility(t) - 1e-9 for t in (0.0, 1.0, *score.tolist()))


def test_requests_without_both_qualities_teach_nothing() -> None:
    """They are left out."""
    scores, cheap, better, cost = log(200)
    half = np.where(np.arange(200) % 2 == 0, np.nan, cheap)
    assert learn_threshold(scores, half, better, cost, worth=20.0).rows == 100
    for wrong in ((scores[:10], cheap[:10], better[:10], cost[:10]), (scores, cheap[:5], better, cost)):
        with pytest.raises(InvalidInputError):
            learn_threshold(*wrong, worth=20.0)
    with pytest.raises(InvalidInputError, match=r"scores must lie in \[0, 1\]"):
        learn_threshold(scores + 1.0, cheap, better, cost, worth=20.0)
