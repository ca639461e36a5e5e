"""Laws of routers over another list of candidates."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import CHEAP, DEAR, MIDDLE, small_learned

from arbiter import lineup
from arbiter.bundle import load_bundle, save_bundle
from arbiter.catalog import Catalog
from arbiter.errors import ArbiterError, CatalogError, InvalidInputError
from arbiter.experiments import Experiment
from arbiter.intake import read_request
from arbiter.ledger import SqliteLedger
from arbiter.lending import LENT_SD, ScoredPrompt
from arbiter.policies import BanditPolicy, BanditSettings, ConstantPolicy, GreedyPolicy
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.vocabulary import Arm

QUERIES = [read_request(text) for text in ("theorem proof", "river colour", "integral deadlock", "month planet")]


@pytest.fixture(scope="module")
def router() -> Router:
    return small_learned().router


def newcomer(name: str = "gpt-4.1", **changes: object):  # type: ignore[no-untyped-def]
    return replace(Catalog.default()["gpt-4o"], name=name, **changes)  # type: ignore[arg-type]


def quality(router: Router) -> np.ndarray:
    return router.outlook(QUERIES).expectation.quality


def judged(service: Arbiter, name: str) -> float:
    policy = service.router.policy
    assert isinstance(policy, BanditPolicy)
    return float(policy.belief.counts[service.router.catalog.position(name)])


def test_a_newcomer_has_what_its_relatives_lend(router: Router) -> None:
    """The weighted mean of their quality, more uncertain than theirs; the others keep theirs to the bit."""
    grown = lineup.with_candidate(router, newcomer(), relatives={MIDDLE: 3.0, DEAR: 1.0})
    before, after = router.outlook(QUERIES).expectation, grown.outlook(QUERIES).expectation
    np.testing.assert_array_equal(after.quality[:, :3], before.quality)
    lent = 0.75 * before.quality[:, router.catalog.position(MIDDLE)]
    lent += 0.25 * before.quality[:, router.catalog.position(DEAR)]
    np.testing.assert_allclose(after.quality[:, 3], lent)
    assert (after.quality_se[:, 3] > LENT_SD).all()
    assert grown.catalog.names == (*router.catalog.names, "gpt-4.1")


def test_scored_prompts_move_a_newcomer_from_its_relatives_to_itself(router: Router) -> None:
    """Judgements of 0.1 move it by the posterior's share of the surprise, worked by hand; more move it further."""
    lent = float(quality(router)[0] @ np.eye(3)[router.catalog.position(DEAR)])
    moved = []
    for n in (30, 3000):
        scored = [ScoredPrompt(query=QUERIES[0], quality=0.1)] * n
        grown = lineup.with_candidate(router, newcomer(), {DEAR: 1.0}, scored)
        weight = n / 0.35**2 / (n / 0.35**2 + 1.0 / LENT_SD**2)
        moved.append(float(quality(grown)[0, 3]))
        assert moved[-1] == pytest.approx(lent + weight * (0.1 - lent))
    assert abs(moved[1] - 0.1) < abs(moved[0] - 0.1) < abs(lent - 0.1)


def test_scored_answers_tell_how_long_a_newcomer_writes(router: Router) -> None:
    """By hand: thirty answers ten times as long as lent make it 10^(30/31) times as long; untold lengths say nothing.

    The others' lengths stay, before and after, with what the texts say of all lengths.
    """
    length = router.estimator.length
    assert length.text is not None
    text = replace(length.text, bias=length.text.bias + 1.0)
    router = replace(router, estimator=replace(router.estimator, length=replace(length, text=text)))
    before = router.outlook(QUERIES).expectation
    lent = before.output_tokens[:, router.catalog.position(DEAR)]
    told, untold = (
        [ScoredPrompt(query=QUERIES[0], quality=0.5, output_tokens=n)] * 30 for n in (round(10 * lent[0]), None)
    )
    factors = {}
    for name, scored in (("told", told), ("untold", untold), ("mixed", told + untold)):
        after = lineup.with_candidate(router, newcomer(), {DEAR: 1.0}, scored).outlook(QUERIES).expectation
        np.testing.assert_allclose(after.output_tokens[:, :3], before.output_tokens)
        factors[name] = after.output_tokens[:, 3] / lent
    np.testing.assert_allclose(factors["untold"], 1.0)
    np.testing.assert_allclose(factors["told"], 10 ** (30 / 31), rtol=0.01)
    np.testing.assert_allclose(factors["mixed"], factors["told"])


