"""Laws of cost, latency, length and rated quality."""

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.encoders import HashingEncoder
from arbiter.estimates.estimator import Estimator, Speed
from arbiter.estimates.quality import DIFFICULTY, RatedQuality
from arbiter.estimates.tokens import OutputLength
from arbiter.features import FeatureBatch, Features
from arbiter.gatekeeper.heads import N_OUTPUTS, SLICES, HeadProbabilities
from arbiter.records import Query

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini", "llama-3.1-8b-local"])


def batch(tokens: list[int]) -> FeatureBatch:
    return Features(HashingEncoder(16)).transform([Query(text="x", input_tokens=n) for n in tokens])


def heads(complexity: list[int]) -> HeadProbabilities:
    stacked = np.zeros((len(complexity), N_OUTPUTS))
    for name, where in SLICES.items():
        stacked[:, where.start] = name != "complexity"
    stacked[np.arange(len(complexity)), SLICES["complexity"].start + np.array(complexity)] = 1.0
    return HeadProbabilities(stacked=stacked)


def estimator() -> Estimator:
    """Expect 1,000 output tokens of everyone."""
    return Estimator(
        quality=RatedQuality(ratings=CATALOG.arrays.quality),
        length=OutputLength(weights=np.full((1, 3), np.log(1000.0)), smear=np.ones(3), most=np.full(3, 1e6)),
        speed=Speed.of(CATALOG),
    )


def test_cost_and_latency_worked_by_hand() -> None:
    """2,000 tokens in and 1,000 out at the list prices; first token, then 1,000 at the catalog's speed."""
    expected = estimator().expect(CATALOG, batch([2000]), heads([2]), np.ones((1, 1)))
    for k, c in enumerate(CATALOG):
        assert expected.cost_usd[0, k] == pytest.approx((2000 * c.usd_per_mtok_in + 1000 * c.usd_per_mtok_out) / 1e6)
        assert expected.latency_s[0, k] == pytest.approx(c.ttft_s + 1000 / c.output_tokens_per_s)
    np.testing.assert_allclose(expected.output_tokens, 1000.0)
    assert expected.cost_usd[0, 2] == 0.0


def test_a_batch_is_its_rows() -> None:
    """No request's estimate depends on its company."""
    x, h, z = batch([10, 500, 90_000]), heads([0, 2, 4]), np.ones((3, 1))
    together = estimator().expect(CATALOG, x, h, z)
    for i in range(3):
        one = np.array([i])
        alone = estimator().expect(CATALOG, x.take(one), HeadProbabilities(stacked=h.stacked[one]), z[one])
        for name in ("quality", "quality_se", "cost_usd", "latency_s", "output_tokens"):
            np.testing.assert_allclose(getattr(alone, name)[0], getattr(together, name)[i], rtol=1e-12)


def test_rated_quality_is_the_rating_on_moderate_requests() -> None:
    """The rating by definition; on harder requests less, on easier more, and never another order of candidates."""
    ratings = np.array([0.9, 0.6, 0.3])
    mean, se = RatedQuality(ratings=ratings).predict(batch([1] * 5), heads([0, 1, 2, 3, 4]))
    np.testing.assert_allclose(mean[2], ratings)
    assert (np.diff(mean, axis=0) < 0).all()
    assert (np.diff(mean, axis=1) < 0).all()
    logit = np.log(mean / (1 - mean))
    np.testing.assert_allclose(logit[2] - logit, np.broadcast_to(DIFFICULTY[:, None], (5, 3)), atol=1e-12)
    assert (se > 0).all()


def test_a_rating_of_one_is_not_certainty() -> None:
    """Ratings are cut to [.01, .99]: no candidate is perfect, none hopeless."""
    mean, _ = RatedQuality(ratings=np.array([0.0, 1.0])).predict(batch([1]), heads([2]))
    np.testing.assert_allclose(mean[0], [0.01, 0.99])


def test_lengths_stay_between_one_token_and_the_greatest() -> None:
    """Whatever the context says, also where the exponential would overflow."""
    length = OutputLength(weights=np.array([[0.0, 0.0], [1e6, -1e6]]), smear=np.ones(2), most=np.array([4096.0, 50.0]))
    tokens = length.predict(np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 0.0]]))
    assert tokens.tolist() == [[4096.0, 1.0], [1.0, 50.0], [1.0, 1.0]]


@pytest.mark.parametrize("part", ["quality", "length", "speed"])
def test_each_part_survives_its_state(part: str) -> None:
    """Read back, the estimates are the same to the bit."""
    parts = {name: getattr(estimator(), name) for name in ("quality", "length", "speed")}
    parts[part] = type(parts[part]).from_state(parts[part].to_state())
    args = (CATALOG, batch([7, 70]), heads([1, 3]), np.ones((2, 1)))
    before, after = estimator().expect(*args), Estimator(**parts).expect(*args)
    np.testing.assert_array_equal(after.quality, before.quality)
    np.testing.assert_array_equal(after.cost_usd, before.cost_usd)
    np.testing.assert_array_equal(after.latency_s, before.latency_s)
