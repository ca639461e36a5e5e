"""Which prompts share a source, and how sources are dealt and weighed."""

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter_training.gatekeeper.sources import groups_of_sources, source_folds, source_of, source_weights

FILES = ("law_01", "law_02", "math_01", "math_02", "math_03", "desk_01", "desk_02", "clinc150")


def test_a_source_is_a_file_without_its_number() -> None:
    """Files of one author are one source; names that end otherwise are their own."""
    assert [source_of(name) for name in ("law_02", "risk_harm_01", "clinc150", "mmlu_pro_stem")] == [
        "law", "risk_harm", "clinc150", "mmlu_pro_stem",
    ]  # fmt: skip


def test_hands_and_public_sets_are_whole() -> None:
    """All files of a hand share its group, and a public set is a group."""
    groups = groups_of_sources(FILES, ("desk",), seed=0)
    assert groups[5:].tolist() == ["desk", "desk", "clinc150"]


def test_every_field_is_in_both_halves() -> None:
    """Leaving one half of the one-field files out leaves some of each field with two files or more."""
    for seed in range(5):
        groups = groups_of_sources(FILES, ("desk",), seed)
        assert set(groups[:2]) == set(groups[2:5]) == {"fields_a", "fields_b"}


def test_halves_differ_by_at_most_one_file() -> None:
    """Fields with an odd number of files take turns."""
    files = [f"{field}_{i:02d}" for field in ("law", "math", "art") for i in range(3)]
    groups = groups_of_sources(files, (), seed=0)
    assert abs(int((groups == "fields_a").sum()) - int((groups == "fields_b").sum())) == 1


def test_a_group_lies_in_one_fold() -> None:
    """Folds cut between groups; there are as many as asked for, or as there are groups."""
    groups = np.repeat(["a", "b", "c", "d"], [7, 5, 3, 1])
    for n_folds, expected in ((3, 3), (9, 4)):
        folds = source_folds(groups, n_folds, seed=0)
        assert all(len(set(folds[groups == g])) == 1 for g in "abcd")
        assert len(set(folds.tolist())) == expected


def test_one_source_cannot_be_held_out() -> None:
    """There would be nothing to learn from."""
    with pytest.raises(InvalidInputError, match="2 folds"):
        source_folds(np.array(["a", "a"]), 5, seed=0)


def test_no_source_weighs_more_than_the_cap() -> None:
    """A large source is weighed down to the cap; a small one keeps its rows' weight."""
    weights = source_weights(("a",) * 8 + ("b",) * 2, cap=4.0)
    assert weights[:8].sum() == pytest.approx(4.0)
    assert weights[8:].tolist() == [1.0, 1.0]
