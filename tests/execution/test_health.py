"""Laws of health: who is left out, for how long, and that processes see the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openai_server
import provider_world
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_world import CHEAP, DEAR, MIDDLE, World

from arbiter.errors import InvalidInputError
from arbiter.execution import Deployment, ExecutionOptions, Health, HealthOptions
from arbiter.ledger import SqliteLedger
from arbiter.records import Candidate, Outcome
from arbiter.service import Arbiter
from arbiter.service_options import ServiceOptions
from arbiter.vocabulary import BreakerState, FallbackReason

pytestmark = provider_world.QUIET
TEXT = "What is the capital of France?"
CATALOG = provider_world.three_catalog()
ONE = CATALOG[CHEAP]


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Give the time that was set."""
        return self.now


class Hospital:
    """A health, with short ways to tell it of calls."""

    def __init__(self, **options: object) -> None:
        self.clock = Clock()
        self.health = Health(HealthOptions(**options), self.clock)  # type: ignore[arg-type]
        self.calls = 0

    def call(
        self, reason: FallbackReason | None = None, cooldown_s: float | None = 0.0, candidate: Candidate = ONE
    ) -> None:
        """Tell of one call: an answer without a reason."""
        self.calls += 1
        outcome = Outcome(
            decision_id=f"d{self.calls}",
            model=candidate.name,
            ok=reason is None,
            fallback_reason=reason,
            cooldown_s=None if reason is None else cooldown_s,
            output_tokens=5 if reason is None else None,
        )
        self.health.observed(outcome, candidate, self.clock.now)

    def fail(self, n: int = 1, candidate: Candidate = ONE) -> None:
        """Tell of errors that ask for no rest."""
        for _ in range(n):
            self.call(FallbackReason.ERROR, candidate=candidate)

    @property
    def out(self) -> dict[str, str]:
        """Who is left out."""
        return self.health.out(CATALOG, {})

    @property
    def admitted(self) -> bool:
        """Whether the one candidate may be called; takes the probe."""
        return self.health.admits(ONE, ONE.name, "")

    @property
    def state(self) -> BreakerState:
        """Of its breaker."""
        return next(c.state for c in self.health.conditions() if c.name == ONE.name)


def test_a_breaker_opens_lets_one_probe_through_and_closes() -> None:
    """Five failures, 120 s, one probe whose success closes it."""
    one = Hospital()
    one.fail(4)
    assert one.admitted and not one.out
    one.fail()
    assert one.state is BreakerState.OPEN
    assert one.out == {CHEAP: "breaker open for 120 s"}
    assert not one.admitted
    one.clock.now += 120.0
    assert one.state is BreakerState.HALF_OPEN and not one.out
    assert one.admitted and not one.admitted, "a second call beside the probe"
    assert one.out == {CHEAP: "breaker half open, one call probes"}
    one.call()
    assert one.state is BreakerState.CLOSED
    assert one.admitted and one.admitted


def test_a_probe_that_fails_opens_the_breaker_again() -> None:
    """For the whole time."""
    one = Hospital()
    one.fail(5)
    one.clock.now += 120.0
    assert one.admitted
    one.fail()
    assert one.state is BreakerState.OPEN
    one.clock.now += 119.0
    assert not one.admitted


def test_a_probe_of_which_nothing_is_heard_is_followed_by_another() -> None:
    """Its process may have died."""
    one = Hospital()
    one.fail(5)
    one.clock.now += 120.0
    assert one.admitted
    one.clock.now += 120.0
    assert one.admitted


def test_a_probe_whose_caller_went_away_lets_the_next_through_at_once() -> None:
    """Nothing was learned of the deployment."""
    one = Hospital()
    one.fail(5)
    one.clock.now += 120.0
    assert one.admitted
    one.call(FallbackReason.CANCELLED, None)
    assert one.admitted


