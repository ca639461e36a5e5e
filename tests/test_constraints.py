"""Laws of the constraints: who may answer, why not, and in what order the others follow."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.catalog import Catalog
from arbiter.constraints import eligible_mask, emergency, exclusions, exclusions_of_batch, fallback_order
from arbiter.demands import Circumstances
from arbiter.estimates.expectation import Expectation
from arbiter.records import Candidate, Query, Requirements, TaskProfile
from arbiter.settings import Settings
from arbiter.vocabulary import (
    Capability,
    Category,
    Complexity,
    ConstraintPreset,
    Domain,
    ProfileSource,
    Risk,
    Status,
    Strategy,
    TaskType,
    Tier,
)


def candidate(name: str, **changes: object) -> Candidate:
    plain = Candidate(
        name=name,
        provider=name,
        tier=Tier.FRONTIER,
        category=Category.FRONTIER,
        context_window_tokens=1000,
        max_output_tokens=500,
        usd_per_mtok_in=1.0,
        usd_per_mtok_out=2.0,
        capabilities=frozenset({Capability.VISION, Capability.TOOLS}),
        regions=frozenset({"eu"}),
        compliance=frozenset({"gdpr"}),
    )
    return replace(plain, **changes)


def profile(risk: Risk = Risk.LOW) -> TaskProfile:
    return TaskProfile(
        complexity=Complexity.SIMPLE,
        risk=risk,
        domain=Domain.GENERAL,
        task_type=TaskType.CHAT_SIMPLE,
        harm=risk,
        stake=Risk.MINIMAL,
        probabilities={},
        source=ProfileSource.USER,
        confidence=1.0,
    )


def expectation(k: int) -> Expectation:
    """Expect quality .6, two cents, three seconds and 100 tokens of everyone."""
    ones = np.ones(k)
    return Expectation(
        quality=0.6 * ones, quality_se=0.1 * ones, cost_usd=0.02 * ones, latency_s=3 * ones, output_tokens=100 * ones
    )


def why_not(one: Candidate, query: Query, risk: Risk = Risk.LOW, settings: Settings | None = None) -> str | None:
    catalog = Catalog([one, candidate("other")])
    return exclusions(query, profile(risk), catalog, expectation(2), settings or Settings()).get(one.name)


PLAIN = Query(text="x", input_tokens=10)


def asking(**demands: object) -> Query:
    return replace(PLAIN, requirements=Requirements(**demands))


@pytest.mark.parametrize(
    ("changes", "query", "reason"),
    [
        ({}, PLAIN, None),
        ({"status": Status.DEGRADED}, PLAIN, None),
        ({"status": Status.RATE_LIMITED}, PLAIN, "status rate_limited"),
        ({"status": Status.DEPRECATED}, PLAIN, "status deprecated"),
        ({}, asking(allow={"other"}), "not on the allow list"),
        ({}, asking(deny={"m"}), "on the deny list"),
        ({}, replace(PLAIN, input_tokens=901), "window 1000 < 901 in + 100 out"),
        ({}, replace(PLAIN, input_tokens=900), None),
        ({"max_output_tokens": 40}, replace(PLAIN, input_tokens=960), None),
        ({}, asking(max_output_tokens=501), "answers at most 500 tokens, 501 asked"),
        ({}, replace(asking(max_output_tokens=500), input_tokens=501), "window 1000 < 501 in + 500 out"),
        ({"capabilities": frozenset()}, replace(PLAIN, n_images=1), "cannot see images"),
        ({}, asking(capabilities={"audio", "json_mode", "tools"}), "lacks audio, json_mode"),
        ({}, asking(local_only=True), "not local"),
        ({"tier": Tier.LOCAL}, asking(local_only=True), None),
        ({}, asking(regions={"us", "eu"}), "not in region us"),
        ({}, asking(compliance={"soc2", "hipaa"}), "lacks compliance hipaa, soc2"),
        ({}, asking(max_cost_usd=0.019), "expected cost $0.02 above the limit $0.019"),
        ({}, asking(max_cost_usd=0.02), None),
        ({}, asking(max_latency_s=2.5), "expected latency 3 s above the limit 2.5 s"),
        ({}, asking(min_quality=0.7), "expected quality 0.60 below the floor 0.70"),
        ({}, replace(PLAIN, strategy=Strategy.PRIVACY_FIRST), "privacy: not local"),
        ({"tier": Tier.LOCAL}, replace(PLAIN, strategy=Strategy.PRIVACY_FIRST), None),
        (
            {"compliance": frozenset()},
            replace(PLAIN, strategy=Strategy.COMPLIANCE_REQUIRED),
            "compliance: carries no compliance tag",
        ),
        (
            {"sla_availability": 0.98},
            replace(PLAIN, strategy=Strategy.HIGH_AVAILABILITY),
            "availability 0.98 below 0.99",
        ),
        ({"sla_availability": 0.98}, PLAIN, None),
    ],
)
def test_each_reason_occurs_and_its_wording_names_the_values(
    changes: dict[str, object], query: Query, reason: str | None
) -> None:
    """A limit that is just met excludes nobody; one that is not says by how much."""
    assert why_not(candidate("m", **changes), query) == reason


@pytest.mark.parametrize("risk", Risk)
@pytest.mark.parametrize("tier", Tier)
def test_high_risk_needs_a_frontier_candidate(risk: Risk, tier: Tier) -> None:
    """Only high and critical risk exclude, and they exclude every other tier."""
    expected = f"risk {risk} needs tier frontier, this is {tier}"
    excluded = risk >= Risk.HIGH and tier is not Tier.FRONTIER
    assert why_not(candidate("m", tier=tier), PLAIN, risk) == (expected if excluded else None)
    assert why_not(candidate("m", tier=tier), PLAIN, risk, Settings(risk_tier={})) is None


def test_the_routers_own_strategy_brings_its_preset() -> None:
    """A request that asks for no strategy is still held to the preset of the one in force."""
    private = Settings(strategy=Strategy.PRIVACY_FIRST)
    assert why_not(candidate("m"), PLAIN, settings=private) == "privacy: not local"
    assert why_not(candidate("m"), replace(PLAIN, strategy=Strategy.BALANCED), settings=private) is None


def test_who_has_no_reason_against_him_is_eligible() -> None:
    """The mask is the complement of the reasons, in the catalog's order."""
    catalog = Catalog([candidate("a"), candidate("b"), candidate("c")])
    assert eligible_mask(catalog, [{"b": "status down"}, {}]).tolist() == [[True, False, True], [True] * 3]


