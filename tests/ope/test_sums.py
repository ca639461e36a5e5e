"""Sums that add: parts of a log, in any order, give what the whole gives."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest

from arbiter.ope import (
    EstimateOptions,
    LoggedFeedback,
    accumulate,
    conclude,
    conclude_difference,
    evaluate,
    evaluate_difference,
    evaluate_sums,
    feedback_rates,
)

OPTIONS = EstimateOptions()


def in_parts(log, tables, q_hat, bounds):
    """Sum the parts of a log one by one, last part first, and add."""
    channels, rates = OPTIONS.channels(True), feedback_rates(log)
    parts = []
    for start, stop in pairwise(bounds):
        rows = np.arange(start, stop)
        part = [None if t is None else t[rows] for t in tables]
        parts.append(accumulate(log.select(rows), part, {"reward": q_hat[rows]}, channels, rates))
    return reduce(add, reversed(parts))


def assert_same(ours, theirs):
    """Compare estimates by name to 1e-9."""
    assert ours.keys() == theirs.keys()
    for name, found in ours.items():
        assert found.value == pytest.approx(theirs[name].value, rel=1e-9, abs=1e-12)
        assert found.ess == pytest.approx(theirs[name].ess, rel=1e-9)
        assert found.hyperparameter == theirs[name].hyperparameter
        assert (found.interval is None) == (theirs[name].interval is None)
        if found.interval is not None:
            assert found.interval == pytest.approx(theirs[name].interval, rel=1e-9)


@pytest.mark.parametrize("bounds", [[0, 1, 2, 500], [0, 250, 500], [0, 123, 124, 400, 500]])
@pytest.mark.parametrize("sessions", [False, True])
def test_streamed_equals_one_pass(simulate, bounds, sessions):
    """Estimates, intervals, diagnostics and tuned thresholds agree, with sessions across parts too."""
    clusters = np.random.default_rng(0).integers(0, 80, 500) if sessions else None
    world = simulate(500, clusters=clusters)
    whole = evaluate(world.log, world.action_probs, world.q_hat)["reward"]
    streamed = evaluate_sums(in_parts(world.log, [world.action_probs], world.q_hat, bounds))["reward"]
    assert_same(streamed.estimates, whole.estimates)
    assert streamed.judgement == whole.judgement
    assert streamed.diagnostics[0].top_share == pytest.approx(whole.diagnostics[0].top_share, rel=1e-9)


def test_missing_feedback_streams_with_the_rates_of_the_whole(simulate):
    """With gaps in the reward the parts need the whole log's rates, and then agree."""
    world = simulate(600, seed=1)
    reward = np.where(np.random.default_rng(1).random(600) < 0.4, np.nan, world.log.outcomes["reward"])
    log = LoggedFeedback.from_bandit(world.log.action, reward, world.log.inclusion, 4)
    whole = evaluate(log, world.action_probs, world.q_hat)["reward"]
    assert_same(
        conclude(in_parts(log, [world.action_probs], world.q_hat, [0, 200, 600]), "reward"), dict(whole.estimates)
    )
    with pytest.raises(ValueError, match="feedback_rates"):
        accumulate(log, [world.action_probs], {}, OPTIONS.channels(False))


def test_difference_streams(simulate):
    """The paired difference of parts equals that of the whole."""
    world = simulate(500, seed=2)
    baseline = np.full((500, 4), 0.25)
    whole = evaluate_difference(world.log, world.action_probs, baseline, world.q_hat)["reward"]
    parts = in_parts(world.log, [world.action_probs, baseline], world.q_hat, [0, 77, 500])
    assert_same(conclude_difference(parts, "reward"), dict(whole.estimates))


def test_parts_with_other_thresholds_are_refused(simulate):
    """Sums of different channels do not add."""
    world = simulate(50)
    parts = [
        accumulate(world.log, [world.action_probs], {}, EstimateOptions(clip=c).channels(False)) for c in (5.0, 10.0)
    ]
    with pytest.raises(ValueError, match="parts differ"):
        parts[0] + parts[1]


@pytest.mark.parametrize("cells", ["bandit", "full", "ragged"])
def test_batches_inside_a_pass_do_not_show(simulate, cells, monkeypatch):
    """A pass cut into small batches equals one cut into none, for every shape of log."""
    rng = np.random.default_rng(3)
    world = simulate(700, seed=3)
    log = world.log
    if cells != "bandit":
        seen = np.ones((700, 4), dtype=bool) if cells == "full" else rng.random((700, 4)) < 0.6
        log = LoggedFeedback.from_matrix(np.where(seen, world.q_true, np.nan), 1.0 if cells == "full" else 0.6)
    whole = evaluate(log, world.action_probs, world.q_hat)["reward"].estimates
    monkeypatch.setattr("arbiter.ope.sums._BATCH_NUMBERS", 1)
    assert_same(dict(evaluate(log, world.action_probs, world.q_hat)["reward"].estimates), dict(whole))
