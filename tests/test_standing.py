"""Laws of breakers, budgets and session affinity in the service."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.errors import BudgetError, InvalidInputError
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.records import Query
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.standing import LEAST_CACHED_TOKENS, WARM_S, Standing, StandingOptions

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash", "llama-3.1-8b"])
ROUTER = cold_start_router(CATALOG)
TEXT = "Summarise our discussion so far in three sentences"


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Give the time that was set."""
        return self.now


def service(router: Router = ROUTER, clock: Clock | None = None, **standing: object) -> Arbiter:
    options = StandingOptions(**standing)  # type: ignore[arg-type]
    return Arbiter(router, options=ServiceOptions(seed=0, clock=clock or Clock(), standing=options))


def turn(session: str, tokens: int) -> Query:
    return Query(text=TEXT, input_tokens=tokens, session_id=session)


def test_who_is_out_is_excluded_with_the_reason_as_long_as_it_is() -> None:
    """The hook is asked at every call."""
    out: dict[str, str] = {"gpt-4o": "breaker open for 80 s"}
    served = service(out=lambda: out)
    assert served.route(TEXT).excluded["gpt-4o"] == "out: breaker open for 80 s"
    out.clear()
    assert "gpt-4o" not in served.route(TEXT).excluded


def test_everyone_out_still_gets_an_answer() -> None:
    """The emergency choice, with every reason."""
    decision = service(out=lambda: dict.fromkeys(CATALOG.names, "down")).route(TEXT)
    assert decision.confidence == 0.0
    assert set(decision.excluded) == set(CATALOG.names)


def test_a_broken_breaker_hook_fails_open() -> None:
    """The router answers without it, from rules, and says so."""

    def broken() -> Mapping[str, str]:
        raise RuntimeError("no breakers here")

    decision = service(out=broken).route(TEXT)
    assert any("RuntimeError in test_standing.py" in why for why in decision.degraded)


def test_what_the_budget_does_not_pay_for_is_excluded() -> None:
    """The choice is expected to cost no more than what is left."""
    free = service().route(TEXT)
    costs = sorted(e.cost_usd for e in free.estimates.values())
    decision = service(budget_left_usd=lambda query: costs[1] * 1.01).route(TEXT)
    assert decision.estimates[decision.model].cost_usd <= costs[1] * 1.01
    assert sum("left of the budget" in reason for reason in decision.excluded.values()) == len(CATALOG) - 2


def test_a_budget_that_pays_for_nobody_refuses_and_nothing_is_recorded() -> None:
    """The budget fails closed, naming the asker and the amounts."""
    refused = service(budget_left_usd=lambda query: 1e-9)
    with pytest.raises(BudgetError, match=r"budget of ada leaves \$1e-09"):
        refused.route(TEXT, user="ada")
    assert refused.ledger.counts() == ()


@pytest.mark.parametrize("left", [float("nan"), "much"])
def test_a_budget_that_gives_no_amount_refuses(left: object) -> None:
    """What cannot be read cannot be kept."""
    with pytest.raises(BudgetError, match="must give a number"):
        service(budget_left_usd=lambda query: left).route(TEXT)


def test_a_budget_that_cannot_be_checked_refuses() -> None:
    """Its own error reaches the caller; the router does not answer from rules instead."""

    def broken(query: Query) -> float:
        raise BudgetError("the budget server does not answer")

    with pytest.raises(BudgetError, match="does not answer"):
        service(budget_left_usd=broken).route(TEXT)


def test_no_budget_is_no_limit() -> None:
    """None excludes nobody."""
    assert not service(budget_left_usd=lambda query: None).route(TEXT).excluded


def test_a_warm_cache_lowers_the_cost_of_the_last_model_alone() -> None:
    """By the tokens it holds times its discount, in the estimate that is logged."""
    served = service(session_affinity=True)
    first = served.route(turn("s", 8000))
    second, stranger = served.route(turn("s", 8000)), served.route(turn("other", 8000))
    candidate = CATALOG[first.model]
    assert candidate.usd_per_mtok_cached_in is not None
    saved = 8000 * (candidate.usd_per_mtok_in - candidate.usd_per_mtok_cached_in) / 1e6
    for name in CATALOG.names:
        lower = stranger.estimates[name].cost_usd - second.estimates[name].cost_usd
        assert lower == pytest.approx(saved if name == first.model else 0.0, abs=1e-12)


