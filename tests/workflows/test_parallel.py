"""One prompt on several models, and on one model several times."""

import time

import pytest
from openai_server import answers, fails
from provider_world import CHEAP, DEAR, MIDDLE, NAMES, QUIET, running

from arbiter.errors import AllCandidatesFailedError, CatalogError, InvalidInputError
from arbiter.records import Decision
from arbiter.vocabulary import FeedbackSource
from arbiter.workflows import ask_models, check_consistency

pytestmark = QUIET
PROMPT = "Name the capital of France"


def test_every_model_answers_for_itself_at_the_same_time() -> None:
    """Each is a decision whose only candidate it is; together they take as long as the slowest, not as the sum."""
    with running() as world:
        for name, server in world.servers.items():
            server.behave = answers(f"{name} says Paris", after_s=1.0)
        world.service.complete(PROMPT)  # the first call imports
        started = time.monotonic()
        found = ask_models(world.service, PROMPT, NAMES, user="ada")
        assert time.monotonic() - started < 2.7
        assert {name: one.text for name, one in found.executions.items()} == {n: f"{n} says Paris" for n in NAMES}
        assert not found.errors and found.cost_usd > 0.0
        for name, one in found.executions.items():
            assert (one.decision.action_probs, one.decision.user) == ({name: 1.0}, "ada")
        assert len({one.decision.id for one in found.executions.values()}) == 3


def test_nobody_answers_for_another() -> None:
    """A model that fails is missing, with its error."""
    with running() as world:
        world.servers[MIDDLE].behave = fails(400)
        found = ask_models(world.service, PROMPT, NAMES)
        assert set(found.executions) == {CHEAP, DEAR}
        assert isinstance(found.errors[MIDDLE], AllCandidatesFailedError)
        for wrong in ((), (CHEAP, CHEAP)):
            with pytest.raises(InvalidInputError, match="each model once"):
                ask_models(world.service, PROMPT, wrong)
        with pytest.raises(CatalogError):
            ask_models(world.service, PROMPT, ["gpt-9"])


def test_consistency_is_the_share_that_says_the_same_and_becomes_feedback() -> None:
    """On paper: 42, 42.0, 41, 42 agree by three quarters; the odd one gets 0, the others 2/3."""
    with running() as world:
        texts = iter(["42", "The answer is: 42.0", "41", "42"])
        world.servers[CHEAP].script.extend(answers(text) for text in texts)
        found = check_consistency(world.service, "How many?", 4, allow=frozenset({CHEAP}))
        assert (found.model, found.agreement, found.consistent) == (CHEAP, 0.75, True)
        assert "42" in found.answer.text
        assert all(body["temperature"] == 0.7 for body in world.servers[CHEAP].bodies)
        marks = []
        for one in found.executions:
            (said,) = world.service.ledger.feedback_for(one.decision.id)
            assert (said.source, said.key) == (FeedbackSource.IMPLICIT, "consistency")
            marks.append((one.text, round(said.quality or 0.0, 3)))
        assert sorted(mark for _, mark in marks) == [0.0, 0.667, 0.667, 0.667]
        assert dict(marks)["41"] == 0.0


def test_consistency_needs_two_answers() -> None:
    """Of samples, and of those that come."""
    with running() as world:
        with pytest.raises(InvalidInputError, match="2 samples or more"):
            check_consistency(world.service, PROMPT, 1)
        world.servers[CHEAP].script.append(answers("Paris"))
        world.servers[CHEAP].behave = fails(400)
        with pytest.raises(AllCandidatesFailedError):
            check_consistency(world.service, PROMPT, 3, allow=frozenset({CHEAP}))
        decisions = [e.record for _, e in world.service.ledger.events() if isinstance(e.record, Decision)]
        assert len(decisions) == 3
