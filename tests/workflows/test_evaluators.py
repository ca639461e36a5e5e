"""Judgements of answers, and the feedback that they become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import answers, fails
from provider_world import CHEAP, DEAR, QUIET, running, three_router

from arbiter.errors import InvalidInputError
from arbiter.execution import Judge
from arbiter.service import Arbiter
from arbiter.vocabulary import FallbackReason, FeedbackSource
from arbiter.workflows import Answered, ByFunction, Evaluator, Exact, FitsSchema, Judged, Matches, tell_quality

pytestmark = QUIET
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture(scope="module")
def service() -> Arbiter:
    """Give a service that is asked nothing but decisions."""
    return Arbiter(three_router())


def answered(service: Arbiter, text: str) -> Answered:
    from arbiter.intake import read_request

    query = read_request("How many?")
    return Answered(query=query, decision=service.route(query), text=text)


@pytest.mark.parametrize(
    ("evaluator", "text", "quality"),
    [
        (Exact(expected="42"), "It must be so.\nAnswer: 42", 1.0),
        (Exact(expected=["41", "42.0"]), "42", 1.0),
        (Exact(expected="42"), "43", 0.0),
        (Exact(expected="Paris", same=str.lower), "paris", 1.0),
        (Matches(pattern=r"\b\d{4}\b"), "in 1989", 1.0),
        (Matches(pattern=r"^\d+$"), "in 1989", 0.0),
        (FitsSchema(schema=SCHEMA), '{"n": 3}', 1.0),
        (FitsSchema(schema=SCHEMA), '```json\n{"n": 3}\n```', 1.0),
        (FitsSchema(schema=SCHEMA), '{"n": "three"}', 0.0),
        (FitsSchema(schema=SCHEMA), "three", 0.0),
        (ByFunction(function=lambda a: len(a.text) / 10), "12345", 0.5),
        (ByFunction(function=lambda a: None), "12345", None),
    ],
)
def test_worked_examples(service: Arbiter, evaluator: Evaluator, text: str, quality: float | None) -> None:
    """What each says of a text."""
    assert evaluator.quality(service, answered(service, text)) == quality


@given(st.text(max_size=200))
def test_any_text_has_a_quality(text: str) -> None:
    """Between 0 and 1, whatever came back; nothing raises."""
    asked = Answered(query=None, decision=None, text=text)  # type: ignore[arg-type]  # these do not look at them
    for evaluator in (Exact(expected="42"), Matches(pattern="a+b"), FitsSchema(schema=SCHEMA)):
        assert evaluator.quality(None, asked) in (0.0, 1.0)  # type: ignore[arg-type]


def test_what_they_say_is_feedback_once_by_name(service: Arbiter) -> None:
    """Saying it again corrects it; two of one name are refused before anybody is asked."""
    one = answered(service, "42")
    evaluators = [Exact(expected="42"), Matches(pattern="4"), ByFunction(function=lambda a: None)]
    for _ in range(2):
        assert tell_quality(service, one, evaluators) == {"exact": 1.0, "matches": 1.0}
    said = service.ledger.feedback_for(one.decision.id)
    assert {(f.source, f.key, f.quality) for f in said} == {
        (FeedbackSource.CODE, "exact", 1.0),
        (FeedbackSource.CODE, "matches", 1.0),
    }
    with pytest.raises(InvalidInputError, match="names that differ"):
        tell_quality(service, one, [Exact(expected="1"), Exact(expected="2")])
    with pytest.raises(InvalidInputError):
        tell_quality(service, one, [ByFunction(function=lambda a: 7.0)])


def test_what_is_wrong_with_an_evaluator_is_said(service: Arbiter) -> None:
    """A broken expression when it is made, a schema that is none when it is used."""
    with pytest.raises(InvalidInputError, match="no regular expression"):
        Matches(pattern="(")
    with pytest.raises(InvalidInputError, match="is none"):
        FitsSchema(schema={"type": "nonsense"}).quality(service, answered(service, "{}"))


def test_a_judge_marks_through_the_executor_and_its_call_is_the_decisions() -> None:
    """Paid for and recorded as not the answer, so that the feedback stays about the model that answered."""
    with running() as world:
        world.servers[DEAR].behave = answers('{"score": 8}')
        done = world.service.complete("Name the capital of France", allow=frozenset({CHEAP}))
        one = Answered(query=done.query, decision=done.decision, text=done.text)
        assert tell_quality(world.service, one, [Judged(judge=Judge(model=DEAR))]) == {"judge": 0.8}
        (said,) = world.service.ledger.feedback_for(done.decision.id)
        assert (said.source, said.quality) == (FeedbackSource.JUDGE, 0.8)
        outcomes = world.outcomes(done.decision.id)
        assert [(o.model, o.fallback_reason) for o in outcomes] == [
            (CHEAP, None),
            (DEAR, FallbackReason.NOT_NEEDED),
        ]
        assert all(o.cost_usd for o in outcomes)
        (judged,) = world.service.ledger.judged()
        assert judged.served == CHEAP
        world.servers[DEAR].behave = fails(400)
        assert tell_quality(world.service, one, [Judged(judge=Judge(model=DEAR))]) == {}
