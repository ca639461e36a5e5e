"""Laws of the training of lengths and speeds."""

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.encoders import HashingEncoder
from arbiter.estimates.estimator import Speed
from arbiter.estimates.tokens import OutputLength
from arbiter.features import Features
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter_training.estimates import fit_length, fit_speed
from arbiter_training.estimates.length import implied_output_tokens
from arbiter_training.estimates.reduction import ReducedTexts

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini", "llama-3.1-8b-local"])
D = 4
TRUTH = np.array([[5.0, 6.0, 4.0], [0.5, 0.6, 0.4], [-0.3, -0.3, -0.3], [0.0, 0.2, -0.2]])


def contexts(n: int, seed: int = 0) -> np.ndarray:
    return np.concatenate([np.ones((n, 1)), np.random.default_rng(seed).normal(size=(n, D - 1))], axis=1)


def lengths(x: np.ndarray, noise: float, seed: int = 1) -> np.ndarray:
    return np.exp(x @ TRUTH + noise * np.random.default_rng(seed).normal(size=(len(x), 3)))


def test_a_log_linear_truth_is_found_again() -> None:
    """From 5,000 answers with log-normal noise .3, the mean length to 5 % on fresh contexts (smear included)."""
    x, fresh = contexts(5000), contexts(200, 7)
    found = fit_length(x, lengths(x, 0.3), CATALOG).predict(fresh)
    np.testing.assert_allclose(found, np.exp(fresh @ TRUTH + 0.3**2 / 2), rtol=0.05)


def test_the_mean_length_is_unbiased() -> None:
    """The smear makes predicted and observed mean agree per candidate, to 3 %, however skewed the noise."""
    x = contexts(3000)
    y = lengths(x, 0.8)
    np.testing.assert_allclose(fit_length(x, y, CATALOG).predict(x).mean(axis=0), y.mean(axis=0), rtol=0.03)


def test_unknown_lengths_never_count() -> None:
    """Dropping rows in which nothing is known changes nothing; a hole is not a zero."""
    x, y = contexts(300), lengths(contexts(300), 0.3)
    y[np.random.default_rng(3).random(y.shape) < 0.4] = np.nan
    y[:50] = np.nan
    one, two = fit_length(x, y, CATALOG), fit_length(x[50:], y[50:], CATALOG)
    np.testing.assert_allclose(one.weights, two.weights, atol=1e-9)
    np.testing.assert_allclose(one.smear, two.smear, atol=1e-9)


def test_a_candidate_without_answers_takes_what_the_others_have_in_common() -> None:
    """Their slope and the middle of their levels."""
    x, y = contexts(1000), lengths(contexts(1000), 0.1)
    y[:, 2] = np.nan
    found = fit_length(x, y, CATALOG).predict(contexts(100, 5))
    assert (found[:, 2] >= found[:, :2].min(axis=1) * 0.8).all()
    assert (found[:, 2] <= found[:, :2].max(axis=1) * 1.2).all()


def test_one_short_answer_does_not_bound_a_candidate() -> None:
    """A single answer of 3 tokens is news of one answer, not of the greatest length."""
    x, y = contexts(1000), lengths(contexts(1000), 0.1)
    y[:, 2] = np.nan
    y[0, 2] = 3.0
    assert np.median(fit_length(x, y, CATALOG).predict(x)[:, 2]) > 10


def test_without_any_length_there_is_a_typical_one() -> None:
    """300 tokens for everyone, never an error."""
    found = fit_length(contexts(20), np.full((20, 3), np.nan), CATALOG).predict(contexts(5))
    np.testing.assert_allclose(found, 300.0, rtol=1e-9)


def test_implied_tokens_times_price_are_the_cost() -> None:
    """Exactly, for every candidate whose output has a price; unknown costs stay unknown."""
    rng = np.random.default_rng(0)
    tokens, prompt = rng.integers(1, 3000, (50, 3)).astype(float), rng.integers(1, 9000, 50).astype(float)
    prices = CATALOG.arrays
    cost = (np.outer(prompt, prices.usd_per_mtok_in) + tokens * prices.usd_per_mtok_out) / 1e6
    cost[4, 0] = np.nan
    implied = implied_output_tokens(cost, prompt, CATALOG)
    paid = prices.usd_per_mtok_out > 0
    assert paid.tolist() == [True, True, False]
    np.testing.assert_allclose(implied[:, paid], np.where(np.isnan(cost), np.nan, tokens)[:, paid], rtol=1e-6)
    assert np.isnan(implied[:, ~paid]).all()
    assert implied_output_tokens(np.zeros((1, 3)), np.ones(1), CATALOG)[0, 0] == 1.0


