"""What a workflow is: prompts with places, conversations, names that fit."""

import pytest

from arbiter.errors import InvalidInputError
from arbiter.workflows import Exact, Step, Workflow
from arbiter.workflows.steps import filled

DRAFT = Step(name="draft", prompt="Write about {input}", system="Be brief", carry=True)
CHECK = Step(name="check", prompt='Is {draft} right? Reply {"ok": true}', carry=True)
LAST = Step(name="last", prompt="Join {draft} and {check}")
KNOWN = {"input": "rivers", "draft": "{check} the Nile", "check": "yes"}


def test_places_are_filled_once_and_other_braces_stay() -> None:
    """What an answer holds is text, even if it looks like a place; JSON in a prompt is JSON."""
    assert filled('{draft}, {"ok": {input}}, {other}', KNOWN) == '{check} the Nile, {"ok": rivers}, {other}'


def test_steps_that_carry_are_one_conversation_and_others_stand_alone() -> None:
    """The second sees the first as turns; the third only through the places of its prompt."""
    flow = Workflow(name="w", steps=(DRAFT, CHECK, LAST))
    assert flow.messages(0, KNOWN) == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Write about rivers"},
    ]
    assert flow.messages(1, KNOWN) == [
        {"role": "user", "content": "Write about rivers"},
        {"role": "assistant", "content": "{check} the Nile"},
        {"role": "user", "content": 'Is {check} the Nile right? Reply {"ok": true}'},
    ]
    assert flow.messages(2, KNOWN) == [{"role": "user", "content": "Join {check} the Nile and yes"}]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "names that differ"),
        ((DRAFT, DRAFT), "names that differ"),
        ((Step(name="input", prompt="x"),), "are not 'input'"),
        ((CHECK, DRAFT), "'check' uses the answer of 'draft', which comes no earlier"),
        ((Step(name="self", prompt="{self}"),), "comes no earlier"),
        (
            (Step(name="x", prompt="x", evaluators=(Exact(expected="1"), Exact(expected="2"))),),
            "evaluators must have names that differ",
        ),
    ],
)
def test_what_cannot_be_run_is_refused(steps: tuple[Step, ...], said: str) -> None:
    """When it is made, not in the middle of a run that is paid for."""
    with pytest.raises(InvalidInputError, match=said):
        Workflow(name="w", steps=steps)


def test_the_fingerprint_tells_workflows_apart() -> None:
    """By anything that changes what is asked; the order of a set does not."""
    one = Workflow(name="w", steps=(Step(name="a", prompt="x", options={"allow": frozenset({"m", "n", "o"})}),))
    same = Workflow(name="w", steps=(Step(name="a", prompt="x", options={"allow": frozenset({"o", "m", "n"})}),))
    assert one.fingerprint == same.fingerprint
    for other in (
        Step(name="a", prompt="y", options=one.steps[0].options),
        Step(name="a", prompt="x"),
        Step(name="a", prompt="x", options=one.steps[0].options, params={"max_tokens": 5}),
    ):
        assert Workflow(name="w", steps=(other,)).fingerprint != one.fingerprint
