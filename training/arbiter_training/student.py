"""Teaching a student: ridge regression from static vector and hashed n-grams to the vectors of a large encoder."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.student import StudentEncoder, StudentWeights
from arbiter.encoders.vectors import scale_to_unit
from arbiter.errors import InvalidInputError
from arbiter.ngrams import HashedNgrams, NgramRows

FloatArray = NDArray[np.float64]
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentSettings:
    """How a student is taught.

    Attributes
    ----------
    buckets : of the hashed n-grams.
    folds : parts of the texts; a text's own vector comes from a student that did not see its part.
    penalties : ridge penalties of the n-gram weights to choose from, by the cosine to the teacher on the first fold.
    base_penalty_share : penalty of the base encoder's weights as a share of that of the n-grams: its few dimensions
        carry most and need little restraint.
    max_texts : more texts than this are sampled; the map has converged by then.
    seed : of folds and sample.
    """

    buckets: int = 4_096
    folds: int = 5
    penalties: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0)
    base_penalty_share: float = 0.1
    max_texts: int = 30_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise InvalidInputError(f"folds must be at least 2; got {self.folds}")
        if not self.penalties or min(self.penalties) <= 0 or self.base_penalty_share <= 0:
            raise InvalidInputError(
                f"penalties must be above 0; got {self.penalties}, base share {self.base_penalty_share}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A taught student, and what it would have said of its own texts.

    Attributes
    ----------
    student : fitted on all texts, for serving.
    vectors : (n, m) float32 out of fold: what the other learners of the same log must be fitted on, since the
        student is nearer to the teacher on texts that it was taught than it will be on new ones.
    penalty : the one chosen.
    cosine : mean cosine to the teacher, out of fold.
    """

    student: StudentEncoder
    vectors: NDArray[np.float32]
    penalty: float
    cosine: float


def teach_student(
    texts: Sequence[str],
    groups: Sequence[str],
    teacher_vectors: NDArray[np.float32],
    base: Encoder,
    settings: StudentSettings | None = None,
) -> Lesson:
    """Fit a student to its teacher's vectors.

    Parameters
    ----------
    texts : n texts.
    groups : n labels; texts of one group (one prompt, one session) stay in one fold.
    teacher_vectors : (n, m) rows of length 1.
    base : static or hashing encoder that the student stands on.
    settings : None takes the defaults.

    Raises
    ------
    InvalidInputError
        If lengths differ or there are fewer groups than folds.
    MissingExtraError
        If scipy is not installed.
    """
    settings = settings or StudentSettings()
    if not len(texts) == len(groups) == len(teacher_vectors):
        raise InvalidInputError(
            f"texts, groups and teacher_vectors must be as many; got {len(texts)}, {len(groups)} "
            f"and {len(teacher_vectors)}"
        )
    school = _School(texts, teacher_vectors, base, settings)
    fold = assign_folds(groups, settings.folds, settings.seed)
    penalty = school.choose_penalty(fold)
    vectors = np.empty((len(texts), teacher_vectors.shape[1]), dtype=np.float32)
    for held in range(settings.folds):
        vectors[fold == held] = school.predict(school.fit(fold != held, penalty), fold == held)
    cosine = _mean_cosine(vectors, teacher_vectors)
    _logger.info("student: penalty %g, cosine to the teacher %.3f out of fold", penalty, cosine)
    student = StudentEncoder(base, school.fit(np.ones(len(texts), dtype=bool), penalty))
    return Lesson(student=student, vectors=vectors, penalty=penalty, cosine=cosine)


