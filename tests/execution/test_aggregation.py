"""Laws of how answers become one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.execution.aggregation import concatenated, normalised, vote

SAME = [
    ("Paris", "paris."),
    ("Paris", "**Paris**"),
    ("Paris", ' "Paris"\n'),
    ("42", "42.0"),
    ("1,234.50", "$1234.5"),
    ("4", "So we add two and two.\nAnswer: 4"),
    ("4", "Two and two\n#### 4"),
    ("4", r"We find $\boxed{4}$."),
    ("B", "The answer is B."),
    ("-3", "Final answer: -3"),
    ('{"a": 1, "b": 2}', '```json\n{"b": 2, "a": 1}\n```'),
]
OTHER = [("Paris", "Paris, Texas"), ("4", "5"), ("4", "-4"), ('{"a": 1}', '{"a": 2}'), ("", "0"), ("1,2", "12")]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_what_says_the_same_is_the_same(one: str, two: str) -> None:
    """Case, marks, fences, separators and the way to the answer do not matter."""
    assert normalised(one) == normalised(two)


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_what_says_something_else_is_not(one: str, two: str) -> None:
    """Signs, values and further words do."""
    assert normalised(one) != normalised(two)


@given(st.text(max_size=60))
def test_any_text_is_taken(text: str) -> None:
    """And doubled blanks around it change nothing."""
    assert normalised(text) == normalised(f"  {text}\n ")


def test_the_majority_wins_on_paper() -> None:
    """Two of three; of those that won, the heavier is given."""
    found = vote(["a", "b", "b"], [1.0, 1.0, 1.0])
    assert (found.winner, found.agreement) == (1, pytest.approx(2 / 3))
    found = vote(["a", "b", "b"], [1.0, 0.3, 0.5])
    assert (found.winner, found.agreement) == (0, pytest.approx(1.0 / 1.8))
    assert vote(["b", "a", "b"], [0.2, 0.1, 0.7]).winner == 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 10.0)), min_size=1, max_size=7))
def test_no_group_outweighs_the_winner(votes: list[tuple[str, float]]) -> None:
    """And the agreement is the winner's share, in (0, 1]."""
    answers, weights = [v[0] for v in votes], [v[1] for v in votes]
    counted = weights if sum(weights) > 0 else [1.0] * len(weights)
    found = vote(answers, weights)
    groups = {a: sum(w for b, w in zip(answers, counted, strict=True) if a == b) for a in answers}
    assert groups[answers[found.winner]] == pytest.approx(max(groups.values()))
    assert found.agreement == pytest.approx(max(groups.values()) / sum(counted))


def test_answers_are_joined_under_their_names() -> None:
    """In their order."""
    assert concatenated([("a", " one\n"), ("b", "two")]) == "a:\none\n\nb:\ntwo"
