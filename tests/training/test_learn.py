"""Laws of learning a router from outcomes: nothing unseen enters, the same seed gives the same router."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import CHEAP, DEAR, small_base, small_learned, small_truth

from arbiter.catalog import catalog_for_log
from arbiter.encoders import HashingEncoder
from arbiter.errors import InvalidInputError
from arbiter.estimates.blend import BlendedQuality
from arbiter.gatekeeper.heads import N_OUTPUTS, HeadProbabilities
from arbiter.policies import BanditPolicy
from arbiter.policies.gate import LEAST_SPREAD
from arbiter.vocabulary import Strategy
from arbiter_training.gatekeeper import HeadReport
from arbiter_training.learn import LearnOptions, _unseen, learn_router
from arbiter_training.simulate import Uniform, simulate_log
from arbiter_training.teacher import teacher_vectors
from arbiter_training.traffic.prompt_text import query_text

OPTIONS = LearnOptions(folds=3, risk_floor=False)


def test_the_same_seed_gives_the_same_router() -> None:
    """Bit for bit in the estimates of unseen requests."""
    truth, unseen = small_truth(320), small_truth(20, 9).queries
    log = simulate_log(truth, Uniform(), 0)
    again = learn_router(log, catalog_for_log(truth.models), small_base(), OPTIONS).router
    one, two = (r.outlook(unseen).expectation for r in (small_learned().router, again))
    np.testing.assert_array_equal(one.quality, two.quality)
    np.testing.assert_array_equal(one.cost_usd, two.cost_usd)


def test_hidden_outcomes_do_not_matter() -> None:
    """A log learns the same whatever stood in the cells that it does not show."""
    truth = small_truth()
    log = simulate_log(truth, Uniform(), 0)
    assert np.isnan(log.quality[~log.observed]).all()
    blended = small_learned().quality
    assert blended.blend < 0.5 * blended.constant


def test_what_is_learned_is_right_on_unseen_requests() -> None:
    """Quality within 0.15 on average of the truth, cost within a third of the mean."""
    unseen = small_truth(60, 3)
    expected = small_learned().router.outlook(unseen.queries).expectation
    assert np.abs(expected.quality - unseen.quality).mean() < 0.15
    cost_usd = expected.cost_usd.mean(axis=0) / unseen.cost_usd.mean(axis=0)
    assert ((cost_usd > 2 / 3) & (cost_usd < 4 / 3)).all()


def test_the_parts_of_the_router_fit_together() -> None:
    """Policy over the log's models and contexts, the base's features, references from the dearest and slowest."""
    router = small_learned().router
    assert router.catalog.names == small_truth().models
    assert isinstance(router.policy, BanditPolicy)
    assert router.policy.belief.mean.shape == (3, router.context_map.dim)
    assert isinstance(router.estimator.quality, BlendedQuality)
    own = np.sqrt(router.estimator.quality.noise_variance) / router.policy.settings.noise_sd
    np.testing.assert_allclose(router.policy.gate.spread, np.maximum(own, LEAST_SPREAD))
    assert router.settings.strategy is Strategy.SINGLE_BEST and not router.settings.risk_tier
    assert 0.008 < router.settings.reference_cost_usd < 0.016


def test_what_a_dollar_is_worth_decides() -> None:
    """Nothing: the best wins everywhere; a great deal: the cheapest."""
    router, queries = small_learned().router, small_truth(20, 9).queries
    rng = np.random.default_rng(0)
    for worth, name in ((0.0, DEAR), (1e5, CHEAP)):
        told = replace(router, settings=router.settings.valuing(worth))
        chosen = {max(d.utilities, key=d.utilities.__getitem__) for d in told.route_batch(queries, rng)}
        assert chosen == {name}


def test_a_teacher_teaches_and_the_router_serves_without_it() -> None:
    """Vectors in, a student in the estimates; no vectors and no name, none."""
    truth = small_truth()
    hashed = HashingEncoder(16).encode([query_text(query) for query in truth.queries])
    learned = learn_router(
        truth, catalog_for_log(truth.models), small_base(), replace(OPTIONS, teacher="minilm"), hashed
    )
    quality = learned.router.estimator.quality
    assert isinstance(quality, BlendedQuality) and quality.view is not None
    assert quality.view.bias.shape == (16,)
    plain = small_learned().router.estimator.quality
    assert isinstance(plain, BlendedQuality) and plain.view is None


def test_the_teacher_is_asked_for_no_more_than_can_be_taught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that were not drawn are unknown, not 0."""
    monkeypatch.setattr("arbiter_training.teacher.MAX_TEXTS", 30)
    queries = small_truth().queries
    vectors = teacher_vectors(queries, HashingEncoder(16), 0)
    asked = ~np.isnan(vectors[:, 0])
    assert asked.sum() == 30
    every = HashingEncoder(16).encode([query_text(query) for query in queries])
    np.testing.assert_array_equal(vectors[asked], every[asked])


def test_an_unknown_teacher_is_refused() -> None:
    """By the names that there are."""
    with pytest.raises(InvalidInputError, match="'minilm'"):
        LearnOptions(teacher="gpt")


def test_the_estimates_do_not_read_heads_that_saw_their_rows() -> None:
    """On its own rows a new head counts out of fold; where it has no label, and in other heads, as it is served."""
    heads = HeadProbabilities(stacked=np.full((3, N_OUTPUTS), 0.25))
    unseen = np.array([[0.7, 0.1, 0.1, 0.05, 0.05], [0.0, 0.0, 0.0, 0.0, 1.0]])
    report = HeadReport(
        accuracy=1.0,
        log_loss=0.0,
        ece=0.0,
        linear_log_loss=0.0,
        boosted_log_loss=0.0,
        boosted_share=0.5,
        temperature=1.0,
        n=2,
        out_of_fold=unseen,
    )
    found = _unseen(heads, {"complexity": np.array([0, -1, 4])}, {"complexity": report})
    np.testing.assert_array_equal(found.head("complexity"), [unseen[0], [0.25] * 5, unseen[1]])
    np.testing.assert_array_equal(found.head("domain"), np.full((3, 13), 0.25))


@pytest.mark.parametrize(
    ("field", "value"),
    [("folds", 1), ("seed", -1), ("context_components", 0), ("threads", 0), ("quality_per_usd", -1.0)],
)
def test_options_check_themselves(field: str, value: float) -> None:
    """Before any work."""
    with pytest.raises(InvalidInputError, match=field):
        LearnOptions(**{field: value})  # type: ignore[arg-type]
