"""Laws of the training of quality: weights, blend, and what is done with few outcomes."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.encoders import HashingEncoder
from arbiter.errors import InvalidInputError
from arbiter.estimates.blend import BlendedQuality
from arbiter.features import Features
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter_training.estimates import OutcomeData, QualityOptions, fit_quality
from arbiter_training.estimates.data import MAX_WEIGHT, candidate_means
from arbiter_training.estimates.members import MemberOptions, NeighbourChoice
from arbiter_training.estimates.shared_logistic import Penalty

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini", "llama-3.1-8b"])
N = 240
OPTIONS = QualityOptions(
    components=4,
    members=MemberOptions(
        penalties=(Penalty(shared=1.0, own=4.0),),
        neighbours=(NeighbourChoice(k=20, sharpness=4.0),),
        iterations=10,
    ),
)


@pytest.fixture(scope="module")
def full() -> OutcomeData:
    """Proofs are hard and sums are easy; the first candidate can do both, the last only sums."""
    rng = np.random.default_rng(0)
    hard = rng.random(N) < 0.5
    texts = [f"Prove theorem {i} of topology" if h else f"Add the numbers {i} and {i + 1}" for i, h in enumerate(hard)]
    queries = [read_request(text) for text in texts]
    batch = Features(HashingEncoder(32), HashedNgrams(128)).fit(queries).transform(queries)
    chance = np.where(hard[:, None], [0.9, 0.5, 0.1], [0.95, 0.9, 0.85])
    return OutcomeData(
        batch=batch,
        heads=HeadProbabilities(
            stacked=np.concatenate([np.full((N, len(ls)), 1 / len(ls)) for ls in HEADS.values()], 1)
        ),
        quality=(rng.random((N, 3)) < chance).astype(float),
        inclusion=np.ones((N, 3)),
        folds=np.arange(N) % 3,
    )


def partly(data: OutcomeData, seed: int = 1) -> OutcomeData:
    """Keep one outcome per request."""
    kept = np.random.default_rng(seed).integers(3, size=N)[:, None] == np.arange(3)
    return replace(data, quality=np.where(kept, data.quality, np.nan), inclusion=np.full((N, 3), 1 / 3))


# Outcomes and their weights ---------------------------------------------------------------------------------------


def test_means_worked_by_hand() -> None:
    """(1 x .2 + 3 x .6) / 4 = .5; a column without weight takes the mean over all."""
    values = np.array([[0.2, np.nan, 1.0], [0.6, np.nan, 0.0]])
    weights = np.array([[1.0, 0.0, 1.0], [3.0, 0.0, 3.0]])
    np.testing.assert_allclose(candidate_means(values, weights), [0.5, 0.375, 0.25])


def test_weights_are_0_where_nothing_is_known_and_have_mean_1_per_candidate(full: OutcomeData) -> None:
    """They rise with the rarity of an outcome, up to the cap."""
    data = partly(full)
    inclusion = np.random.default_rng(0).uniform(0.001, 1, (N, 3))
    weights = replace(data, inclusion=inclusion).weights
    assert (weights[~data.observed] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=0) / data.observed.sum(axis=0), 1.0)
    for a in range(3):
        seen = data.observed[:, a]
        assert (np.diff(weights[seen, a][np.argsort(-inclusion[seen, a])]) >= -1e-12).all()
    scale = weights.max(axis=0) / np.where(data.observed, weights, np.inf).min(axis=0)
    assert (scale > 2).all()
    assert MAX_WEIGHT > 1


def test_equal_inclusion_is_no_weight(full: OutcomeData) -> None:
    """Uniform logging weighs every outcome 1, whatever its probability was."""
    data = partly(full)
    np.testing.assert_allclose(data.weights[data.observed], 1.0)


def test_a_trusted_half_is_half_an_outcome(full: OutcomeData) -> None:
    """Worked: weights are those of equal trust times the trust; a fit by them leans to who is trusted."""
    trust = np.where(np.arange(N) % 2, 1.0, 0.5)[:, None] * np.ones((1, 3))
    trusting = replace(full, trust=trust)
    np.testing.assert_allclose(trusting.weights, full.weights * trust)
    np.testing.assert_allclose(trusting.take(np.arange(9)).weights, full.take(np.arange(9)).weights * trust[:9])
    liars = np.arange(N) % 2 == 0
    lied = replace(full, quality=np.where(liars[:, None], 1.0 - full.quality, full.quality))
    errors = []
    for given in (None, np.where(liars, 0.05, 1.0)[:, None] * np.ones((1, 3))):
        model, _ = fit_quality(replace(lied, trust=given), CATALOG, OPTIONS)
        errors.append(float(((model.predict(full.batch, full.heads)[0] - full.quality) ** 2).mean()))
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize(
    ("quality", "message"), [(np.nan, "no outcome is known"), (1.5, r"must lie in \[0, 1\], it runs from 1.5 to 1.5")]
)
def test_outcomes_that_cannot_be_learned_from_are_refused(full: OutcomeData, quality: float, message: str) -> None:
    """At the border, in one line."""
    with pytest.raises(InvalidInputError, match=message):
        replace(full, quality=np.full((N, 3), quality))


def test_one_fold_is_refused(full: OutcomeData) -> None:
    """Nothing can be chosen out of fold there."""
    with pytest.raises(InvalidInputError, match="two folds or more"):
        fit_quality(replace(full, folds=np.zeros(N, dtype=np.int64)), CATALOG, OPTIONS)


# The blend --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partial", [False, True])
def test_the_blend_beats_the_mean_and_tells_requests_apart(full: OutcomeData, partial: bool) -> None:
    """From full and from partial feedback: less error than each candidate's mean, and the weak one sees proofs fail."""
    data = partly(full) if partial else full
    model, report = fit_quality(data, CATALOG, OPTIONS)
    assert report.blend < report.constant
    assert sum(report.weights.values()) == pytest.approx(1.0)
    assert min(report.weights.values()) >= 0
    quality, se = model.predict(full.batch, full.heads)
    assert ((quality >= 0) & (quality <= 1)).all()
    assert (se > 0).all()
    hard = np.array([row.sum() for row in full.quality]) < 2
    assert quality[hard, 2].mean() < quality[~hard, 2].mean() - 0.2
    assert (quality[:, 0] > quality[:, 2]).mean() > 0.9