def test_a_newcomer_that_writes_next_to_nothing_writes_a_token(router: Router) -> None:
    """However short its scored answers were against the longest that its relatives ever wrote."""
    length = router.estimator.length
    router = replace(
        router, estimator=replace(router.estimator, length=replace(length, most=np.minimum(length.most, 50.0)))
    )
    scored = [ScoredPrompt(query=QUERIES[0], quality=0.5, output_tokens=0)] * 30
    grown = lineup.with_candidate(router, newcomer(), {DEAR: 1.0}, scored)
    assert grown.outlook(QUERIES).expectation.output_tokens.min() >= 1.0


def test_relatives_are_of_the_family_then_of_the_tier(router: Router) -> None:
    """Without a word said: gpt models lend to a gpt model, the dear one to a frontier model of no family."""
    gpt = lineup.with_candidate(router, newcomer())
    by_hand = lineup.with_candidate(router, newcomer(), relatives={CHEAP: 1.0, MIDDLE: 1.0})
    np.testing.assert_allclose(quality(gpt), quality(by_hand))
    stranger = newcomer("new-frontier", family="", tier=router.catalog[DEAR].tier)
    np.testing.assert_allclose(
        quality(lineup.with_candidate(router, stranger)), quality(lineup.with_candidate(router, stranger, {DEAR: 1.0}))
    )


def test_a_newcomers_traffic_is_capped(router: Router) -> None:
    """It seems the best by far, and gets a fifth, or half if so many answers say so."""
    policy = BanditPolicy.fresh(3, router.context_map.dim, BanditSettings(newcomer_share=0.2))
    free = newcomer(usd_per_mtok_in=0.001, usd_per_mtok_out=0.001)
    for n, cap in ((5000, 0.5), (0, 0.2)):
        scored = [ScoredPrompt(query=QUERIES[0], quality=1.0)] * n
        grown = lineup.with_candidate(replace(router, policy=policy), free, {DEAR: 1.0}, scored)
        p = grown.action_probabilities(grown.outlook(QUERIES[:1]))
        assert p[0, 3] == pytest.approx(cap)


def test_who_goes_leaves_the_others_as_they_were(router: Router) -> None:
    """Removing what was added gives the same estimates, and removing one of three leaves two; the last one stays."""
    grown = lineup.with_candidate(router, newcomer())
    np.testing.assert_allclose(quality(lineup.without_candidate(grown, "gpt-4.1")), quality(router), atol=1e-12)
    fewer = lineup.without_candidate(router, MIDDLE)
    np.testing.assert_allclose(quality(fewer), np.delete(quality(router), router.catalog.position(MIDDLE), axis=1))
    with pytest.raises(InvalidInputError, match="is the only candidate left"):
        lineup.without_candidate(lineup.without_candidate(fewer, CHEAP), DEAR)
    with pytest.raises(CatalogError, match="nobody"):
        lineup.without_candidate(router, "nobody")


def test_a_name_is_only_a_name_and_a_price_acts_at_once(router: Router) -> None:
    """Renaming changes no estimate; repricing changes the cost and nothing else."""
    other = lineup.renamed(router, MIDDLE, "our-gpt")
    np.testing.assert_array_equal(quality(other), quality(router))
    assert "our-gpt" in other.catalog and MIDDLE not in other.catalog
    again = lineup.renamed(lineup.renamed(other, "our-gpt", "third"), "third", "our-gpt")
    assert again.catalog["our-gpt"].former_names == {MIDDLE, "third"}
    cheap = router.catalog[CHEAP]
    dearer = lineup.repriced(
        router, CHEAP, usd_per_mtok_in=10 * cheap.usd_per_mtok_in, usd_per_mtok_out=10 * cheap.usd_per_mtok_out
    )
    before, after = (r.outlook(QUERIES).expectation for r in (router, dearer))
    factor = np.where(np.arange(3) == router.catalog.position(CHEAP), 10.0, 1.0)
    np.testing.assert_allclose(after.cost_usd / before.cost_usd, np.tile(factor, (4, 1)))
    np.testing.assert_array_equal(after.quality, before.quality)
    with pytest.raises(InvalidInputError, match="quality is no price"):
        lineup.repriced(router, CHEAP, quality=0.5)


