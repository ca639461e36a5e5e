"""Laws of the student inside the estimates."""

import numpy as np
import pytest
from scipy.sparse import vstack

from arbiter.encoders import HashingEncoder
from arbiter.estimates.blend import unit_scores
from arbiter.features import FeatureBatch, Features
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter_training.design import design_matrix
from arbiter_training.estimates.student_view import FREE, PENALTY, StudentView, teach_view

N = 90
FOLDS = np.arange(N) % 3


@pytest.fixture(scope="module")
def batch() -> FeatureBatch:
    rng = np.random.default_rng(0)
    words = ["prove", "theorem", "hello", "weather", "code", "python", "poem", "rhyme", "tax", "law"]
    queries = [read_request(" ".join(rng.choice(words, 6))) for _ in range(N)]
    return Features(HashingEncoder(dim=16), HashedNgrams(32)).fit(queries).transform(queries)


@pytest.fixture(scope="module")
def teacher(batch: FeatureBatch) -> np.ndarray:
    truth = np.random.default_rng(1).normal(size=(design_matrix(batch).shape[1], 5))
    x = design_matrix(batch) @ truth + 0.1
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def taught(batch: FeatureBatch, teacher: np.ndarray) -> StudentView:
    return teach_view(batch, teacher, FOLDS)


def test_rows_that_the_teacher_was_not_asked_are_not_taught(batch: FeatureBatch, teacher: np.ndarray) -> None:
    """As if they had not been there, and they still get a vector."""
    known = np.flatnonzero(np.arange(N) % 4 > 0)
    partly = np.full_like(teacher, np.nan)
    partly[known] = teacher[known]
    whole = teach_view(batch, partly, FOLDS)
    alone = teach_view(batch.take(known), teacher[known], FOLDS[known])
    np.testing.assert_allclose(whole.vectors[known], alone.vectors, atol=1e-5)
    assert not np.isnan(whole.vectors).any()
    assert whole.cosine == pytest.approx(alone.cosine, abs=1e-5)


def test_out_of_fold_is_a_fit_without_the_fold(batch: FeatureBatch, teacher: np.ndarray, taught: StudentView) -> None:
    """Against ridge regression solved anew on the other folds."""
    x = vstack([design_matrix(batch)]).toarray()
    x = np.concatenate([x, np.full((N, 1), FREE)], axis=1)
    seen, held = FOLDS != 1, FOLDS == 1
    gram = x[seen].T @ x[seen] + PENALTY * np.eye(x.shape[1])
    expected = x[held] @ np.linalg.solve(gram, x[seen].T @ teacher[seen])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(taught.vectors[held], expected, atol=1e-4)


def test_the_map_comes_near_the_teacher_and_out_of_fold_is_farther(
    batch: FeatureBatch, teacher: np.ndarray, taught: StudentView
) -> None:
    """Which is why other learners must see the latter."""
    own = float((unit_scores(taught.map, batch) * teacher).sum(axis=1).mean())
    assert own > taught.cosine > 0.8
