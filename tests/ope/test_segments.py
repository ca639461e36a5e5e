"""Segments: what each part of the traffic says, and that looking at many is allowed for."""

import numpy as np
import pytest

from arbiter.ope import EstimateOptions, LoggedFeedback, SegmentPlan, evaluate, evaluate_difference, evaluate_segments

PLAN = SegmentPlan(outcome="reward")


def test_one_segment_is_the_whole(simulate):
    """A single label gives the estimate and the paired difference of the whole log."""
    world = simulate(900, seed=1)
    uniform = np.full((900, 4), 0.25)
    found = evaluate_segments(
        world.log, (world.action_probs, uniform), {"all": np.zeros(900)}, world.q_hat, PLAN
    ).results[0]
    alone = evaluate(world.log, world.action_probs, world.q_hat)["reward"].best
    assert (found.value.estimator, found.value.value) == ("dr", pytest.approx(alone.value))
    assert found.value.interval == pytest.approx(alone.interval)
    whole = evaluate_difference(world.log, world.action_probs, uniform, world.q_hat)["reward"].best
    assert found.difference.interval == pytest.approx(whole.interval)
    assert (found.n, found.share) == (900, 1.0)


def test_segments_add_up_and_the_largest_comes_first(simulate):
    """Sizes sum to the log, DM values weighted by size sum to that of the whole, None is a label of its own."""
    world = simulate(1000, seed=2)
    labels = np.array(["a"] * 600 + ["b"] * 300 + [None] * 100, dtype=object)
    plan = SegmentPlan(outcome="reward", options=EstimateOptions(estimators=("dr",)))
    table = evaluate_segments(world.log, (world.action_probs, None), {"x": labels}, world.q_hat, plan)
    assert [(r.label, r.n) for r in table.results[:2]] == [("a", 600), ("b", 300)]
    total = sum(r.value.value * r.share for r in table.results)
    assert total == pytest.approx(evaluate(world.log, world.action_probs, world.q_hat)["reward"].best.value)
    assert table.results[2].label == "(none)"


def harmed(n=12000, seed=3):
    """Give a log where action 1 is better by 0.1 except in the last of six segments, where it is worse by 0.3."""
    rng = np.random.default_rng(seed)
    segment, action = rng.integers(0, 6, n), rng.integers(0, 2, n)
    lift = np.where(segment == 5, -0.3, 0.1)
    reward = (rng.random(n) < 0.6 + lift * action).astype(float)
    return LoggedFeedback.from_bandit(action, reward, np.full(n, 0.5), 2), segment


def test_the_harmed_segment_is_the_worst_and_is_found():
    """A policy that is better overall and harms one segment: that one leads the worst, with the right sign."""
    log, segment = harmed()
    new, old = np.tile([0.0, 1.0], (log.n, 1)), np.tile([1.0, 0.0], (log.n, 1))
    for rule in ("holm", "benjamini_hochberg"):
        table = evaluate_segments(log, (new, old), {"domain": segment}, None, SegmentPlan(outcome="reward", rule=rule))
        worst = table.worst(1)[0]
        assert worst.label == "5" and worst.difference.interval[1] < 0.0
        assert worst in table.findings() and table.asked == 6
        assert worst.adjusted_p_value >= worst.p_value


def test_more_questions_widen_the_intervals():
    """The same segment among twelve questions has a wider interval than among six."""
    log, segment = harmed()
    new, old = np.tile([0.0, 1.0], (log.n, 1)), np.tile([1.0, 0.0], (log.n, 1))
    few = evaluate_segments(log, (new, old), {"a": segment}, None, PLAN).results[0]
    many = evaluate_segments(log, (new, old), {"a": segment, "b": segment}, None, PLAN).results[0]
    assert many.difference.width > few.difference.width
    assert many.difference.value == few.difference.value


def test_intervals_hold_for_all_segments_at_once():
    """120 logs without any effect, five segments: a miss or a finding anywhere in at most 5 % + 6 points."""
    missed = found = 0
    plan = SegmentPlan(outcome="reward", options=EstimateOptions(estimators=("snips",)))
    for seed in range(120):
        rng = np.random.default_rng([9, seed])
        log = LoggedFeedback.from_bandit(rng.integers(0, 2, 1600), rng.random(1600), np.full(1600, 0.5), 2)
        new, old = np.tile([0.3, 0.7], (1600, 1)), np.tile([0.7, 0.3], (1600, 1))
        table = evaluate_segments(log, (new, old), {"x": rng.integers(0, 5, 1600)}, None, plan)
        missed += any(not r.difference.covers(0.0) for r in table.results)
        found += bool(table.findings())
    assert missed / 120 <= 0.11 and found / 120 <= 0.11


def test_small_segments_are_refused_not_guessed(simulate):
    """Ten requests in a segment: no number, and the reason; it is not counted as a question."""
    world = simulate(1000, seed=4)
    label = np.where(np.arange(1000) < 10, "tiny", "rest")
    table = evaluate_segments(world.log, (world.action_probs, np.full((1000, 4), 0.25)), {"x": label}, None, PLAN)
    tiny = table.results[1]
    assert tiny.label == "tiny" and tiny.judgement.refused and tiny.value is None and tiny.difference is None
    assert table.asked == 1 and tiny not in table.worst()


def test_wrong_inputs_are_named(simulate):
    """Unknown outcomes, labels of another length and estimators without an error are refused."""
    world = simulate(60)
    with pytest.raises(ValueError, match="no outcome 'quality'"):
        evaluate_segments(world.log, (world.action_probs, None), {})
    with pytest.raises(ValueError, match="59 entries"):
        evaluate_segments(world.log, (world.action_probs, None), {"x": np.zeros(59)}, None, PLAN)
    with pytest.raises(ValueError, match="segments need one of"):
        SegmentPlan(options=EstimateOptions(estimators=("dm", "dros")))
