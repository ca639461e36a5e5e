"""Laws of near-duplicate groups: equal texts together, different ones apart, no pair above the threshold parted."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter_training.traffic.near_duplicates import THRESHOLD, jaccard, near_duplicate_groups

LETTERS = np.random.default_rng(0).choice(list("abcdefghijklmnopqrstuvwxyz"), (4000, 6))
WORDS = ["".join(letters[: 3 + i % 4]) for i, letters in enumerate(LETTERS)]


def sentences(n: int, words: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words)) + f" {i}" for i in range(n)]


def test_what_does_not_matter_does_not_part() -> None:
    """Case, white space and composition of letters make no difference; empty texts are alike."""
    texts = ["Caf\u00e9 au lait", "cafe\u0301  AU\nlait ", "", " \n", "tea"]
    assert near_duplicate_groups(texts).tolist() == [0, 0, 1, 1, 2]


def test_one_word_in_many_is_a_twin_and_a_template_is_not() -> None:
    """A word problem with other numbers is the same; two questions in one form are not."""
    problem = "A shop sells {} pens in the morning and {} pens in the afternoon. How many pens does the shop sell?"
    form = "Question: {}\nAnswer with the correct option."
    texts = [
        problem.format(12, 30),
        problem.format(17, 45),
        form.format("What happens after something dies and is left alone in the forest for a year?"),
        form.format("Which planet of the solar system is the largest one when measured by its mass?"),
    ]
    groups = near_duplicate_groups(texts).tolist()
    assert groups[0] == groups[1] and len(set(groups[1:])) == 3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=12), st.integers(0, 5))
def test_groups_are_a_partition_that_respects_equality(texts: list[str], repeat: int) -> None:
    """Equal texts have equal numbers, and numbers run from 0 in order of first appearance."""
    texts = texts + texts[:repeat]
    groups = near_duplicate_groups(texts)
    assert all(groups[i] == groups[texts.index(text)] for i, text in enumerate(texts))
    assert list(dict.fromkeys(groups.tolist())) == list(range(len(set(groups.tolist()))))


def test_joined_pairs_are_similar_and_similar_pairs_are_joined() -> None:
    """Against all pairs: nothing is joined by chance, and nearly every pair above the threshold is found."""
    rng = np.random.default_rng(1)
    base = sentences(60, 14, 2)
    edits = [" ".join(w if rng.random() > 0.05 else "changed" for w in text.split()) for text in base for _ in (0, 1)]
    texts = base + edits
    groups = near_duplicate_groups(texts)
    similar = [
        (i, j) for i, j in itertools.combinations(range(len(texts)), 2) if jaccard(texts[i], texts[j]) >= THRESHOLD
    ]
    assert sum(groups[i] == groups[j] for i, j in similar) >= 0.97 * len(similar) > 50
    linked = {i for pair in similar for i in pair}
    alone = [i for i in range(len(texts)) if i not in linked]
    assert len({groups[i] for i in alone}) == len(alone)


def test_the_threshold_is_obeyed() -> None:
    """A pair is joined at its own similarity and not above it."""
    pair = ["the quick brown fox jumps over the lazy dog today", "the quick brown fox jumps over the lazy cat today"]
    similarity = jaccard(*pair)
    assert near_duplicate_groups(pair, similarity).tolist() == [0, 0]
    assert near_duplicate_groups(pair, similarity + 1e-6).tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["different", "twins"])
def test_four_thousand_texts_take_under_five_seconds(kind: str) -> None:
    """The grouping is quick enough to run before every training."""
    texts = sentences(4000, 80, 3) if kind == "different" else sentences(40, 80, 3) * 100
    start = time.perf_counter()
    groups = near_duplicate_groups(texts)
    assert time.perf_counter() - start < 5
    assert groups.max() + 1 == (4000 if kind == "different" else 40)