def assign_folds(groups: Sequence[str], folds: int, seed: int) -> NDArray[np.int64]:
    """Put each group into one of ``folds`` parts at random, parts as equal as whole groups allow.

    Raises
    ------
    InvalidInputError
        If there are fewer groups than folds.
    """
    _, member, sizes = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise InvalidInputError(f"{folds} folds need at least {folds} groups of texts; got {len(sizes)}")
    order = np.random.default_rng(seed).permutation(len(sizes))
    load = np.zeros(folds)
    part = np.empty(len(sizes), dtype=np.int64)
    # The greatest first, each to the emptiest part; the shuffle decides between equals.
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        part[group] = np.argmin(load)
        load[part[group]] += sizes[group]
    return part[member]


class _School:
    """The texts of one lesson as numbers."""

    def __init__(
        self, texts: Sequence[str], targets: NDArray[np.float32], base: Encoder, settings: StudentSettings
    ) -> None:
        short = [cut(text) for text in texts]
        self._base = base.encode(short)
        self._ngrams: NgramRows = HashedNgrams(settings.buckets).transform(short)
        self._sparse = self._ngrams.to_csr().astype(np.float64)
        self._blank = np.array([not text.strip() for text in short], dtype=bool)
        self._targets = targets
        self._settings = settings

    def choose_penalty(self, fold: NDArray[np.int64]) -> float:
        settings, held = self._settings, fold == 0
        if len(settings.penalties) == 1:
            return settings.penalties[0]
        gram, moment, means = self._sums(~held)
        cosines = [
            _mean_cosine(self.predict(self._solve(gram, moment, means, penalty), held), self._targets[held])
            for penalty in settings.penalties
        ]
        return settings.penalties[int(np.argmax(cosines))]

    def fit(self, rows: NDArray[np.bool_], penalty: float) -> StudentWeights:
        return self._solve(*self._sums(rows), penalty)

    def predict(self, weights: StudentWeights, rows: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Say what :class:`StudentEncoder` with these weights would; the same sums in another order."""
        vectors = self._sparse[rows].astype(np.float32) @ weights.ngrams.astype(np.float32)
        vectors = vectors + self._base[rows] @ weights.base.astype(np.float32) + weights.bias
        vectors[self._blank[rows]] = 0.0
        return scale_to_unit(np.ascontiguousarray(vectors, dtype=np.float32))

    def _sums(self, rows: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:
        """Give X'X, X'Y and the means of the centred rows; X is [base, n-grams]."""
        from scipy.sparse import csr_matrix, hstack

        chosen = np.flatnonzero(rows & ~self._blank)
        if len(chosen) > self._settings.max_texts:
            chosen = np.random.default_rng(self._settings.seed).choice(chosen, self._settings.max_texts, replace=False)
        x = hstack([csr_matrix(self._base[chosen].astype(np.float64)), self._sparse[chosen]]).tocsr()
        y = self._targets[chosen].astype(np.float64)
        mean_x, mean_y = np.asarray(x.mean(axis=0)).ravel(), y.mean(axis=0)
        gram = (x.T @ x).toarray() - len(chosen) * np.outer(mean_x, mean_x)
        moment = x.T @ y - len(chosen) * np.outer(mean_x, mean_y)
        return gram, moment, (mean_x, mean_y)

    def _solve(
        self, gram: FloatArray, moment: FloatArray, means: tuple[FloatArray, FloatArray], penalty: float
    ) -> StudentWeights:
        """Solve the ridge regression ``(X'X + P) W = X'Y`` (Hoerl and Kennard, 1970), P diagonal, intercept free."""
        from scipy.linalg import cho_factor, cho_solve

        d = self._base.shape[1]
        penalised = gram.copy()
        diagonal = np.full(len(gram), penalty)
        diagonal[:d] *= self._settings.base_penalty_share
        penalised[np.diag_indices_from(penalised)] += diagonal
        solved = cho_solve(cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False), moment)
        mean_x, mean_y = means
        return StudentWeights(
            base=solved[:d].astype(np.float16),
            ngrams=solved[d:].astype(np.float16),
            bias=(mean_y - mean_x @ solved).astype(np.float32),
        )


def _mean_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.einsum("ij,ij->i", a, b).mean())
