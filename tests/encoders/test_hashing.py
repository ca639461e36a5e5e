"""The encoder without a model."""

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder, hashing
from arbiter.errors import InvalidInputError


def test_like_texts_are_nearer_than_unlike_ones() -> None:
    """A changed ending keeps texts near; other words do not."""
    a, b, c = HashingEncoder().encode(["sorting numbers quickly", "sort numbers quick", "medieval castle walls"])
    assert a @ b > 0.3 > abs(a @ c)


def test_the_order_of_words_counts() -> None:
    """The same words in another order are near, not equal."""
    a, b = HashingEncoder().encode(["dog bites man", "man bites dog"])
    assert 0.5 < a @ b < 0.99


def test_vectors_are_the_same_for_ever() -> None:
    """The hash is part of the bundle's format: a changed one would silently break every fitted model."""
    expected = [0.0, -0.229416, -0.688247, -0.458831, 0.458831, 0.0, -0.229416, 0.0]
    vector = HashingEncoder(8).encode(["hello router"])[0]
    np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_a_full_memory_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors stay the same when more words come than are remembered."""
    monkeypatch.setattr(hashing, "MAX_REMEMBERED_WORDS", 2)
    texts = ["one two three four", "five six", "one two three four"]
    vectors = HashingEncoder().encode(texts)
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_too_few_dimensions_are_refused() -> None:
    """A dimension that holds nothing is named with a better one."""
    with pytest.raises(InvalidInputError, match=r"at least 8, e\.g\. 256; got 4"):
        HashingEncoder(4)
