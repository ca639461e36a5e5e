"""Laws of the design matrix and of the principal components."""

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder
from arbiter.features import FeatureBatch, Features
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter_training.design import design_matrix, linear_map
from arbiter_training.principal import principal_components

TEXTS = ["Prove that 2 is even", "hello", "", "Sort a list in Rust, please", "What is the capital of Peru?", "a b c d"]


@pytest.fixture(scope="module")
def batch() -> FeatureBatch:
    queries = [read_request(text) for text in TEXTS]
    return Features(HashingEncoder(16), HashedNgrams(64)).fit(queries).transform(queries)


def test_the_serving_map_scores_as_the_design_matrix(batch: FeatureBatch) -> None:
    """What is fitted on scaled columns is served on plain ones: equal to the rounding of half precision."""
    design = design_matrix(batch)
    coefficients = np.random.default_rng(0).normal(size=(3, design.shape[1]))
    bias = np.array([0.1, -0.2, 0.3])
    served = linear_map(coefficients, bias, batch)
    np.testing.assert_allclose(served.scores(batch), design @ coefficients.T + bias, atol=5e-3)
    np.testing.assert_array_equal(served.rounded().scores(batch), served.scores(batch))


def test_components_have_mean_0_and_variance_1_and_are_uncorrelated() -> None:
    """On the texts they were fitted on."""
    x = (np.random.default_rng(0).normal(size=(200, 10)) @ np.random.default_rng(1).normal(size=(10, 10))).astype("f4")
    projected = principal_components(x, 6).apply(x)
    np.testing.assert_allclose(projected.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.cov(projected.T), np.eye(6), atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_directions_without_variance_give_0_and_not_noise(n: int) -> None:
    """Fewer texts than components, or texts that repeat, must not make new texts explode."""
    rng = np.random.default_rng(0)
    few = rng.normal(size=(min(n, 5), 32)).astype(np.float32)
    few /= np.linalg.norm(few, axis=1, keepdims=True)
    seen, fresh = np.resize(few, (n, 32)), rng.normal(size=(50, 32)).astype(np.float32)
    fresh /= np.linalg.norm(fresh, axis=1, keepdims=True)
    projection = principal_components(seen, 16)
    assert projection.dim == min(16, n)
    assert np.isfinite(projection.components).all()
    assert np.abs(projection.apply(fresh)).max() < 50
