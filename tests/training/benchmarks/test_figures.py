"""Laws of the figures of a benchmark."""

import numpy as np
import pytest

from arbiter_training.benchmarks.figures import Arena, apgr_of, cpt_of, figure_of, pair_columns
from arbiter_training.benchmarks.trace import Trace

RNG = np.random.default_rng(0)
N = 300
QUALITY = np.stack([RNG.random(N) * 0.5, RNG.random(N)], axis=1)
COST = np.stack([np.full(N, 1.0), RNG.random(N) * 4.0 + 3.0], axis=1)


@pytest.fixture(scope="module")
def arena() -> Arena:
    single = Trace(name="single", quality=QUALITY[:, 1][None], cost=COST[:, 1][None])
    return Arena(QUALITY, COST, single, np.arange(N))


def test_a_random_score_recovers_half_the_gap() -> None:
    """Any score that is constant draws the straight line from weak to strong."""
    means = pair_columns(np.zeros(N), QUALITY[:, 0], QUALITY[:, 1], 10).mean(axis=0)
    assert apgr_of(means) == pytest.approx(0.5)
    assert cpt_of(means, 0.5) == pytest.approx(0.5)


def test_the_true_lead_is_the_best_score() -> None:
    """Sending those first who gain most recovers more than half, with fewer calls than any other order."""
    lead = QUALITY[:, 1] - QUALITY[:, 0]
    best = pair_columns(lead, QUALITY[:, 0], QUALITY[:, 1], 100).mean(axis=0)
    worst = pair_columns(-lead, QUALITY[:, 0], QUALITY[:, 1], 100).mean(axis=0)
    assert apgr_of(best) > 0.7 > 0.3 > apgr_of(worst)
    assert cpt_of(best, 0.8) < cpt_of(worst, 0.8)


def test_the_best_single_model_gains_nothing_over_itself(arena: Arena) -> None:
    """To the last bit, in every resample: the comparison is paired."""
    found = arena.gain(arena.single)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_oracle_gains_and_beats_every_constant(arena: Arena) -> None:
    """Its interval lies above 0, and so does its AIQ over that of the fixed models."""
    best = QUALITY.argmax(axis=1)
    rows = np.arange(N)
    actions = np.stack([np.zeros(N, dtype=int), best])
    oracle = Trace(name="oracle", quality=QUALITY[rows, actions], cost=COST[rows, actions])
    assert arena.gain(oracle).low > 0.0
    assert arena.aiq_over_fixed(oracle)[0] > 0.0
    assert arena.worst_against_constant(oracle).high >= 0.0


def test_a_router_that_pays_for_less_is_found_out(arena: Arena) -> None:
    """At the dear model's cost it answers worse than the cheap one: the upper end lies below 0."""
    wasteful = Trace(name="wasteful", quality=QUALITY[:, 0][None] * 0.5, cost=COST[:, 1][None])
    assert arena.worst_against_constant(wasteful).high < 0.0


def test_what_is_not_known_has_no_interval() -> None:
    """A figure that does not exist is said as a dash."""
    assert figure_of(float("nan"), np.full(5, np.nan)).text() == "-"
