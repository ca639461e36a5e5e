"""Features: the same in training and in serving."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_tokenizer import tiny_static_encoder

from arbiter.encoders import Encoder, HashingEncoder
from arbiter.errors import BundleError, InvalidInputError
from arbiter.features import DENSE_LIMIT, FeatureBatch, Features
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter.records import Query
from arbiter.text_statistics import STATISTICS

QUERIES = [
    read_request("What is the cheap model?"),
    read_request("def f(x):\n    return x ** 2  # why?"),
    read_request("证明 √2 是无理数"),
    read_request(""),
    read_request("route " * 2_000),
    Query(text="yes, go on", context="Explain the router to me.", input_tokens=12),
    Query(text="What is this?", n_images=2, input_tokens=1_500),
]


class Urgency:
    """Evidence of one word."""

    names = ("urgent",)
    fingerprint = "urgency:1"

    def __call__(self, query: Query) -> NDArray[np.float32]:
        """Look for the word."""
        return np.array(["urgent" in query.text], dtype=np.float32)


@pytest.fixture(params=[tiny_static_encoder, HashingEncoder])
def features(request: pytest.FixtureRequest) -> Features:
    encoder: Encoder = request.param()
    return Features(encoder, HashedNgrams(256), Urgency()).fit(QUERIES)


def assert_same(a: FeatureBatch, b: FeatureBatch) -> None:
    np.testing.assert_array_equal(a.embedding, b.embedding)
    np.testing.assert_array_equal(a.dense, b.dense)
    np.testing.assert_array_equal(a.ngrams.indptr, b.ngrams.indptr)
    np.testing.assert_array_equal(a.ngrams.indices, b.ngrams.indices)
    np.testing.assert_array_equal(a.ngrams.values, b.ngrams.values)
    np.testing.assert_array_equal(a.input_tokens, b.input_tokens)
    assert a.dense_names == b.dense_names


def test_one_request_is_its_row_of_the_batch(features: Features) -> None:
    """What serving computes for one request is what training computed for it among others, to the bit."""
    batch = features.transform(QUERIES)
    for i, query in enumerate(QUERIES):
        assert_same(features.transform_one(query), batch.take(np.array([i])))


def test_dense_features_are_standardised(features: Features) -> None:
    """On the rows of the fit each feature that varies has mean 0 and deviation 1."""
    dense = features.transform(QUERIES).dense
    assert dense.shape == (len(QUERIES), len(STATISTICS) + 1) and dense.dtype == np.float32
    varies = dense.std(axis=0) > 0
    np.testing.assert_allclose(dense.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(dense[:, varies].std(axis=0), 1, atol=1e-4)
    assert features.dense_names == (*STATISTICS, "urgent")


def test_what_never_occurred_in_training_stays_within_the_limit(features: Features) -> None:
    """A sign or length beyond all training rows is cut to the limit."""
    dense = features.transform_one(Query(text="??? " * 400 + "urgent", n_images=10**6, input_tokens=10**9)).dense
    assert np.all(np.abs(dense) <= DENSE_LIMIT)


def test_known_vectors_are_taken(features: Features) -> None:
    """Vectors that are given are used as they are; the wrong number of them is refused."""
    given = np.ones((len(QUERIES), 3), dtype=np.float32)
    np.testing.assert_array_equal(features.transform(QUERIES, given).embedding, given)
    with pytest.raises(InvalidInputError, match="2 embeddings were given for 7 queries"):
        features.transform(QUERIES, given[:2])


def test_no_requests_are_a_batch_of_none(features: Features) -> None:
    """An empty batch can be transformed, not fitted on."""
    assert len(features.transform([])) == 0
    with pytest.raises(InvalidInputError, match="at least one"):
        features.fit([])


def test_a_bundle_gives_the_same_features(features: Features) -> None:
    """State, and back: the same bits and fingerprint."""
    again = Features.from_state(features.to_state(), Urgency())
    assert again.fingerprint == features.fingerprint
    assert_same(again.transform(QUERIES), features.transform(QUERIES))


def test_a_bundle_with_other_evidence_is_refused(features: Features) -> None:
    """Evidence that was not there at fitting, or is not there now, does not go unnoticed."""
    with pytest.raises(BundleError, match="urgency:1"):
        Features.from_state(features.to_state())
    plain = Features(HashingEncoder()).fit(QUERIES).to_state()
    with pytest.raises(BundleError, match="train anew"):
        Features.from_state(plain, Urgency())


PRINTS = """
import numpy as np, sys
sys.path[:0] = {path!r}
from arbiter.features import Features
from test_features import QUERIES
from tiny_tokenizer import tiny_static_encoder
features = Features(tiny_static_encoder()).fit(QUERIES)
one = [features.transform_one(query) for query in QUERIES]
np.savez(sys.argv[1], embedding=np.concatenate([f.embedding for f in one]),
         dense=np.concatenate([f.dense for f in one]), values=np.concatenate([f.ngrams.values for f in one]),
         indices=np.concatenate([f.ngrams.indices for f in one]))
"""


def test_another_process_gives_the_same_features(tmp_path: Path) -> None:
    """Features of single requests in a fresh process equal those of the batch here, to the bit."""
    subprocess.run(
        [sys.executable, "-c", PRINTS.format(path=[path for path in sys.path if path]), str(tmp_path / "there.npz")],
        check=True,
    )
    here = Features(tiny_static_encoder()).fit(QUERIES).transform(QUERIES)
    with np.load(tmp_path / "there.npz") as there:
        np.testing.assert_array_equal(there["embedding"], here.embedding)
        np.testing.assert_array_equal(there["dense"], here.dense)
        np.testing.assert_array_equal(there["values"], here.ngrams.values)
        np.testing.assert_array_equal(there["indices"], here.ngrams.indices)
