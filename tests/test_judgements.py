"""Laws of what feedback says of decisions."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import small_learned

from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.judgements import PRECISION, FeedbackRules, Judgement, preferred
from arbiter.records import Decision, Feedback
from arbiter.vocabulary import FeedbackSource


@pytest.fixture(scope="module")
def decision() -> Decision:
    return small_learned().router.route(read_request("theorem proof"), np.random.default_rng(0))


def said(*given: tuple[float | None, FeedbackSource]) -> list[Feedback]:
    return [Feedback(decision_id="d", quality=quality, source=source) for quality, source in given]


def test_sources_weigh_by_their_precision_and_the_last_value_of_each_counts(decision: Decision) -> None:
    """Worked by hand: human 0.8, judge (half as precise) 0.2, then human corrected to 0.5; nothing said is nothing."""
    steps = said((0.8, FeedbackSource.HUMAN), (0.2, FeedbackSource.JUDGE), (0.5, FeedbackSource.HUMAN))
    found = [FeedbackRules().known(decision, steps[:n]) for n in range(4)]
    assert found[0] is None
    known = [(judgement.quality, judgement.weight) for judgement in found[1:] if judgement is not None]
    assert known == [(0.8, 1.0), (pytest.approx(0.6), 1.5), (pytest.approx(0.4), 1.5)]
    unjudged = Feedback(decision_id="d", latency_s=1.0)
    assert FeedbackRules().known(decision, [*steps, unjudged]) == found[3]
    assert FeedbackRules().known(decision, [unjudged]) is None


def test_keys_tell_judgements_of_one_source_apart(decision: Decision) -> None:
    """Two raters under two keys are averaged, one under one key replaces himself."""
    anna = Feedback(decision_id="d", quality=1.0, key="anna")
    ben = [Feedback(decision_id="d", quality=q, key="ben") for q in (0.0, 1.0)]
    assert FeedbackRules().known(decision, [anna, ben[0]]) == Judgement(0.5, 2.0)
    assert FeedbackRules().known(decision, [anna, *ben]) == Judgement(1.0, 2.0)


def test_a_source_of_precision_zero_is_not_heard(decision: Decision) -> None:
    """Its feedback is recorded and changes nothing; every source needs a precision."""
    rules = FeedbackRules(precision={**PRECISION, FeedbackSource.IMPLICIT: 0.0})
    assert rules.known(decision, said((0.0, FeedbackSource.IMPLICIT))) is None
    with pytest.raises(InvalidInputError, match="the precision of judge must be a number from 0 up, got None"):
        FeedbackRules(precision={FeedbackSource.HUMAN: 1.0})
    with pytest.raises(InvalidInputError, match="unknown source jugde; there are human, judge"):
        FeedbackRules(precision={**PRECISION, "jugde": 1.0})  # type: ignore[dict-item]
    with pytest.raises(InvalidInputError, match=r"got 'low'; change some of them by \{\*\*arbiter"):
        FeedbackRules(precision={**PRECISION, FeedbackSource.CODE: "low"})  # type: ignore[dict-item]


def test_a_reward_of_ones_own_replaces_the_quality(decision: Decision) -> None:
    """Fast enough is good; without a latency nothing is known; outside [0, 1] is refused."""
    rules = FeedbackRules(reward=lambda _, f: None if f.latency_s is None else float(f.latency_s < 2.0))
    assert rules.known(decision, [Feedback(decision_id="d", quality=0.1, latency_s=1.0)]) == Judgement(1.0, 1.0)
    assert rules.known(decision, [Feedback(decision_id="d", quality=0.1)]) is None
    with pytest.raises(InvalidInputError, match=r"a reward must lie in \[0, 1\] or be None, got 7"):
        FeedbackRules(reward=lambda _, __: 7.0).quality(decision, Feedback(decision_id="d"))


def test_rules_have_a_fingerprint_unless_the_reward_has_no_version() -> None:
    """Equal rules have the same one; precision, and the version of a reward, change it."""
    assert FeedbackRules().fingerprint == FeedbackRules(precision=dict(PRECISION)).fingerprint
    assert FeedbackRules(reward=lambda _, __: 1.0).fingerprint is None
    versions = [FeedbackRules(reward=lambda _, __: 1.0, version=v).fingerprint for v in ("1", "2")]
    other = FeedbackRules(precision={**PRECISION, FeedbackSource.JUDGE: 1.0}).fingerprint
    assert len({FeedbackRules().fingerprint, other, *versions}) == 4


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
    with pytest.raises(InvalidInputError, match=r"must be between two decisions, got .* twice"):
        preferred(decision, decision)
    with pytest.raises(InvalidInputError, match=r"nothing was expected of .* in decision other, "):
        preferred(decision, replace(other, estimates={}))
