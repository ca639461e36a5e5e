"""Text statistics."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.intake import read_request
from arbiter.records import Query
from arbiter.text_statistics import STATISTICS, statistics
from arbiter.words import words


def of(text: str, **others: object) -> dict[str, float]:
    values = statistics(Query(text=text, **others))
    return dict(zip(STATISTICS, values.tolist(), strict=True))


def test_counts_on_paper() -> None:
    """A short text counted by hand."""
    found = of("Is 3.5 > 2? Say why.\nNow")
    assert found["log_characters"] == pytest.approx(math.log1p(24))
    assert found["log_words"] == pytest.approx(math.log1p(7))  # is 3 5 2 say why now
    assert found["digit_share"] == pytest.approx(3 / 24)
    assert found["uppercase_share"] == pytest.approx(3 / 24)
    assert found["punctuation_share"] == pytest.approx(3 / 24)
    assert found["operator_share"] == pytest.approx(1 / 24)
    assert found["log_numbers"] == pytest.approx(math.log1p(2))
    assert found["log_lines"] == pytest.approx(math.log1p(1))
    assert found["asks"] == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("code_fence", "Fix:\n```py\nx\n```"),
        ("log_code_signs", "def f(): return 1"),
        ("log_indented_lines", "if x:\n    y"),
        ("log_latex", r"Show that $x^2$ or \frac{1}{2}"),
        ("log_math_signs", "∫ x dx ≤ 3"),
        ("options", "Which?\nA) one\nB) two\nC) three"),
        ("log_list_markers", "Do:\n- this\n- that"),
        ("link", "See https://example.org"),
        ("non_ascii_share", "привет"),
        ("log_quotes", 'He said "no"'),
        ("log_question_marks", "为什么？"),
        ("bracket_share", "f(x)"),
    ],
)
def test_each_sign_is_seen_and_not_elsewhere(name: str, text: str) -> None:
    """A sign raises its own statistic, which is 0 for plain words."""
    assert of(text)[name] > 0
    assert of("plain words of no kind")[name] == 0


def test_the_conversation_counts() -> None:
    """Turns, images and tokens enter; the system prompt, the same for all of an application's requests, does not."""
    query = read_request(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": [{"type": "text", "text": "And this?"}, {"type": "image_url"}]},
        ]
    )
    found = dict(zip(STATISTICS, statistics(query).tolist(), strict=True))
    assert found["log_prior_turns"] == pytest.approx(math.log1p(2))
    assert found["log_images"] == pytest.approx(math.log1p(1))
    assert found["log_system_characters"] == 0.0
    assert found["log_input_tokens"] == pytest.approx(math.log1p(query.input_tokens - len("Be brief.") / 4))
    assert found["log_context_characters"] > 0


def test_a_context_without_messages_is_a_turn() -> None:
    """A Query made by hand with a context has at least one turn before it."""
    assert of("go on", context="before")["log_prior_turns"] == pytest.approx(math.log1p(1))


def test_lengths_are_those_of_the_whole() -> None:
    """A text longer than what is read keeps its true length and about its true number of words."""
    found = of("some words here " * 5_000)
    assert found["log_characters"] == pytest.approx(math.log1p(80_000))
    assert found["log_words"] == pytest.approx(math.log1p(15_000), abs=0.05)


@given(st.text(max_size=200))
def test_every_text_gives_finite_numbers(text: str) -> None:
    """Numbers are finite, shares in [0, 1], for any text."""
    values = statistics(Query(text=text))
    assert values.shape == (len(STATISTICS),) and np.all(np.isfinite(values)) and np.all(values >= 0)
    shares = [value for name, value in zip(STATISTICS, values, strict=True) if name.endswith("_share")]
    assert max(shares) <= 1


def test_names_are_distinct() -> None:
    """No statistic has the name of another."""
    assert len(set(STATISTICS)) == len(STATISTICS)


@given(st.text(alphabet="BCJA) .:\n(\u00a0xé", max_size=30))
def test_options_are_those_that_one_expression_finds(text: str) -> None:
    """Two or more that do not overlap; the fast way through the text changes nothing."""
    found = re.findall(r"(?:^|[\n\s(])[B-J][).:]\s", text)
    assert of(text)["options"] == float(len(found) >= 2)


@given(st.text(max_size=60))
def test_words_that_are_known_need_no_second_split(text: str) -> None:
    """The numbers are the same to the last bit."""
    query = Query(text=text)
    np.testing.assert_array_equal(statistics(query, words(text)), statistics(query))
