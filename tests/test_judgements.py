"""Laws of what feedback says of decisions."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import small_learned

from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.judgements import PRECISION, FeedbackRules, Judgement, JudgementFold, preferred
from arbiter.records import Decision, Feedback
from arbiter.vocabulary import FeedbackSource


@pytest.fixture(scope="module")
def decision() -> Decision:
    return small_learned().router.route(read_request("theorem proof"), np.random.default_rng(0))


def test_sources_weigh_by_their_precision_and_the_last_value_of_each_counts(decision: Decision) -> None:
    """Worked by hand: human 0.8, judge (half as precise) 0.2, then human corrected to 0.5."""
    fold = JudgementFold()
    steps = [(0.8, FeedbackSource.HUMAN), (0.2, FeedbackSource.JUDGE), (0.5, FeedbackSource.HUMAN)]
    found = [fold.change(decision, Feedback(decision_id="d", quality=q, source=s)) for q, s in steps]
    after = [(change[1].quality, change[1].weight) for change in found if change[1] is not None]
    assert after == [(0.8, 1.0), (pytest.approx(0.6), 1.5), (pytest.approx(0.4), 1.5)]
    assert found[0][0] is None and found[2][0] == found[1][1]
    unjudged = fold.change(decision, Feedback(decision_id="d", latency_s=1.0))
    assert unjudged[0] == unjudged[1]
    assert fold.change(decision, Feedback(decision_id="e", latency_s=1.0)) == (None, None)


def test_keys_tell_judgements_of_one_source_apart(decision: Decision) -> None:
    """Two raters under two keys are averaged, one under one key replaces himself."""
    fold = JudgementFold()
    fold.change(decision, Feedback(decision_id="d", quality=1.0, key="anna"))
    ben = [fold.change(decision, Feedback(decision_id="d", quality=q, key="ben")) for q in (0.0, 1.0)]
    assert ben[0] == (Judgement(1.0, 1.0), Judgement(0.5, 2.0))
    assert ben[1] == (Judgement(0.5, 2.0), Judgement(1.0, 2.0))


def test_a_source_of_precision_zero_is_not_heard(decision: Decision) -> None:
    """Its feedback is recorded and changes nothing; every source needs a precision."""
    fold = JudgementFold(FeedbackRules(precision={**PRECISION, FeedbackSource.IMPLICIT: 0.0}))
    thumb = Feedback(decision_id="d", quality=0.0, source=FeedbackSource.IMPLICIT)
    assert fold.change(decision, thumb) == (None, None)
    with pytest.raises(InvalidInputError, match="the precision of judge must be a number from 0 up, got None"):
        FeedbackRules(precision={FeedbackSource.HUMAN: 1.0})


def test_a_reward_of_ones_own_replaces_the_quality(decision: Decision) -> None:
    """Fast enough is good; without a latency nothing is known; outside [0, 1] is refused."""
    rules = FeedbackRules(reward=lambda _, f: None if f.latency_s is None else float(f.latency_s < 2.0))
    fold = JudgementFold(rules)
    assert fold.change(decision, Feedback(decision_id="d", quality=0.1, latency_s=1.0)) == (None, Judgement(1.0, 1.0))
    assert fold.change(decision, Feedback(decision_id="e", quality=0.1)) == (None, None)
    with pytest.raises(InvalidInputError, match=r"a reward must lie in \[0, 1\] or be None, got 7"):
        FeedbackRules(reward=lambda _, __: 7.0).quality(decision, Feedback(decision_id="d"))


def test_a_preference_moves_both_by_its_surprise(decision: Decision) -> None:
    """Equal estimates move half of the scale apart; an expected preference moves little; the same twice is one."""
    other = replace(decision, id="other")
    won, lost = preferred(decision, other)
    expected = decision.estimates[decision.model].quality
    assert won.quality == pytest.approx(min(expected + 0.125, 1.0))
    assert lost.quality == pytest.approx(max(expected - 0.125, 0.0))
    assert (won.source, won.key, lost.key) == (FeedbackSource.PREFERENCE, "other", decision.id)
    bad = {**other.estimates, other.model: replace(other.estimates[other.model], quality=0.0)}
    small = preferred(decision, replace(other, estimates=bad))[0].quality
    assert small is not None and won.quality is not None and small < won.quality
    with pytest.raises(InvalidInputError, match="must be two decisions"):
        preferred(decision, decision)
