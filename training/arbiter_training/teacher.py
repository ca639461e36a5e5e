"""Vectors of a large encoder, by which a student inside the estimates is taught; the bundle never runs it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.sentence_transformer import SentenceTransformerEncoder
from arbiter.errors import InvalidInputError
from arbiter.reading import reading_text
from arbiter.records import Query
from arbiter_training.embedding_cache import CachedEncoder
from arbiter_training.estimates.student_view import MAX_TEXTS

TEACHERS = ("", "minilm")
"""Names that a recipe may give: none, and all-MiniLM-L6-v2 (extra [minilm])."""


def require_teacher(name: str) -> None:
    """Check a name.

    Raises
    ------
    InvalidInputError
        If it is not one of ``TEACHERS``.
    """
    if name not in TEACHERS:
        raise InvalidInputError(f"teacher is {name!r}; give 'minilm', or '' for none")


def teacher_named(name: str, cache: str) -> Encoder | None:
    """Give the encoder of a name, remembering its vectors in a folder where one is given; None for no teacher.

    Raises
    ------
    MissingExtraError
        If its libraries are not installed.
    """
    require_teacher(name)
    if not name:
        return None
    encoder = SentenceTransformerEncoder.bundled()
    return CachedEncoder(encoder, Path(cache)) if cache else encoder


def teacher_vectors(queries: Sequence[Query], teacher: Encoder, seed: int) -> NDArray[np.float32]:
    """Encode what a student is taught on.

    Parameters
    ----------
    queries : n requests.
    teacher : the large encoder.
    seed : of the sample, where there are more than ``MAX_TEXTS``.

    Returns
    -------
    vectors : (n, d); NaN in the rows that were not drawn, since a student has learned what it can by then.
    """
    drawn = np.arange(len(queries))
    if len(drawn) > MAX_TEXTS:
        drawn = np.sort(np.random.default_rng(seed).choice(drawn, MAX_TEXTS, replace=False))
    found = teacher.encode([cut(reading_text(queries[i])) for i in drawn.tolist()])
    vectors = np.full((len(queries), found.shape[1]), np.nan, dtype=np.float32)
    vectors[drawn] = found
    return vectors