def test_a_batch_is_its_rows_and_the_state_keeps_the_bits(full: OutcomeData) -> None:
    """Alone, in company, and read back from a bundle."""
    model, _ = fit_quality(full, CATALOG, OPTIONS)
    quality, se = model.predict(full.batch, full.heads)
    again = BlendedQuality.from_state(model.to_state()).predict(full.batch, full.heads)
    np.testing.assert_array_equal(again[0], quality)
    np.testing.assert_array_equal(again[1], se)
    for i in range(5):
        row = full.take(np.array([i]))
        np.testing.assert_allclose(model.predict(row.batch, row.heads)[0][0], quality[i], atol=0.02)


def test_a_candidate_without_outcomes_is_unknown_and_not_bad(full: OutcomeData) -> None:
    """It is estimated between the others, and with an error of its own: null is never 0."""
    quality = full.quality.copy()
    quality[:, 1] = np.nan
    model, _ = fit_quality(replace(full, quality=quality), CATALOG, OPTIONS)
    mean, se = model.predict(full.batch, full.heads)
    assert mean[:, 1].mean() > 0.4
    assert model.noise_variance[1] > 0.02
    assert (se[:, 1] > 0.05).all()


def test_one_bad_outcome_does_not_condemn_a_candidate(full: OutcomeData) -> None:
    """The guard holds it near what the others make likely."""
    quality = full.quality.copy()
    quality[:, 1] = np.nan
    quality[7, 1] = 0.0
    model, _ = fit_quality(replace(full, quality=quality), CATALOG, OPTIONS)
    assert model.predict(full.batch, full.heads)[0][:, 1].mean() > 0.2


def test_thirty_outcomes_borrow_from_the_others(full: OutcomeData) -> None:
    """Who fails at proofs is told by the others: less error than the mean of all 240 outcomes would leave."""
    quality = full.quality.copy()
    quality[np.random.default_rng(5).choice(N, N - 30, replace=False), 1] = np.nan
    assert np.isfinite(quality[:, 1]).sum() == 30
    model, _ = fit_quality(replace(full, quality=quality), CATALOG, OPTIONS)
    found = model.predict(full.batch, full.heads)[0][:, 1]
    truth = full.quality[:, 1]
    hidden = np.isnan(quality[:, 1])
    assert ((found - truth)[hidden] ** 2).mean() < ((truth.mean() - truth)[hidden] ** 2).mean()
