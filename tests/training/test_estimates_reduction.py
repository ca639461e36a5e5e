"""Laws of the coordinates of texts."""

import numpy as np
from scipy.sparse import csr_matrix

from arbiter.encoders import HashingEncoder
from arbiter.features import Features
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter_training.estimates.reduction import ReducedTexts, Reduction


def test_the_reduction_is_that_of_principal_components() -> None:
    """Against the singular values of the centred matrix; lifting weights gives the same scores."""
    rng = np.random.default_rng(4)
    dense = rng.normal(size=(80, 6)) @ rng.normal(size=(6, 40)) + 1.0
    reduction = Reduction.of(csr_matrix(dense), 6, 0)
    x = reduction.apply(csr_matrix(dense))
    exact = np.linalg.svd(dense - dense.mean(axis=0), compute_uv=False)[:6]
    np.testing.assert_allclose(np.linalg.svd(x, compute_uv=False), exact, rtol=1e-8)
    weights, bias = rng.normal(size=(6, 2)), rng.normal(size=2)
    coefficients, lifted = reduction.lifted(weights, bias)
    np.testing.assert_allclose(dense @ coefficients.T + lifted, x @ weights + bias, atol=1e-8)


def test_a_map_says_what_its_weights_say() -> None:
    """On the requests that it was made of, up to the half precision of a bundle's n-grams."""
    rng = np.random.default_rng(5)
    queries = [read_request(" ".join(rng.choice(["prove", "hello", "code", "poem", "tax"], 6))) for _ in range(40)]
    batch = Features(HashingEncoder(8), HashedNgrams(16)).fit(queries).transform(queries)
    texts = ReducedTexts.of(batch, 5)
    weights, bias = rng.normal(size=(5, 2)), rng.normal(size=2)
    np.testing.assert_allclose(texts.map(weights, bias).scores(batch), texts.x @ weights + bias, atol=5e-3)
    some = texts.take(np.array([3, 1]))
    np.testing.assert_array_equal(some.x, texts.x[[3, 1]])
    assert len(some.batch) == 2
