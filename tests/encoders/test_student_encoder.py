"""The student's own behaviour."""

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder, SentenceTransformerEncoder, StudentEncoder, StudentWeights
from arbiter.errors import BundleError
from arbiter.ngrams import HashedNgrams


def weights(d: int, buckets: int = 32, m: int = 3) -> StudentWeights:
    rng = np.random.default_rng(0)
    return StudentWeights(
        base=rng.normal(size=(d, m)).astype(np.float16),
        ngrams=rng.normal(size=(buckets, m)).astype(np.float16),
        bias=np.ones(m, dtype=np.float32),
    )


def test_the_sum_on_paper() -> None:
    """The vector is base W + n-grams U + b, scaled to length 1."""
    base, w = HashingEncoder(8), weights(8)
    text = "which model is cheap"
    expected = base.encode([text]) @ w.base.astype(np.float32)
    expected += HashedNgrams(32).transform([text]).dot(w.ngrams.astype(np.float32)) + w.bias
    np.testing.assert_allclose(
        StudentEncoder(base, w).encode([text])[0], expected[0] / np.linalg.norm(expected), atol=1e-5
    )


def test_another_base_is_refused() -> None:
    """Weights taught on another base do not fit."""
    with pytest.raises(BundleError, match="taught on vectors of 8, its base gives 16"):
        StudentEncoder(HashingEncoder(16), weights(8))


def test_a_heavy_base_is_refused_in_a_bundle() -> None:
    """A student that would need a large model is none."""
    state = StudentEncoder(HashingEncoder(8), weights(8)).to_state()
    from dataclasses import replace

    heavy = replace(state, parts={"base": SentenceTransformerEncoder("any").to_state()})
    with pytest.raises(BundleError, match="sentence_transformer_encoder"):
        StudentEncoder.from_state(heavy)
