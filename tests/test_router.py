"""Laws of the router; on the one that needs no training, with each policy that explores."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.intake import read_request
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.records import Query, Requirements
from arbiter.router import EMERGENCY, Router
from arbiter.settings import ObjectiveWeights, Settings
from arbiter.vocabulary import ConfidenceLevel, Objective, Risk, Strategy, Tier

TEXTS = (
    "hi",
    "Prove that the square root of 2 is irrational.",
    "Write a Python function that reverses a linked list.",
    "My chest hurts and my left arm is numb, which dose of my medication should I take?",
    "",
)


@pytest.fixture(scope="module")
def greedy() -> Router:
    return cold_start_router(Catalog.default())


@pytest.fixture(scope="module")
def router(greedy: Router) -> Router:
    """Explore with half of the traffic, so that chance matters."""
    policy = BanditPolicy.fresh(
        len(greedy.catalog), greedy.context_map.dim, BanditSettings(gate=GateSettings.fixed(0.5))
    )
    return replace(greedy, policy=policy)


def queries() -> list[Query]:
    return [read_request(text) for text in TEXTS]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_seed_gives_the_same_decisions(router: Router) -> None:
    """Identity, choice and all numbers; another seed gives other identities."""
    assert router.route_batch(queries(), rng(1)) == router.route_batch(queries(), rng(1))
    ids = {d.id for seed in range(5) for d in router.route_batch(queries(), rng(seed))}
    assert len(ids) == 5 * len(TEXTS)


def test_route_is_a_batch_of_one(router: Router) -> None:
    """There is one way through the router."""
    for query in queries():
        assert router.route(query, rng(3)) == router.route_batch([query], rng(3))[0]
    assert router.route_batch([], rng()) == []


def test_a_request_is_judged_alike_alone_and_in_company(router: Router) -> None:
    """Batching changes no probability beyond rounding."""
    together = router.action_probabilities(router.outlook(queries()))
    alone = np.concatenate([router.action_probabilities(router.outlook([query])) for query in queries()])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_every_decision_carries_its_exact_propensity(router: Router) -> None:
    """It is the choice's entry in probabilities that sum to 1, name all eligible ones and nobody else."""
    outlook = router.outlook(queries())
    offline, mask = router.action_probabilities(outlook), router.eligible(outlook)
    for decision, row, may in zip(router.route_batch(queries(), rng()), offline, mask, strict=True):
        assert decision.propensity == decision.action_probs[decision.model] > 0
        assert sum(decision.action_probs.values()) == pytest.approx(1.0, abs=1e-12)
        assert set(decision.action_probs) == {n for n, e in zip(router.catalog.names, may, strict=True) if e}
        assert set(decision.action_probs) | set(decision.excluded) == set(router.catalog.names)
        assert not set(decision.action_probs) & set(decision.excluded)
        assert [decision.action_probs.get(name, 0.0) for name in router.catalog.names] == row.tolist()


def test_fallbacks_are_eligible_others_and_fewer_the_riskier(router: Router) -> None:
    """No fallback is excluded or the choice itself, and the chain is as long as the risk allows."""
    for decision in router.route_batch(queries(), rng()):
        assert decision.model not in decision.fallbacks
        assert set(decision.fallbacks) <= set(decision.action_probs)
        longest = router.settings.fallbacks[decision.profile.risk]
        assert len(decision.fallbacks) == min(longest, len(decision.action_probs) - 1)


def test_a_price_change_acts_at_once(router: Router) -> None:
    """Prices are known, not learned: doubling one doubles its cost and nobody else's."""
    name, query = "gpt-5", read_request(TEXTS[1])
    before = router.outlook([query]).expectation.cost_usd[0]
    entry = router.catalog[name]
    dearer = router.catalog.replace(
        name, usd_per_mtok_in=2 * entry.usd_per_mtok_in, usd_per_mtok_out=2 * entry.usd_per_mtok_out
    )
    after = replace(router, catalog=dearer).outlook([query]).expectation.cost_usd[0]
    factor = np.where(np.array(router.catalog.names) == name, 2.0, 1.0)
    np.testing.assert_allclose(after, factor * before)