def test_failures_count_within_a_window_and_not_in_a_row_only() -> None:
    """Five of nine within a minute open it; five spread over five minutes do not, nor five of eleven."""
    mixed = Hospital(spared_share=1.0)
    for _ in range(4):
        mixed.fail()
        mixed.call()
    mixed.fail()
    assert mixed.state is BreakerState.OPEN
    spread = Hospital()
    for _ in range(5):
        spread.fail()
        spread.clock.now += 61.0
    assert spread.state is BreakerState.CLOSED
    rare = Hospital()
    for _ in range(6):
        rare.call()
    rare.fail(5)
    assert rare.state is BreakerState.CLOSED


def test_who_is_rate_limited_rests_as_long_as_it_was_told_to() -> None:
    """And answers after it."""
    one = Hospital()
    for _ in range(100):
        one.call()
    one.call(FallbackReason.RATE_LIMITED, 7.0)
    assert one.out == {CHEAP: "rate_limited, rests 7 s"}
    one.clock.now += 7.0
    assert not one.out and one.admitted


def test_one_error_among_many_answers_rests_nobody() -> None:
    """Under the spared share; one error alone does."""
    busy, idle = Hospital(), Hospital()
    for _ in range(20):
        busy.call()
    for one in (busy, idle):
        one.call(FallbackReason.ERROR, 10.0)
    assert not busy.out
    assert idle.out == {CHEAP: "error, rests 10 s"}


@pytest.mark.parametrize("reason", [FallbackReason.SAFETY_VIOLATION, FallbackReason.NOT_NEEDED, FallbackReason.ERROR])
def test_what_the_request_is_to_blame_for_is_not_counted(reason: FallbackReason) -> None:
    """Nor is a call that was given up."""
    one = Hospital()
    for _ in range(50):
        one.call(reason, None)
    assert not one.out and one.admitted


def test_a_provider_whose_errors_are_high_is_left_out_with_all_its_models() -> None:
    """Where two of its models fail, also the third that nobody has called; other providers stay."""
    names = ["gpt-5", "gpt-4o", CHEAP, MIDDLE]
    catalog = [c for c in provider_world.Catalog.default() if c.name in names]
    openai = [c for c in catalog if c.provider == "openai"]
    assert len(openai) == 3
    one = Hospital(failures=100)
    for _ in range(5):
        one.fail(candidate=openai[0])
        one.fail(candidate=openai[1])
    found = one.health.out(catalog, {})
    assert set(found) == {c.name for c in openai}
    assert found[openai[2].name] == "provider openai: breaker open for 120 s"
    alone = Hospital(failures=100)
    for _ in range(20):
        alone.fail(candidate=openai[0])
    assert not alone.health.out(catalog, {}), "one model that fails is not its provider"


def test_a_candidate_is_out_where_all_its_deployments_are() -> None:
    """One that is left is enough."""
    health = Health(HealthOptions(), Clock())
    for name in ("east", "west"):
        assert not health.out(CATALOG, {CHEAP: ("east", "west")})
        for i in range(5):
            o = Outcome(decision_id=f"{name}{i}", model=CHEAP, ok=False, deployment=name, cooldown_s=0.0)
            health.observed(o, None, 1000.0)
    assert set(health.out(CATALOG, {CHEAP: ("east", "west")})) == {CHEAP}


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 200.0)), max_size=60))
@settings(max_examples=100, deadline=None)
def test_reading_own_calls_again_changes_nothing(calls: list[tuple[bool, float]]) -> None:
    """A process that folds its calls as they come and again from the ledger sees what one sees that reads alone."""
    clock, at = Clock(), 1000.0
    own, other = Health(HealthOptions(), clock), Health(HealthOptions(), clock)
    outcomes = []
    for i, (ok, wait_s) in enumerate(calls):
        at += wait_s
        cooldown = None if ok else 5.0
        outcomes.append((at, Outcome(decision_id=f"{i}", model=CHEAP, ok=ok, cooldown_s=cooldown, output_tokens=1)))
    for t, outcome in outcomes:
        own.observed(outcome, ONE, t, own=True)
    for t, outcome in outcomes:
        own.observed(outcome, ONE, t)
        other.observed(outcome, ONE, t)
    clock.now = at
    assert own.conditions() == other.conditions()