def test_a_session_stays_while_switching_gains_less_than_the_warm_cache_is_worth() -> None:
    """Between the worth of money at which a new session leaves and that at which a warm one does, only it stays."""
    catalog = CATALOG.subset(["gpt-4o", "claude-haiku-4-5"]).replace("gpt-4o", quality=0.97)
    router, query = cold_start_router(catalog), turn("s", 20_000)
    expected = router.outlook([query]).expectation.row(0)
    gain, dearer = np.subtract(*expected.quality), np.subtract(*expected.cost_usd)
    prices = catalog["gpt-4o"]
    assert prices.usd_per_mtok_cached_in is not None
    discount = 20_000 * (prices.usd_per_mtok_in - prices.usd_per_mtok_cached_in) / 1e6
    assert 0.0 < discount < dearer and gain > 0.0
    leaves_new, leaves_warm = gain / dearer, gain / (dearer - discount)
    for worth, new, warm in (
        (0.99 * leaves_new, "gpt-4o", "gpt-4o"),
        (1.01 * leaves_new, "claude-haiku-4-5", "gpt-4o"),
        (0.99 * leaves_warm, "claude-haiku-4-5", "gpt-4o"),
        (1.01 * leaves_warm, "claude-haiku-4-5", "claude-haiku-4-5"),
    ):
        sessions = service(replace(router, settings=router.settings.valuing(float(worth))), session_affinity=True)
        assert sessions.route(turn("fresh", 20_000)).model == new
        sessions.standing.served(query, "gpt-4o")
        assert sessions.route(query).model == warm


@given(st.floats(0.0, 200.0), st.integers(1024, 60_000))
@settings(deadline=None, max_examples=30)
def test_affinity_never_makes_the_warm_model_less_likely(worth: float, tokens: int) -> None:
    """Of an exploring policy, too; and the propensity is the probability under the utilities that are logged."""
    policy = BanditPolicy.fresh(len(CATALOG), ROUTER.context_map.dim, BanditSettings(gate=GateSettings.fixed(0.5)))
    router = replace(ROUTER, policy=policy, settings=ROUTER.settings.valuing(worth))
    for warm in ("gpt-4o", "gemini-2.5-flash"):
        without = service(router, session_affinity=True).route(turn("s", tokens))
        sessions = service(router, session_affinity=True)
        sessions.standing.served(turn("s", tokens), warm)
        decision = sessions.route(turn("s", tokens))
        assert decision.action_probs[warm] >= without.action_probs[warm] - 1e-2  # quadrature of the policy
        assert decision.propensity == decision.action_probs[decision.model]
        assert sum(decision.action_probs.values()) == pytest.approx(1.0)
        assert decision.utilities[warm] >= without.utilities[warm]


def test_a_cache_grows_cold_and_short_ones_are_never_warm() -> None:
    """After five minutes, and below the length that providers cache; a shorter request uses a part of it."""
    clock = Clock()
    standing = Standing(StandingOptions(session_affinity=True), clock)
    standing.served(turn("long", 5000), "gpt-4o")
    standing.served(turn("short", LEAST_CACHED_TOKENS - 1), "gpt-4o")
    (found,) = standing.placed([turn("long", 3000)], CATALOG)
    assert (found.circumstances.warm_model, found.circumstances.warm_tokens) == ("gpt-4o", 3000)
    (short,) = standing.placed([turn("short", 5000)], CATALOG)
    assert short.circumstances.warm_model is None
    clock.now += WARM_S + 1
    (cold,) = standing.placed([turn("long", 3000)], CATALOG)
    assert cold.circumstances.warm_model is None


def test_sessions_are_bounded_and_the_idlest_is_forgotten() -> None:
    """The memory of a service does not grow with its users."""
    standing = Standing(StandingOptions(session_affinity=True, max_sessions=2), Clock())
    for session in ("a", "b", "a", "c"):
        standing.served(turn(session, 5000), "gpt-4o")
    warm = [
        q.session_id for q in standing.placed([turn(s, 5000) for s in "abc"], CATALOG) if q.circumstances.warm_model
    ]
    assert warm == ["a", "c"]
    with pytest.raises(InvalidInputError, match="max_sessions must be 1 or more, got 0"):
        StandingOptions(max_sessions=0)


def test_without_the_option_nothing_is_remembered() -> None:
    """A session's second request is routed as its first."""
    served = service()
    first, second = served.route(turn("s", 8000)), served.route(turn("s", 8000))
    assert first.estimates == second.estimates