def test_free_money_buys_the_best_and_dear_money_the_cheapest(greedy: Router) -> None:
    """At 0 quality per dollar the greatest estimated quality wins; at a million the least cost."""
    for query in queries():
        rich = replace(greedy, settings=Settings(risk_tier={}).valuing(0.0)).route(query, rng())
        poor = replace(greedy, settings=Settings(risk_tier={}).valuing(1e6)).route(query, rng())
        assert rich.estimates[rich.model].quality == max(rich.estimates[n].quality for n in rich.action_probs)
        assert poor.estimates[poor.model].cost_usd == min(poor.estimates[n].cost_usd for n in poor.action_probs)


def test_utility_is_quality_less_what_is_spent(greedy: Router) -> None:
    """Worked by hand from the estimates and the weights in force."""
    weights = ObjectiveWeights(cost=0.2, latency=0.1)
    settings = replace(greedy.settings, objectives={**greedy.settings.objectives, Objective.BALANCED: weights})
    decision = replace(greedy, settings=settings).route(read_request(TEXTS[2]), rng())
    for name, e in decision.estimates.items():
        spent = 0.2 * e.cost_usd / settings.reference_cost_usd + 0.1 * e.latency_s / settings.reference_latency_s
        assert decision.utilities[name] == pytest.approx(e.quality - spent)


def test_a_requests_strategy_overrides_the_routers(greedy: Router) -> None:
    """The decision names the strategy in force."""
    cheap = greedy.route(Query(text=TEXTS[1], strategy=Strategy.LEAST_COST), rng())
    best = greedy.route(Query(text=TEXTS[1], strategy=Strategy.HIGHEST_QUALITY), rng())
    assert (cheap.strategy, best.strategy) == (Strategy.LEAST_COST, Strategy.HIGHEST_QUALITY)
    assert cheap.estimates[cheap.model].cost_usd < best.estimates[best.model].cost_usd
    assert cheap.estimates[cheap.model].quality < best.estimates[best.model].quality


def test_high_risk_goes_to_the_frontier(router: Router) -> None:
    """Whatever chance and cost say; critical risk is marked for a person."""
    query = read_request("Give me step-by-step instructions for building a bomb and for suicide by overdose")
    for seed in range(20):
        decision = router.route(query, rng(seed))
        assert decision.profile.risk >= Risk.HIGH
        assert router.catalog[decision.model].tier is Tier.FRONTIER
        assert all(router.catalog[name].tier is Tier.FRONTIER for name in decision.fallbacks)
        assert decision.needs_human_review == (decision.profile.risk is Risk.CRITICAL)


@pytest.mark.parametrize(
    "demands",
    [
        Requirements(max_cost_usd=0.0, max_latency_s=0.0, min_quality=1.0),
        Requirements(allow=frozenset({"nobody"})),
        Requirements(max_output_tokens=10**9),
        Requirements(local_only=True, regions=frozenset({"eu"})),
    ],
)
def test_when_nobody_is_eligible_there_is_a_decision_without_confidence(router: Router, demands: Requirements) -> None:
    """It is certain, says what happened, keeps every reason, and never raises."""
    decision = router.route(read_request(TEXTS[3], demands), rng())
    assert decision.confidence == 0.0
    assert decision.confidence_level is ConfidenceLevel.VERY_LOW
    assert decision.degraded == (EMERGENCY,)
    assert decision.propensity == 1.0
    assert set(decision.excluded) == set(router.catalog.names)
    assert decision.fallbacks == ()
    assert all(f"excluded: {name}: {reason}" in decision.explain() for name, reason in decision.excluded.items())


def test_confidence_is_the_chance_to_beat_the_best_rival(greedy: Router) -> None:
    """The greedy choice has at least one half; a lone candidate has 1."""
    for decision in greedy.route_batch(queries(), rng()):
        assert 0.5 <= decision.confidence <= 1.0
    alone = greedy.route(read_request("hi", Requirements(allow=frozenset({"gpt-4o"}))), rng())
    assert (alone.model, alone.confidence) == ("gpt-4o", 1.0)


def test_who_asked_is_kept(router: Router) -> None:
    """Session, user, context vector and policy's fingerprint travel with the decision."""
    decision = router.route(Query(text="hi", input_tokens=1, session_id="s", user="u"), rng())
    assert (decision.session_id, decision.user) == ("s", "u")
    assert len(decision.context) == router.context_map.dim
    assert decision.context[0] == 1.0
    assert decision.policy_version == router.policy.version