@pytest.mark.parametrize("wrong", [{"window_s": 0}, {"failures": 0}, {"failure_share": 1.5}, {"open_s": -1}])
def test_wrong_options_are_refused(wrong: dict[str, float]) -> None:
    """By name and value."""
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        HealthOptions(**wrong)  # type: ignore[arg-type]


# in the service


@pytest.fixture
def world() -> Iterator[World]:
    with provider_world.running() as found:
        yield found


def test_who_is_rate_limited_is_not_chosen_for_a_while(world: World) -> None:
    """The next decision says why."""
    chosen = world.service.route(TEXT).model
    world.servers[chosen].behave = openai_server.rate_limited(30)
    world.service.complete(TEXT)
    decision = world.service.route(TEXT)
    assert decision.model != chosen
    assert decision.excluded[chosen].startswith("out: rate_limited, rests ")
    world.service.complete(TEXT)
    assert world.servers[chosen].requests == 1


def test_when_all_rest_the_emergency_choice_is_called_nevertheless(world: World) -> None:
    """The router fails open."""
    for server in world.servers.values():
        server.script.append(openai_server.rate_limited(30))
    with pytest.raises(Exception, match="no candidate answered"):
        world.service.complete(TEXT)
    execution = world.service.complete(TEXT)
    assert execution.text == "Paris"
    assert execution.decision.degraded
    first, second = execution.attempts
    assert first.reason is FallbackReason.CIRCUIT_OPEN and second.reason is None


def test_processes_share_health_through_the_ledger(tmp_path: Path) -> None:
    """What one service saw fail, another one leaves out: at its start, and while it runs."""
    clock = Clock()
    path = tmp_path / "ledger.db"
    options = ServiceOptions(seed=0, clock=clock)
    early = Arbiter(provider_world.three_router(), SqliteLedger(path), options)
    with provider_world.running(SqliteLedger(path)) as world:
        chosen = world.service.route(TEXT).model
        world.servers[chosen].behave = openai_server.rate_limited(30)
        world.service.complete(TEXT)
        clock.now = world.service.options.clock()
        late = Arbiter(provider_world.three_router(), SqliteLedger(path), options)
        assert "rate_limited" in late.route(TEXT).excluded[chosen]
        early.route(TEXT)  # looks, on a thread
        early._health.close()
        assert "rate_limited" in early.route(TEXT).excluded[chosen]
    for service in (early, late):
        service.close()


def test_deployments_share_the_calls_by_weight_and_stand_in_for_one_another(world: World) -> None:
    """Two to one, in turns; with one down, the other takes all, and the candidate stays."""

    def at(name: str, weight: float) -> Deployment:
        own = {"model": f"openai/{name}", "api_base": world.servers[name].url, "api_key": "none"}
        return Deployment(litellm_params=own, name=name, weight=weight)

    execution = ExecutionOptions(deployments={CHEAP: (at(MIDDLE, 2.0), at(DEAR, 1.0))})
    options = ServiceOptions(seed=0, execution=execution)
    with Arbiter(provider_world.three_router(), options=options) as service:
        for _ in range(6):
            service.complete(TEXT, allow=frozenset({CHEAP}))
        assert [world.servers[name].requests for name in (MIDDLE, DEAR)] == [4, 2]
        world.servers[MIDDLE].behave = openai_server.rate_limited(60)
        for _ in range(4):
            assert service.complete(TEXT, allow=frozenset({CHEAP}), strategy="single_best").text == "Paris"
        assert world.servers[MIDDLE].requests <= 5
        assert CHEAP not in service.route(TEXT).excluded