# Speed ------------------------------------------------------------------------------------------------------------


def test_a_linear_latency_is_found_again() -> None:
    """Time to first token and speed, from 500 answers, to 5 %; who has under 30 answers keeps the catalog's prior."""
    rng = np.random.default_rng(0)
    tokens = rng.uniform(10, 2000, (500, 3))
    latency = np.array([0.4, 1.2, 0.3]) + tokens / np.array([50.0, 120.0, 20.0]) + rng.normal(0, 0.02, (500, 3))
    latency[29:, 2] = np.nan
    speed, prior = fit_speed(latency, tokens, CATALOG), Speed.of(CATALOG)
    np.testing.assert_allclose(speed.ttft_s[:2], [0.4, 1.2], rtol=0.05)
    np.testing.assert_allclose(speed.output_tokens_per_s[:2], [50.0, 120.0], rtol=0.05)
    assert speed.ttft_s[2] == prior.ttft_s[2]
    assert speed.output_tokens_per_s[2] == prior.output_tokens_per_s[2]


def test_a_latency_that_does_not_grow_with_the_answer_is_all_in_the_first_token() -> None:
    """The predicted mean is the measured one; a prior speed on top would count the time twice."""
    rng = np.random.default_rng(0)
    tokens = rng.uniform(10, 2000, (200, 3))
    latency = 3.0 - 0.0005 * tokens
    predicted = fit_speed(latency, tokens, CATALOG).latency_s(tokens)
    np.testing.assert_allclose(predicted.mean(axis=0), latency.mean(axis=0), rtol=0.01)


def test_fitting_leaves_the_catalogs_numbers_alone() -> None:
    """The prior's arrays belong to the catalog."""
    before = CATALOG.arrays.ttft_s.copy()
    fit_speed(np.ones((40, 3)), np.full((40, 3), 10.0), CATALOG)
    assert CATALOG.arrays.ttft_s == pytest.approx(before)


@pytest.fixture(scope="module")
def texts() -> ReducedTexts:
    """Ask for lists and for words; only the text tells which."""
    rng = np.random.default_rng(6)
    wanted = rng.random(300) < 0.5
    noise = ["river", "planet", "month", "colour", "letter", "number"]
    lines = [f"{'enumerate thoroughly' if w else 'briefly'} {' '.join(rng.choice(noise, 5))}" for w in wanted]
    queries = [read_request(line) for line in lines]
    batch = Features(HashingEncoder(16), HashedNgrams(64)).fit(queries).transform(queries)
    return ReducedTexts.of(batch, 20)


def test_what_only_the_text_tells_is_learned_for_all_candidates(texts: ReducedTexts) -> None:
    """A candidate with ten answers knows from the others who asks for a list; the mean stays right within a tenth."""
    long = texts.x[:, 0] > np.median(texts.x[:, 0])
    x = np.ones((300, 1))
    y = np.where(long, 800.0, 50.0)[:, None] * np.exp(np.random.default_rng(7).normal(size=(300, 3)) * 0.1)
    y[10:, 2] = np.nan
    found = fit_length(x, y, CATALOG, texts)
    tokens = found.predict(x, texts.batch)
    assert np.corrcoef(tokens[:, 2], long)[0, 1] > 0.8
    np.testing.assert_allclose(tokens[:, :2].mean(axis=0), y[:, :2].mean(axis=0), rtol=0.1)


def test_a_length_that_reads_the_text_keeps_its_bits_and_asks_for_it(texts: ReducedTexts) -> None:
    """Read back from a bundle it says the same, and without features it does not guess."""
    x = np.ones((300, 1))
    y = np.exp(np.random.default_rng(8).normal(size=(300, 3)) + 4.0)
    found = fit_length(x, y, CATALOG, texts)
    again = OutputLength.from_state(found.to_state())
    np.testing.assert_array_equal(again.predict(x, texts.batch), found.predict(x, texts.batch))
    with pytest.raises(AssertionError, match="needs its features"):
        found.predict(x)
