"""Teaching a student."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from arbiter.encoders import HashingEncoder
from arbiter.encoders.vectors import scale_to_unit
from arbiter.errors import InvalidInputError
from arbiter_training.student import StudentSettings, assign_folds, teach_student

pytest.importorskip("scipy")
SETTINGS = StudentSettings(buckets=256, penalties=(0.3, 3.0))
BASE = HashingEncoder(32)


def corpus(n: int = 300) -> tuple[list[str], NDArray[np.float32]]:
    """Give texts of random words, and a teacher whose vector is the sum of fixed directions of the words."""
    rng = np.random.default_rng(0)
    vocabulary = [f"word{i}" for i in range(40)]
    directions = rng.normal(size=(40, 6))
    chosen = [rng.choice(40, size=8, replace=False) for _ in range(n)]
    texts = [" ".join(vocabulary[i] for i in row) for row in chosen]
    vectors = np.array([directions[row].sum(axis=0) for row in chosen], dtype=np.float32)
    return texts, scale_to_unit(vectors)


def test_a_student_learns_what_is_a_sum_over_words() -> None:
    """Out of fold the cosine to such a teacher is above 0.9; on its own texts, above that."""
    texts, teacher = corpus()
    lesson = teach_student(texts, texts, teacher, BASE, SETTINGS)
    seen = float(np.einsum("ij,ij->i", lesson.student.encode(texts), teacher).mean())
    assert 0.9 < lesson.cosine < seen
    assert lesson.penalty in SETTINGS.penalties
    np.testing.assert_allclose(np.linalg.norm(lesson.vectors, axis=1), 1, atol=1e-5)


def test_a_vector_out_of_fold_does_not_know_its_teacher() -> None:
    """Another teacher's vector for the texts of one group changes that group's own vectors not at all."""
    texts, teacher = corpus(120)
    groups = [str(i // 4) for i in range(120)]
    one_penalty = replace(SETTINGS, penalties=(1.0,))
    before = teach_student(texts, groups, teacher, BASE, one_penalty).vectors
    changed = teacher.copy()
    changed[:4] *= -1
    after = teach_student(texts, groups, changed, BASE, one_penalty).vectors
    np.testing.assert_allclose(after[:4], before[:4], atol=1e-6)
    assert np.abs(after[4:] - before[4:]).max() > 1e-3


def test_the_student_served_is_the_ridge_solution() -> None:
    """The weights equal those of the textbook equations on the written-out matrix."""
    texts, teacher = corpus(80)
    settings = replace(SETTINGS, penalties=(2.0,))
    student = teach_student(texts, texts, teacher, BASE, settings).student
    from arbiter.ngrams import HashedNgrams

    x = np.hstack([BASE.encode(texts), HashedNgrams(256).transform(texts).to_csr().toarray()]).astype(np.float64)
    centred = x - x.mean(axis=0)
    penalty = np.diag(np.r_[np.full(32, 0.2), np.full(256, 2.0)])
    solved = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (teacher - teacher.mean(axis=0)))
    expected = scale_to_unit((centred @ solved + teacher.mean(axis=0)).astype(np.float32))
    np.testing.assert_allclose(student.encode(texts), expected, atol=2e-3)


def test_blank_texts_teach_nothing() -> None:
    """A blank text has no vector and leaves the others' alone."""
    texts, teacher = corpus(60)
    with_blank = teach_student(
        [*texts, " "], [*texts, " "], np.vstack([teacher, np.zeros((1, 6), np.float32)]), BASE, SETTINGS
    )
    assert not with_blank.vectors[-1].any()


def test_groups_stay_together_in_even_folds() -> None:
    """Each group lies in one fold, and folds are about equal."""
    groups = [str(i % 37) for i in range(500)]
    fold = assign_folds(groups, 5, seed=0)
    assert all(len({fold[i] for i in range(500) if groups[i] == group}) == 1 for group in set(groups))
    assert np.ptp(np.bincount(fold, minlength=5)) <= 15
    np.testing.assert_array_equal(fold, assign_folds(groups, 5, seed=0))


def test_wrong_lengths_and_too_few_groups_are_refused() -> None:
    """What cannot be taught is named."""
    texts, teacher = corpus(20)
    with pytest.raises(InvalidInputError, match="got 20, 20 and 19"):
        teach_student(texts, texts, teacher[1:], BASE, SETTINGS)
    with pytest.raises(InvalidInputError, match="at least 5 groups of texts; got 1"):
        teach_student(texts, ["one"] * 20, teacher, BASE, SETTINGS)


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"penalties": ()}, {"penalties": (0.0,)}, {"base_penalty_share": 0.0}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    """A setting that cannot work is refused when it is given."""
    with pytest.raises(InvalidInputError, match="must be"):
        StudentSettings(**wrong)
