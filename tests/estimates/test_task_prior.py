"""Laws of the cold-start table: which models are preferred for which kind of work."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.encoders import HashingEncoder
from arbiter.estimates.quality import RatedQuality
from arbiter.estimates.task_prior import (
    FALLBACK,
    PLACE,
    PRIMARY,
    TYPES,
    TaskRatedQuality,
    preferences,
    preferred_models,
    task_probabilities,
)
from arbiter.features import FeatureBatch, Features
from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES, HeadProbabilities
from arbiter.gatekeeper.task_type import task_type
from arbiter.policies import GreedyPolicy
from arbiter.records import Query
from arbiter.vocabulary import Complexity, Domain, Objective, Status, TaskType

CATALOG = Catalog.default()
CASES = {
    TaskType.COMPLEX_CODE: (Domain.CODING, Complexity.EXPERT, 200, 0),
    TaskType.SIMPLE_CODE: (Domain.CODING, Complexity.SIMPLE, 200, 0),
    TaskType.MATH_LOGIC: (Domain.MATH, Complexity.COMPLEX, 200, 0),
    TaskType.LONG_DOCUMENT: (Domain.LAW, Complexity.MODERATE, 60_000, 0),
    TaskType.CHAT_SIMPLE: (Domain.CONVERSATION, Complexity.TRIVIAL, 20, 0),
    TaskType.CREATIVE: (Domain.CREATIVE_WRITING, Complexity.COMPLEX, 200, 0),
    TaskType.DATA_ANALYSIS: (Domain.DATA_ANALYSIS, Complexity.MODERATE, 200, 0),
    TaskType.MULTIMODAL: (Domain.GENERAL, Complexity.SIMPLE, 1000, 1),
}


def certain(domain: Domain, complexity: Complexity) -> HeadProbabilities:
    stacked = np.zeros((1, N_OUTPUTS))
    for head, label in (("domain", domain), ("complexity", complexity), ("harm", "minimal"), ("stake", "minimal")):
        stacked[0, SLICES[head].start + HEADS[head].index(label)] = 1.0
    return HeadProbabilities(stacked=stacked)


def batch_of(tokens: int, images: int) -> FeatureBatch:
    query = Query(text="x", input_tokens=tokens, n_images=images)
    return Features(HashingEncoder(16)).transform([query])


def test_the_table_names_every_kind_of_work_and_only_models_of_the_catalog() -> None:
    """Eight rows; each list ends in a model that can be called today."""
    assert set(preferred_models()) == set(TaskType)
    for lists in preferred_models().values():
        for names in lists:
            assert all(name in CATALOG for name in names)
            assert CATALOG[names[-1]].status is Status.AVAILABLE


def test_the_first_callable_of_a_list_is_preferred() -> None:
    """A retired model hands over to its successor; a model without successor in the catalog to nobody."""
    bonus = preferences(CATALOG)
    chat = bonus[PLACE[TaskType.CHAT_SIMPLE]]
    assert chat[CATALOG.position("claude-haiku-4-5")] == PRIMARY
    assert chat[CATALOG.position("claude-haiku-3-5")] == 0.0
    assert chat[CATALOG.position("gpt-4o-mini")] == FALLBACK
    assert preferences(CATALOG.subset(["llama-3.1-8b"])).sum() == 0.0


@pytest.mark.parametrize("kind", TYPES)
def test_task_types_are_those_of_the_gatekeeper(kind: TaskType) -> None:
    """For certain heads all probability lies on the task type that the rule gives."""
    domain, complexity, tokens, images = CASES[kind]
    assert task_type(domain, complexity, tokens, images) is kind
    found = task_probabilities(batch_of(tokens, images), certain(domain, complexity))[0]
    assert found[PLACE[kind], complexity.rank] == pytest.approx(1.0)


@given(st.integers(0, 2**32 - 1), st.sampled_from([100, 80_000]), st.sampled_from([0, 2]))
@settings(deadline=None, max_examples=30)
def test_probabilities_sum_to_one(seed: int, tokens: int, images: int) -> None:
    """Over task types and complexities, and over task types they are the complexity's."""
    rng = np.random.default_rng(seed)
    parts = [rng.dirichlet(np.ones(len(labels))) for labels in HEADS.values()]
    heads = HeadProbabilities(stacked=np.concatenate(parts)[None])
    found = task_probabilities(batch_of(tokens, images), heads)
    assert found.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.sum(axis=1), heads.head("complexity"))


def test_without_preferences_it_is_the_rated_quality() -> None:
    """A table that prefers nobody changes nothing."""
    heads, batch = certain(Domain.MATH, Complexity.COMPLEX), batch_of(100, 0)
    ratings = CATALOG.arrays.quality
    plain = TaskRatedQuality(ratings=ratings, bonus=np.zeros((8, len(CATALOG)))).predict(batch, heads)
    np.testing.assert_allclose(plain[0], RatedQuality(ratings=ratings).predict(batch, heads)[0])


def test_a_bundle_gives_it_back() -> None:
    """State and back predicts the same, bit for bit."""
    model = TaskRatedQuality(ratings=CATALOG.arrays.quality, bonus=preferences(CATALOG))
    heads, batch = certain(Domain.CODING, Complexity.EXPERT), batch_of(100, 0)
    again = TaskRatedQuality.from_state(model.to_state())
    np.testing.assert_array_equal(again.predict(batch, heads)[0], model.predict(batch, heads)[0])


@pytest.mark.parametrize("kind", TYPES)
def test_cold_start_prefers_the_tables_primary_and_then_its_fallback(kind: TaskType) -> None:
    """Beside a peer of the same rating and price that the table does not name, and where quality counts most."""
    domain, complexity, tokens, images = CASES[kind]
    usable = [next(n for n in names if CATALOG[n].status is Status.AVAILABLE) for names in preferred_models()[kind]]
    for name, others in ((usable[0], usable[1:]), (usable[1], [])):
        peer = replace(CATALOG[name], name="peer", litellm_model=None)
        equal = [replace(CATALOG[other], quality=CATALOG[name].quality) for other in others]
        catalog = Catalog([peer, *equal, CATALOG[name]])
        router = cold_start_router(catalog)
        expected = router.estimator.expect(
            catalog, batch_of(tokens, images), certain(domain, complexity), np.eye(1, router.context_map.dim)
        )
        weighed = expected.row(0).weighed(router.settings.weights(Objective.QUALITY))
        chosen = GreedyPolicy().action_probabilities(np.zeros(1), np.ones(len(catalog), dtype=bool), weighed).argmax()
        assert catalog.names[int(chosen)] == name
