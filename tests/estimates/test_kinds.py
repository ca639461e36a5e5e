"""Laws of the mixture of kinds, as it is served."""

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder
from arbiter.estimates.kinds import KindMixture, softmax
from arbiter.features import FeatureBatch, Features
from arbiter.intake import read_request
from arbiter.linear import LinearMap
from arbiter.ngrams import HashedNgrams


@pytest.fixture(scope="module")
def batch() -> FeatureBatch:
    """Two requests."""
    queries = [read_request(text) for text in ("Add 2 and 2", "Write a sonnet")]
    return Features(HashingEncoder(8), HashedNgrams(16)).fit(queries).transform(queries)


def mixture(batch: FeatureBatch, bias: list[float], quality: list[list[float]]) -> KindMixture:
    """Make a mixture whose gate looks at nothing."""
    z = len(bias)
    gate = LinearMap(
        embedding=np.zeros((8, z), np.float32),
        ngrams=np.zeros((16, z), np.float32),
        dense=np.zeros((batch.dense.shape[1], z)),
        bias=np.array(bias),
    )
    return KindMixture(gate=gate, quality=np.array(quality))


def test_a_mixture_worked_by_hand(batch: FeatureBatch) -> None:
    """Odds 3 to 1: .75 x .8 + .25 x .4 = .7."""
    found = mixture(batch, [np.log(3.0), 0.0], [[0.8, 0.1], [0.4, 0.1]]).predict(batch)
    np.testing.assert_allclose(found, [[0.7, 0.1], [0.7, 0.1]])


def test_the_state_keeps_the_bits(batch: FeatureBatch) -> None:
    """Read back from a bundle."""
    model = mixture(batch, [0.3, -0.2], [[0.8, 0.1], [0.4, 0.9]])
    np.testing.assert_array_equal(KindMixture.from_state(model.to_state()).predict(batch), model.predict(batch))


def test_softmax_sums_to_1_and_never_overflows() -> None:
    """A shift of all scores changes nothing."""
    scores = np.array([[1.0, 2.0, 3.0], [1e4, 0.0, -1e4]])
    np.testing.assert_allclose(softmax(scores).sum(axis=1), 1.0)
    np.testing.assert_allclose(softmax(scores + 7.0), softmax(scores))
