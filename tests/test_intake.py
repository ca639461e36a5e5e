"""Laws of the border where a request is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.errors import InvalidInputError
from arbiter.intake import TOKENS_PER_IMAGE, read_request
from arbiter.records import Query, Requirements


def user(content: object) -> dict:
    return {"role": "user", "content": content}


@given(st.text(max_size=200))
def test_a_text_and_one_user_turn_of_it_are_the_same_request(text: str) -> None:
    """Only the messages kept for sending tell them apart."""
    plain, spoken = read_request(text), read_request([user(text)])
    assert (plain.text, plain.context, plain.system, plain.input_tokens) == (text, "", "", spoken.input_tokens)
    assert (spoken.text, spoken.context, spoken.system) == (text, "", "")
    assert spoken.messages == (user(text),)
    assert plain.input_tokens >= 1


def test_a_conversation_worked_by_hand() -> None:
    """The last user turn is the text, what was spoken before is context, system and developer turns are apart."""
    messages = [
        {"role": "system", "content": "Be brief."},
        user("Hello"),
        {"role": "assistant", "content": "Hi!"},
        {"role": "developer", "content": "Speak French."},
        user("Go on"),
        {"role": "assistant", "content": None, "tool_calls": [{}]},
        {"role": "tool", "content": "42"},
    ]
    query = read_request(messages)
    assert query.text == "Go on"
    assert query.context == "Hello\nHi!"
    assert query.system == "Be brief.\nSpeak French."
    assert query.input_tokens == round((9 + 5 + 3 + 13 + 5 + 2) / 4)
    assert query.messages == tuple(messages)


def test_parts_join_and_images_count() -> None:
    """Text parts are lines of one text; each image, whatever its spelling, is one image and 765 tokens."""
    parts = [{"type": "text", "text": "What is"}, {"type": "image_url", "image_url": {"url": "x"}}]
    parts += [{"type": "input_image"}, {"type": "text", "text": "this?"}]
    query = read_request([user(parts)])
    assert query.text == "What is\nthis?"
    assert query.n_images == 2
    assert query.input_tokens == round(len(query.text) / 4) + 2 * TOKENS_PER_IMAGE


def test_a_query_comes_back_as_it_is_save_for_requirements() -> None:
    """Reading twice changes nothing; requirements given win, None leaves the query's own."""
    demands = Requirements(max_cost_usd=0.01)
    query = read_request("x", demands)
    assert read_request(query) is query
    assert read_request(query, Requirements()).requirements == Requirements()


def test_a_query_made_by_hand_gets_its_tokens_estimated() -> None:
    """Zero tokens cannot be sent: the window would not be checked and the prompt would seem free."""
    query = read_request(Query(text="a" * 400, system="b" * 40, context="c" * 80, n_images=1))
    assert query.input_tokens == 130 + TOKENS_PER_IMAGE


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "must be a str, a list of OpenAI messages or a Query, not NoneType"),
        (b"bytes", "not bytes"),
        ({"role": "user", "content": "x"}, "not dict"),
        (3, "not int"),
        ([], "no turn with role 'user'"),
        ([{"role": "system", "content": "x"}], "no turn with role 'user'"),
        (["hello"], "message 0 is not a mapping with a 'role'; got 'hello'"),
        ([{"content": "x"}], "message 0 is not a mapping with a 'role'"),
        ([{"role": 1, "content": "x"}], "message 0 is not a mapping with a 'role'"),
        ([user("x"), user(5)], "content of message 1 is neither text nor a list of parts; got 5"),
        ([user({"text": "x"})], "content of message 0 is neither text nor a list of parts"),
        ([user(b"x")], "content of message 0 is neither text nor a list of parts"),
        ([user(p for p in ())], "content of message 0 is neither text nor a list of parts"),
        ([user(["x"])], "message 0 holds a content part that is not a mapping: 'x'"),
    ],
)
def test_a_bad_shape_is_one_clear_line(wrong: object, message: str) -> None:
    """The error names the place and the value, and fits on one line."""
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_request(wrong)  # type: ignore[arg-type]  # the point
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
