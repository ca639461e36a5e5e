"""Which text of a conversation is read."""

import pytest

from arbiter.intake import read_request
from arbiter.reading import CONTEXT_TAIL_CHARS, is_follow_up, reading_text
from arbiter.records import Query

QUESTION = (
    "Prove that every bounded monotone sequence of real numbers converges, and state clearly where completeness "
    "enters into your argument, with all steps."
)


def test_a_single_turn_is_read_as_it_is() -> None:
    """Without a conversation even 'yes' is all there is."""
    assert reading_text(Query(text="yes")) == "yes"


def test_a_follow_up_inherits_its_conversation() -> None:
    """'Yes, go on' is read with what was said before."""
    assert reading_text(Query(text="yes, go on", context=QUESTION)) == f"{QUESTION}\nyes, go on"


def test_a_request_that_stands_alone_is_read_alone() -> None:
    """A full question does not inherit the talk before it."""
    assert reading_text(Query(text=QUESTION, context="Hello\nHi, how can I help?")) == QUESTION


def test_a_long_conversation_is_cut_at_a_word() -> None:
    """Only the end of a long conversation is read, whole words only."""
    text = reading_text(Query(text="continue", context="alpha " * 1_000))
    assert len(text) <= CONTEXT_TAIL_CHARS + len("\ncontinue")
    assert set(text.split()) == {"alpha", "continue"}


def test_system_prompts_do_not_enter() -> None:
    """The application's own instructions say nothing of this request."""
    query = read_request(
        [
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": "Sort a list"},
            {"role": "assistant", "content": "Use sorted."},
            {"role": "user", "content": "ok, and reversed?"},
        ]
    )
    assert reading_text(query) == "Sort a list\nUse sorted.\nok, and reversed?"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes",
        "go on",
        "sí, sigue",
        "继续",
        "But why does that step need completeness at all?",
        "Make it shorter and kinder",
        "ok so what would happen when the input list is empty or null",
        "Can you explain the second one in more detail please",
    ],
)
def test_follow_ups(text: str) -> None:
    """Short turns, replies, and turns that point backwards lean on what was before."""
    assert is_follow_up(text)


@pytest.mark.parametrize(
    "text",
    [QUESTION, "What is the capital city of Australia today?", "Write a haiku about autumn rain in Kyoto", "yes " * 40],
)
def test_requests_that_stand_alone(text: str) -> None:
    """Full questions and long texts do not."""
    assert not is_follow_up(text)