def drawn_query(data: st.DataObject) -> Query:
    demands = Requirements(
        max_output_tokens=data.draw(st.sampled_from([None, 400, 600])),
        max_cost_usd=data.draw(st.sampled_from([None, 0.01])),
        deny=data.draw(st.sampled_from([frozenset(), frozenset({"a"})])),
        local_only=data.draw(st.booleans()),
    )
    now = Circumstances(
        out=data.draw(st.sampled_from([{}, {"b": "breaker"}])),
        budget_left_usd=data.draw(st.sampled_from([None, 0.005])),
    )
    return Query(
        text="x",
        input_tokens=data.draw(st.sampled_from([10, 550, 880, 2000])),
        n_images=data.draw(st.integers(0, 1)),
        requirements=demands,
        strategy=data.draw(st.none() | st.sampled_from(Strategy)),
        circumstances=now,
    )


@given(st.data())
def test_a_batch_excludes_whom_its_requests_exclude_one_by_one(data: st.DataObject) -> None:
    """The same candidates for the same reasons, whatever the requests have in common."""
    plain = [candidate("a"), candidate("b", tier=Tier.LOCAL), candidate("c", capabilities=frozenset())]
    catalog = Catalog([*plain, candidate("d", status=Status.MAINTENANCE), candidate("e", context_window_tokens=600)])
    n, k = data.draw(st.integers(1, 6)), len(catalog)
    queries = [drawn_query(data) for _ in range(n)]
    profiles = [profile(data.draw(st.sampled_from(Risk))) for _ in range(n)]
    lengths = st.lists(st.floats(1, 700), min_size=k, max_size=k)
    expected = Expectation(
        quality=np.full((n, k), 0.6),
        quality_se=np.full((n, k), 0.1),
        cost_usd=np.tile([0.002, 0.004, 0.008, 0.02, 0.03], (n, 1)),
        latency_s=np.full((n, k), 3.0),
        output_tokens=np.array([data.draw(lengths) for _ in range(n)]),
    )
    together = exclusions_of_batch(queries, profiles, catalog, expected, Settings())
    pairs = zip(queries, profiles, strict=True)
    alone = [exclusions(q, p, catalog, expected.row(i), Settings()) for i, (q, p) in enumerate(pairs)]
    assert [list(found.items()) for found in together] == [list(found.items()) for found in alone]
    assert len({id(found) for found in together}) == n  # nobody's reasons are another one's to spoil


# When nobody is left ----------------------------------------------------------------------------------------------


def chosen(candidates: list[Candidate], query: Query = PLAIN, preset: ConstraintPreset = ConstraintPreset.NONE) -> str:
    catalog = Catalog(candidates)
    return catalog.names[emergency(catalog, query, preset)]


def test_the_emergency_choice_is_the_safest_that_is_up() -> None:
    """Safety first, then rating; who is down counts only when all are."""
    rest = [candidate("a", safety=0.8, quality=0.9), candidate("b", safety=0.9, quality=0.5)]
    best = candidate("best", safety=0.9, quality=0.6)
    down = candidate("down", safety=1.0, quality=1.0, status=Status.UNAVAILABLE)
    assert chosen([*rest, best, down]) == "best"
    assert Catalog([*rest, best, down]).names[emergency(Catalog([*rest, best, down]))] == "best"
    assert chosen([replace(c, status=Status.MAINTENANCE) for c in (*rest, best)] + [down]) == "down"


