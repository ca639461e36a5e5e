"""Values as other systems write them: times, numbers, requests, titles, errors."""

import json
from datetime import UTC, datetime

import pytest

from arbiter_training.importing.fields import dollars, number, seconds
from arbiter_training.importing.internal import names_the_chat
from arbiter_training.importing.items import UnusableError
from arbiter_training.importing.requests import read_messages
from arbiter_training.importing.statuses import error_status


@pytest.mark.parametrize(
    "value",
    [
        1_800_000_000, 1.8e9, 1_800_000_000_000, 1_800_000_000_000_000, 1_800_000_000_000_000_000, "1800000000",
        "1800000000000000000", "2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00", "2027-01-15 08:00:00",
        datetime(2027, 1, 15, 8, tzinfo=UTC), datetime(2027, 1, 15, 8),
    ],
)  # fmt: skip
def test_one_moment_in_every_unit(value: object) -> None:
    """Seconds to nanoseconds by their size, ISO 8601 with and without a zone."""
    assert seconds(value) == 1_800_000_000.0


@pytest.mark.parametrize("value", ["soon", 20260101, True, [1], "9999-99-99", 1e30])
def test_what_is_no_time(value: object) -> None:
    """A date as a number is none, nor is a truth value."""
    with pytest.raises(UnusableError):
        seconds(value)


def test_numbers_and_dollars() -> None:
    """Unknown is None; what cannot be is refused."""
    assert (number("", "n"), number(None, "n"), number(float("nan"), "n"), number("1e3", "n")) == (
        None,
        None,
        None,
        1000,
    )
    assert dollars(1, "usd") == 1.0
    for value in (-1, "x", float("inf"), True, 10**400):
        with pytest.raises(UnusableError):
            number(value, "n")
    with pytest.raises(UnusableError, match="not in US dollars"):
        dollars(1, "EUR")


USER = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("value", "request_read"),
    [
        ("hello", "hello"),
        ([USER], "hello"),
        (json.dumps([USER]), "hello"),
        ({"messages": [USER]}, "hello"),
        ({"input": {"messages": [USER]}}, "hello"),
        ([[USER]], "hello"),
        ([{"type": "human", "content": "hello"}], "hello"),
        ([["human", "hello"]], "hello"),
        ([{"role": "user", "parts": [{"text": "hello"}]}], "hello"),
        ([{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}], "hello"),
        ([USER, {"role": "assistant", "content": "bye"}], "hello"),
        ({"system": "s", "messages": [USER]}, [{"role": "system", "content": "s"}, USER]),
        ({"instructions": "s", "input": "hello"}, [{"role": "system", "content": "s"}, USER]),
        ([{"message": USER}], "hello"),
        ({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}, "hello"),
    ],
)
def test_requests_of_many_libraries(value: object, request_read: object) -> None:
    """OpenAI, Anthropic, Gemini, LangChain, OpenTelemetry; a lone user turn is text."""
    assert read_messages(value) == request_read


def test_images_stay_parts() -> None:
    """So that the router knows of them."""
    parts = [{"type": "text", "text": "what is this"}, {"type": "image_url", "image_url": {"url": "data:x"}}]
    assert read_messages([{"role": "user", "content": parts}]) == [{"role": "user", "content": parts}]


@pytest.mark.parametrize("value", ["", "  ", [], {}, None, 3, [3], {"x": 1}, {"input": {"input": {}}}])
def test_what_is_no_request(value: object) -> None:
    """Nothing to route."""
    with pytest.raises(UnusableError):
        read_messages(value)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Generate a concise, 3-5 word title for this chat.", True),
        ("### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history", True),
        ("Suggest 3 follow-up questions for the conversation above", True),
        ("Create a conversation title of five words", True),
        ("Write a title for my novel about a conversation", False),
        ("What is the title of this song?", False),
    ],
)
def test_titles_of_conversations(text: str, asked: bool) -> None:
    """Calls that a chat application makes for itself; a title for a novel is a request like any."""
    assert names_the_chat(text) is asked


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("RateLimitError", "rate_limited"), ("APITimeoutError", "timeout"), ("503", "primary_unavailable"),
        ("ContentPolicyViolationError", "safety_violation"), ("insufficient_quota", "budget_exceeded"),
        ("AuthenticationError", "primary_unavailable"), ("InternalServerError", "error"), (None, "error"),
    ],
)  # fmt: skip
def test_kinds_of_errors(told: object, status: str) -> None:
    """By the names of their classes or codes."""
    assert error_status(told) == status
