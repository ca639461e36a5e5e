"""What assessors say, and how it is read."""

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.heads import HEADS
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.opinion import SPOKEN_SHARE, Opinion, read_answer
from arbiter.intake import read_request

EVEN = np.full(5, 0.2)


def test_a_label_takes_nine_tenths() -> None:
    """The rest stays where the base had it, so that nothing becomes impossible."""
    found = Opinion(said={"complexity": "expert"}).probabilities("complexity", EVEN)
    np.testing.assert_allclose(found, [0.02, 0.02, 0.02, 0.02, SPOKEN_SHARE + 0.02])


def test_probabilities_are_scaled_to_one() -> None:
    """What is not named has none."""
    opinion = Opinion(said={"complexity": {"simple": 3, "moderate": 1}})
    np.testing.assert_allclose(opinion.probabilities("complexity", EVEN), [0, 0.75, 0.25, 0, 0])


@pytest.mark.parametrize(
    ("head", "shares", "verdict"),
    [
        ("domain", {"law": 0.4, "finance": 0.6}, "finance"),
        ("complexity", {"trivial": 0.4, "expert": 0.6}, "expert"),
        ("complexity", {"trivial": 0.4, "simple": 0.2, "expert": 0.4}, "simple"),
        ("harm", {"minimal": 0.59, "high": 0.41}, "high"),
        ("harm", {"minimal": 0.61, "high": 0.39}, "minimal"),
    ],
)
def test_verdicts_of_probabilities(head: str, shares: dict[str, float], verdict: str) -> None:
    """The mode of a domain, the median of complexity, and risk from two fifths on."""
    assert Opinion(said={head: shares}).verdict(head) == verdict


def test_answers_of_every_kind_are_read() -> None:
    """A level, some heads, all heads, a profile, nothing."""
    assert read_answer("expert").said == {"complexity": "expert"}
    assert read_answer({"domain": "law", "risk": "high"}).said == {"domain": "law", "stake": "high"}
    assert read_answer(None) == Opinion()
    profile = KeywordRules.default().profile(read_request("I took 40 paracetamol tablets, am I going to die?"))
    read = read_answer(profile)
    assert set(read.said) == set(HEADS)
    assert {head: read.verdict(head) for head in HEADS} == {head: getattr(profile, head) for head in HEADS}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("expret", "complexity 'expret' is unknown; did you mean 'expert'"),
        ({"domain": "legal stuff"}, "domain 'legal stuff' is unknown; known: coding, "),
        ({"complexty": "expert"}, "head 'complexty' is unknown; did you mean 'complexity'"),
        ({"harm": {"high": -1.0}}, "probabilities of harm must be numbers"),
        ({"harm": {}}, "probabilities of harm must be numbers"),
        ({"harm": {"high": float("nan")}}, "probabilities of harm must be numbers"),
        (0.8, "must be a complexity, a TaskProfile, a mapping of heads or None, got 0.8"),
    ],
)
def test_wrong_answers_are_refused(answer: object, message: str) -> None:
    """With the nearest name where there is one."""
    with pytest.raises(InvalidInputError, match=message):
        read_answer(answer)  # type: ignore[arg-type]