@pytest.mark.parametrize(
    ("query", "preset"),
    [
        (asking(local_only=True, max_cost_usd=0.0), ConstraintPreset.NONE),
        (asking(deny={"safe"}, min_quality=1.0), ConstraintPreset.NONE),
        (asking(allow={"tame"}), ConstraintPreset.NONE),
        (asking(regions={"home"}), ConstraintPreset.NONE),
        (asking(compliance={"own"}), ConstraintPreset.NONE),
        (PLAIN, ConstraintPreset.PRIVACY),
    ],
)
def test_the_emergency_choice_breaks_no_promise_where_one_candidate_keeps_it(
    query: Query, preset: ConstraintPreset
) -> None:
    """A private request does not go to a remote model because the local one is dear, or even down."""
    safe = candidate("safe", safety=1.0)
    tame = candidate("tame", safety=0.1, tier=Tier.LOCAL, regions=frozenset({"home"}), compliance=frozenset({"own"}))
    assert chosen([safe, tame], query, preset) == "tame"
    assert chosen([safe, replace(tame, status=Status.UNAVAILABLE)], query, preset) == "tame"


def test_privacy_is_the_last_promise_to_be_broken() -> None:
    """Where nobody keeps all that is asked, a private request stays in the house, whatever else that breaks."""
    safe, tame = candidate("safe", safety=1.0), candidate("tame", safety=0.1, tier=Tier.LOCAL)
    assert chosen([safe, tame], asking(local_only=True, regions={"mars"})) == "tame"
    assert chosen([safe, tame], asking(local_only=True, deny={"tame"})) == "tame"
    assert chosen([safe, tame], asking(allow={"safe"}), ConstraintPreset.PRIVACY) == "tame"
    assert chosen([safe], asking(local_only=True)) == "safe"


def test_the_emergency_choice_fits_the_request_where_one_does() -> None:
    """A safer candidate whose window is too small would only fail."""
    wide = candidate("wide", safety=0.5, context_window_tokens=10_000)
    assert chosen([candidate("safe", safety=1.0), wide], replace(PLAIN, input_tokens=5000)) == "wide"


@given(st.data())
def test_the_emergency_choice_never_fails(data: st.DataObject) -> None:
    """Whatever is down and whatever is demanded, somebody is named."""
    status = st.sampled_from(Status)
    names = "abc"
    catalog = Catalog([candidate(n, status=data.draw(status), tier=data.draw(st.sampled_from(Tier))) for n in names])
    sets = st.frozensets(st.sampled_from([*names, "z"]))
    demands = Requirements(
        allow=data.draw(st.none() | sets),
        deny=data.draw(sets),
        regions=data.draw(st.frozensets(st.sampled_from(["eu", "mars"]))),
        local_only=data.draw(st.booleans()),
        max_output_tokens=data.draw(st.none() | st.integers(1, 5000)),
        capabilities=data.draw(st.frozensets(st.sampled_from(Capability))),
    )
    query = Query(text="x", input_tokens=data.draw(st.integers(0, 9999)), n_images=1, requirements=demands)
    assert 0 <= emergency(catalog, query, data.draw(st.sampled_from(ConstraintPreset))) < 3


# Who is asked next ------------------------------------------------------------------------------------------------


def test_a_fallback_order_worked_by_hand() -> None:
    """By utility, but from one provider to another while another is left."""
    providers = {"a1": "A", "a2": "A", "a3": "A", "b1": "B", "c1": "C"}
    catalog = Catalog([candidate(name, provider=p) for name, p in providers.items()])
    order = fallback_order(catalog, 0, range(5), 9)
    assert [catalog.names[i] for i in order] == ["b1", "a2", "c1", "a3"]
    assert fallback_order(catalog, 0, range(5), 2) == order[:2]


@given(st.data())
def test_fallbacks_are_all_other_eligible_ones_and_change_provider_while_they_can(data: st.DataObject) -> None:
    """Each once, none that is excluded, and a provider twice in a row only when no other was left."""
    k = data.draw(st.integers(1, 7))
    providers = data.draw(st.lists(st.sampled_from("ABC"), min_size=k, max_size=k))
    eligible = np.array(data.draw(st.lists(st.booleans(), min_size=k, max_size=k)))
    ranked = [i for i in data.draw(st.permutations(range(k))) if eligible[i]]
    first = data.draw(st.integers(0, k - 1))
    catalog = Catalog([candidate(f"m{i}", provider=p) for i, p in enumerate(providers)])
    order = fallback_order(catalog, first, ranked, k)
    assert sorted(order) == [i for i in range(k) if eligible[i] and i != first]
    for step, (before, now) in enumerate(pairwise([first, *order])):
        if providers[before] == providers[now]:
            assert {providers[i] for i in order[step:]} == {providers[now]}