def test_feedback_under_way_finds_a_model_by_its_former_name(router: Router, tmp_path: Path) -> None:
    """Also from a bundle that was saved; a new version was never called so."""
    with Arbiter(router, SqliteLedger(tmp_path / "l.db")) as service:
        late = [service.route("theorem proof", allow=frozenset({MIDDLE})) for _ in range(3)]
        service.change(lambda old: lineup.renamed(old, MIDDLE, "our-gpt"))
        service.feedback(late[0].id, quality=0.1)
        save_bundle(service.router, tmp_path / "bundle")
    with Arbiter(load_bundle(tmp_path / "bundle")[0], SqliteLedger(tmp_path / "l.db")) as service:
        service.feedback(late[1].id, quality=0.1)
        assert judged(service, "our-gpt") == pytest.approx(2.0, abs=0.01)
        service.change(lambda old: lineup.new_version(old, "our-gpt", name="our-gpt-2"))
        service.feedback(late[2].id, quality=0.1)
        assert judged(service, "our-gpt-2") == pytest.approx(0.2, abs=0.01)


def test_a_new_version_trusts_a_tenth_of_what_was_learned(router: Router) -> None:
    """In the service, with its ledger: judged down, then replaced by a new version under the same name."""
    settings = BanditSettings(half_life_feedback=None)
    taught = replace(router, policy=BanditPolicy.fresh(3, router.context_map.dim, settings))
    service = Arbiter(taught, SqliteLedger(":memory:"))
    for _ in range(30):
        service.feedback(service.route(QUERIES[0], allow=frozenset({MIDDLE})).id, quality=0.0)
    at = router.catalog.position(MIDDLE)
    before = service.router.policy.belief.counts[at]  # type: ignore[attr-defined]
    service.change(lambda old: lineup.new_version(old, MIDDLE, usd_per_mtok_in=1.0))
    assert service.router.policy.belief.counts[at] == pytest.approx(0.1 * before)  # type: ignore[attr-defined]
    assert service.router.catalog[MIDDLE].usd_per_mtok_in == 1.0
    service.feedback(service.route(QUERIES[0], allow=frozenset({MIDDLE})).id, quality=0.0)
    assert service.router.policy.belief.counts[at] > 0.1 * before  # type: ignore[attr-defined]


def test_who_is_degraded_or_recovers_is_judged_by_what_comes_now(router: Router) -> None:
    """Either change leaves a tenth of what was learned; being out for a while leaves all of it, and excludes."""
    settings = BanditSettings(half_life_feedback=None)
    service = Arbiter(replace(router, policy=BanditPolicy.fresh(3, router.context_map.dim, settings)))
    only, at = frozenset({MIDDLE}), router.catalog.position(MIDDLE)

    def learned() -> float:
        return float(service.router.policy.belief.counts[at])  # type: ignore[attr-defined]

    for _ in range(30):
        service.feedback(service.route(QUERIES[0], allow=only).id, quality=0.9)
    before = learned()
    service.change(lambda old: lineup.with_status(old, MIDDLE, "unavailable"))
    assert service.route(QUERIES[0]).excluded[MIDDLE] == "status unavailable"
    service.change(lambda old: lineup.with_status(old, MIDDLE, "available"))
    assert learned() == before
    service.change(lambda old: lineup.with_status(old, MIDDLE, "degraded"))
    assert learned() == pytest.approx(0.1 * before)
    assert service.route(QUERIES[0], allow=only).model == MIDDLE
    believed = service.router.policy.belief.mean[at, 0]  # type: ignore[attr-defined]
    for _ in range(10):
        service.feedback(service.route(QUERIES[0], allow=only).id, quality=0.1)
    worse, known = service.router.policy.belief.mean[at, 0], learned()  # type: ignore[attr-defined]
    assert worse < believed - 0.05
    service.change(lambda old: lineup.with_status(old, MIDDLE, "degraded"))  # said twice
    assert learned() == known
    service.change(lambda old: lineup.with_status(old, MIDDLE, "available"))
    assert learned() == pytest.approx(0.1 * known)
    assert service.router.policy.belief.mean[at, 0] > worse  # type: ignore[attr-defined]  # near its estimate again
    with pytest.raises(InvalidInputError, match="unknown status 'tired'; there are available, degraded"):
        lineup.with_status(router, MIDDLE, "tired")


