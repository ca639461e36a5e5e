"""Which text of a conversation is read."""

import itertools

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


def conversation(*turns: str) -> Query:
    roles = itertools.cycle(("user", "assistant"))
    return read_request([{"role": role, "content": text} for role, text in zip(roles, turns, strict=False)])


def test_a_follow_up_is_read_with_the_question_that_stands_alone() -> None:
    """However long the answers are, and however many turns lean on it; answers do not enter."""
    query = conversation(
        QUESTION, "Let s be the supremum. " * 200, "ok", "Ready?", "now in French, please", "Oui.", "go on"
    )
    assert reading_text(query) == f"{QUESTION}\nok\nnow in French, please\ngo on"


def test_only_the_last_turns_between_are_read() -> None:
    """And of each of them the beginning, so that a long talk does not bury its question."""
    between = [text for i in range(9) for text in (f"and case {i}?", "Yes.")]
    query = conversation(QUESTION, "Done.", *between, "go on")
    assert reading_text(query) == "\n".join([QUESTION, "and case 6?", "and case 7?", "and case 8?", "go on"])


def test_a_new_question_takes_the_place_of_the_old_one() -> None:
    """The last turn that stands alone is inherited, not the first."""
    other = "Write a long and sad poem about the autumn rain that falls in Kyoto"
    assert reading_text(conversation(QUESTION, "Done.", other, "Rain falls.", "make it shorter")) == (
        f"{other}\nmake it shorter"
    )


def test_thanks_and_greetings_stand_alone() -> None:
    """Who takes his leave inherits nothing, and nobody inherits his thanks."""
    assert reading_text(conversation(QUESTION, "Done.", "thanks, that was great!")) == "thanks, that was great!"
    query = conversation(
        QUESTION, "Done.", "thank you so much for all your help", "Welcome.", "but why does it need that?"
    )
    assert reading_text(query).startswith(QUESTION)


@pytest.mark.parametrize("text", ["Thanks!", "hi there", "thank you very much, have a nice day", "Vielen Dank, thanks"])
def test_pleasantries_lean_on_nothing(text: str) -> None:
    """As long as they say nothing else."""
    assert is_follow_up(f"{text} and now the second one")
    assert is_follow_up(text) == (text.startswith("Vielen"))  # an unknown word may be a request


def test_content_in_parts_is_read() -> None:
    """The question may come as parts, with an image."""
    parts = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    messages = [
        {"role": "user", "content": parts},
        {"role": "tool", "content": "x"},
        {"role": "user", "content": "go on"},
    ]
    assert reading_text(read_request(messages)) == f"{QUESTION}\ngo on"


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
