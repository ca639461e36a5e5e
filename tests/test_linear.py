"""Laws of the linear map and of the projection."""

import numpy as np

from arbiter.encoders import HashingEncoder
from arbiter.features import FeatureBatch, Features
from arbiter.intake import read_request
from arbiter.linear import LinearMap
from arbiter.ngrams import HashedNgrams
from arbiter.projection import Projection

TEXTS = ["Prove that 2 is even", "hello", "", "Write a sorting function in Rust, please", "Übersetze das ins Englische"]


def batch() -> FeatureBatch:
    return Features(HashingEncoder(16), HashedNgrams(64)).transform([read_request(text) for text in TEXTS])


def some_map(like: FeatureBatch, m: int = 3) -> LinearMap:
    rng = np.random.default_rng(0)
    return LinearMap(
        embedding=rng.normal(size=(like.embedding.shape[1], m)).astype(np.float32),
        ngrams=rng.normal(size=(like.ngrams.buckets, m)).astype(np.float32),
        dense=rng.normal(size=(like.dense.shape[1], m)),
        bias=rng.normal(size=m),
    )


def test_scores_are_the_sum_over_the_three_blocks() -> None:
    """One dense product with everything side by side gives the same, to single precision."""
    x = batch()
    mapped = some_map(x)
    beside = np.concatenate([x.embedding, x.ngrams.to_csr().toarray(), x.dense], axis=1).astype(np.float64)
    weights = np.concatenate([mapped.embedding, mapped.ngrams, mapped.dense])
    np.testing.assert_allclose(mapped.scores(x), beside @ weights + mapped.bias, rtol=1e-5, atol=1e-5)


def test_a_row_alone_equals_the_row_in_a_batch() -> None:
    """To the rounding of single precision."""
    x = batch()
    mapped = some_map(x)
    alone = np.concatenate([mapped.scores(x.take(np.array([i]))) for i in range(len(TEXTS))])
    np.testing.assert_allclose(alone, mapped.scores(x), rtol=1e-5, atol=1e-5)


def test_rounding_is_what_a_bundle_does_and_only_once() -> None:
    """A rounded map has the scores of the map read back; rounding it again changes no bit."""
    x = batch()
    rounded = some_map(x).rounded()
    np.testing.assert_array_equal(LinearMap.from_state(rounded.to_state()).scores(x), rounded.scores(x))
    np.testing.assert_array_equal(rounded.rounded().ngrams, rounded.ngrams)


def test_a_projection_worked_by_hand() -> None:
    """(3, 5) less the mean (1, 1), on the axes swapped and doubled, is (8, 4); the state keeps it."""
    projection = Projection(mean=np.array([1.0, 1.0]), components=np.array([[0.0, 2.0], [2.0, 0.0]]))
    x = np.array([[3.0, 5.0]], dtype=np.float32)
    assert projection.apply(x).tolist() == [[8.0, 4.0]]
    assert projection.dim == 2
    np.testing.assert_array_equal(Projection.from_state(projection.to_state()).apply(x), projection.apply(x))