def test_a_changed_lineup_survives_its_bundle(router: Router, tmp_path: Path) -> None:
    """Read back it gives the same probabilities; a second change adds no layer."""
    grown = lineup.with_candidate(lineup.without_candidate(router, MIDDLE), newcomer())
    save_bundle(grown, tmp_path / "b")
    again = load_bundle(tmp_path / "b")[0]
    outlooks = [r.outlook(QUERIES) for r in (grown, again)]
    np.testing.assert_array_equal(grown.action_probabilities(outlooks[0]), again.action_probabilities(outlooks[1]))
    assert not hasattr(grown.estimator.quality.base, "mixing")  # type: ignore[attr-defined]


def test_what_cannot_be_is_refused_in_words(router: Router) -> None:
    """A name that is taken, an unknown relative, weights that are none, a quality outside [0, 1], fixed shares."""
    for wrong, message in (
        ({"candidate": newcomer(MIDDLE)}, MIDDLE),
        ({"candidate": newcomer(), "relatives": {"nobody": 1.0}}, "relative 'nobody' is not in the catalog"),
        ({"candidate": newcomer(), "relatives": {MIDDLE: -1.0}}, "weights of relatives must be"),
        ({"candidate": newcomer(), "scored": [ScoredPrompt(query=QUERIES[0], quality=7.0)]}, "must lie in"),
        (
            {"candidate": newcomer(), "scored": [ScoredPrompt(query=QUERIES[0], quality=0.7, output_tokens=-1)]},
            "0 output tokens or more, got -1",
        ),
    ):
        with pytest.raises(ArbiterError, match=message):
            lineup.with_candidate(router, **wrong)  # type: ignore[arg-type]
    fixed = replace(router, policy=ConstantPolicy.uniform(3))
    with pytest.raises(InvalidInputError, match="ConstantPolicy cannot take another list"):
        lineup.with_candidate(fixed, newcomer())
    greedy = lineup.with_candidate(replace(router, policy=GreedyPolicy()), newcomer())
    assert len(greedy.catalog) == 4


def test_only_some_are_the_others_removed(router: Router) -> None:
    """One by one or together; an unknown name is hinted at; nobody left is refused."""
    kept = lineup.only(router, (MIDDLE, CHEAP))
    one_by_one = lineup.without_candidate(router, DEAR)
    assert kept.catalog.names == one_by_one.catalog.names
    np.testing.assert_array_equal(quality(kept), quality(one_by_one))
    assert lineup.only(router, router.catalog.names) is router
    with pytest.raises(CatalogError, match="gpt-4o"):
        lineup.only(router, ("gpt4o",))
    for nobody in ((), CHEAP):
        with pytest.raises(InvalidInputError, match="as a collection of names"):
            lineup.only(router, nobody)


def test_a_service_of_some_models_keeps_to_them(router: Router) -> None:
    """Also after a swap."""
    with Arbiter(router, options=ServiceOptions(seed=0, models=(CHEAP, MIDDLE))) as service:
        assert set(service.router.catalog.names) == {CHEAP, MIDDLE}
        service.swap(router)
        assert set(service.route("theorem proof").action_probs) <= {CHEAP, MIDDLE}


def test_a_challenger_keeps_to_the_models_of_its_service(router: Router) -> None:
    """What may not be chosen may not be chosen in an experiment either."""
    trial = Experiment(name="e", challenger=router, share=0.5)
    options = ServiceOptions(seed=0, models=(CHEAP, MIDDLE), experiment=trial)
    with Arbiter(router, options=options) as service:
        decisions = service.route_batch(["theorem proof"] * 50)
    arms = {decision.assignment.arm for decision in decisions if decision.assignment}
    assert arms == set(Arm)
    assert all(set(decision.action_probs) <= {CHEAP, MIDDLE} for decision in decisions)


def test_a_new_version_may_have_another_name(router: Router) -> None:
    """As any field of the entry."""
    changed = lineup.new_version(router, MIDDLE, name="gpt-4.1", usd_per_mtok_in=1.0)
    assert MIDDLE not in changed.catalog and changed.catalog["gpt-4.1"].usd_per_mtok_in == 1.0
