"""Laws of the service: exact propensities, feedback once, fail open, and threads that change nothing."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_world import small_learned

from arbiter.errors import BundleError, InvalidInputError, LedgerError, UnknownDecisionError
from arbiter.learning import replay
from arbiter.ledger import Event, PromptPolicy, PromptStorage, SqliteLedger
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.records import Decision, Query, Requirements
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions, load
from arbiter.vocabulary import FeedbackSource, ProfileSource, Risk

HARD, EASY = "theorem proof tensor", "capital river month"


@pytest.fixture(scope="module")
def router() -> Router:
    """Explore with half of the traffic, so that chance matters and learning shows."""
    learned = small_learned().router
    policy = BanditPolicy.fresh(
        len(learned.catalog), learned.context_map.dim, BanditSettings(gate=GateSettings.fixed(0.5), width=1.0)
    )
    return replace(learned, policy=policy)


def service_of(router: Router, ledger: SqliteLedger | None = None, seed: int | None = 0) -> Arbiter:
    return Arbiter(router, ledger, ServiceOptions(seed=seed, clock=lambda: 1000.0))


def recorded(service: Arbiter) -> dict[str, Decision]:
    events = [event.record for _, event in service.ledger.events()]
    return {record.id: record for record in events if isinstance(record, Decision)}


def version(service: Arbiter) -> str:
    return service.router.policy.version


# propensities


def test_the_propensity_recorded_is_the_one_returned(router: Router) -> None:
    """The ledger's decision equals the caller's, whole."""
    service = service_of(router)
    decisions = [service.route(HARD), *service.route_batch([EASY, HARD])]
    assert recorded(service) == {d.id: d for d in decisions}
    assert all(d.propensity == d.action_probs[d.model] for d in decisions)


def test_models_are_chosen_as_often_as_their_propensities_say(router: Router) -> None:
    """2,000 draws of one request; the bound is 4.5 standard errors per model, seed fixed."""
    service = service_of(router)
    n = 2000
    decisions = service.route_batch([HARD] * n)
    drawn = Counter(d.model for d in decisions)
    for name, p in decisions[0].action_probs.items():
        assert abs(drawn[name] / n - p) < 4.5 * np.sqrt(p * (1 - p) / n) + 1e-12


def test_the_seed_repeats_choices_and_never_identities(router: Router, tmp_path: Path) -> None:
    """Two processes that share a seed and a ledger choose alike and do not collide."""
    runs = []
    for _ in range(2):
        with service_of(router, SqliteLedger(tmp_path / "l.db"), seed=7) as service:
            runs.append(service.route_batch([HARD, EASY] * 10))
            assert not any(d.degraded for d in runs[-1])
    assert [d.model for d in runs[0]] == [d.model for d in runs[1]]
    assert len({d.id for run in runs for d in run}) == 40


def test_no_seed_no_repetition(router: Router) -> None:
    """Fresh entropy: two services do not walk in step."""
    ids = {service_of(router, seed=None).route(HARD).id for _ in range(5)}
    assert len(ids) == 5


# requests and options


def test_shapes_of_a_request_are_one_request(router: Router) -> None:
    """A prompt, OpenAI messages and a Query give the same probabilities."""
    service = service_of(router)
    shapes: list[Any] = [HARD, [{"role": "user", "content": HARD}], Query(text=HARD)]
    probabilities = [service.route(shape).action_probs for shape in shapes]
    assert probabilities[0] == probabilities[1] == probabilities[2]


def test_options_limit_and_name(router: Router) -> None:
    """Limits exclude with a reason; session, user and strategy travel with the decision."""
    service = service_of(router)
    decision = service.route(HARD, max_cost_usd=0.001, session_id="s", user="u", strategy="quality_first")
    assert (decision.session_id, decision.user, decision.strategy) == ("s", "u", "quality_first")
    assert "cost" in decision.excluded["claude-opus-4-5"]
    assert service.route(HARD, allow=["gpt-4o"]).model == "gpt-4o"  # type: ignore[typeddict-item]  # a list will do


def test_options_are_added_to_the_querys_own_limits(router: Router) -> None:
    """A limit given beside a Query does not lift those inside it."""
    query = Query(text=HARD, requirements=Requirements(deny=frozenset({"claude-opus-4-5"})), session_id="own")
    decision = service_of(router).route(query, max_cost_usd=1.0)
    assert "claude-opus-4-5" in decision.excluded
    assert decision.session_id == "own"


BAD_OPTIONS = [
    ({"max_cost": 1.0}, "unknown option max_cost; there are allow,"),
    ({"max_cost_usd": -1.0}, "max_cost_usd must lie in"),
    ({"max_cost_usd": float("nan")}, "max_cost_usd must lie in"),
    ({"max_cost_usd": "cheap"}, "max_cost_usd='cheap'"),
    ({"min_quality": 2.0}, "min_quality must lie in"),
    ({"allow": "gpt-4o"}, "allow must be a set"),
    ({"allow": 3}, "allow=3"),
    ({"capabilities": ["telepathy"]}, "telepathy"),
    ({"strategy": "best"}, "unknown strategy 'best'; there are single_best"),
    ({"strategy": 3}, "unknown strategy '3'"),
    ({"user": 17}, "user must be a text"),
    ({"session_id": "half \ud83d"}, "session_id must be a text"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS, ids=lambda value: str(value)[:30])
def test_a_wrong_option_is_one_clear_line(router: Router, options: Any, message: str) -> None:
    """It names the option and its value; nothing is recorded."""
    service = service_of(router)
    with pytest.raises(InvalidInputError, match=message.replace("(", r"\(")) as caught:
        service.route(HARD, **options)
    assert "\n" not in str(caught.value)
    assert not recorded(service)


@pytest.mark.parametrize("request_", [5, None, b"x", [{"content": "x"}], [], {"role": "user", "content": "x"}])
def test_a_wrong_request_is_one_clear_line(router: Router, request_: Any) -> None:
    """Neither text nor messages with a user's turn."""
    with pytest.raises(InvalidInputError):
        service_of(router).route(request_)


def test_a_lone_text_is_no_batch(router: Router) -> None:
    """It would be routed letter by letter."""
    service = service_of(router)
    with pytest.raises(InvalidInputError, match="list of requests"):
        service.route_batch(HARD)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="list of requests"):
        service.route_batch(Query(text=HARD))  # type: ignore[arg-type]
    assert service.route_batch([]) == []


# feedback


def test_feedback_moves_later_probabilities_towards_the_praised(router: Router) -> None:
    """Blame of the usual choice and praise of another one, thirty times, show in the same request's probabilities."""
    service = service_of(router)
    before = service.route(HARD)
    usual = max(before.action_probs, key=before.action_probs.__getitem__)
    for _ in range(60):
        decision = service.route(HARD)
        service.feedback(decision.id, quality=0.0 if decision.model == usual else 1.0)
    after = service.route(HARD)
    assert after.action_probs[usual] < before.action_probs[usual] - 0.05
    assert after.policy_version != before.policy_version


def test_praise_raises_and_blame_lowers_the_judged_model(router: Router) -> None:
    """One model alone is judged; only the sign of the judgement differs."""
    found = {}
    for quality in (0.0, 1.0):
        service = service_of(router)
        for _ in range(20):
            decision = service.route(HARD, allow=frozenset({"gpt-4o"}))
            service.feedback(decision.id, quality=quality)
        found[quality] = service.route(HARD).action_probs["gpt-4o"]
    assert found[0.0] < service_of(router).route(HARD).action_probs["gpt-4o"] < found[1.0]


def test_feedback_is_idempotent_and_corrected(router: Router) -> None:
    """Repeats change nothing; 0.9 then 0.1 leaves what 0.1 alone would have left."""
    twice, once = service_of(router), service_of(router)
    decision = twice.route(HARD)
    once.ledger.append(Event(record=decision, timestamp=0.0))
    for quality in (0.9, 0.9, 0.1, 0.1):
        twice.feedback(decision.id, quality=quality)
    once.feedback(decision.id, quality=0.1)
    beliefs = [s.router.policy.belief.mean for s in (twice, once)]  # type: ignore[attr-defined]
    np.testing.assert_allclose(*beliefs, atol=1e-12)


def test_late_and_partial_feedback_is_normal(router: Router) -> None:
    """A latency first, a quality after a hundred other decisions."""
    service = service_of(router)
    decision, fresh = service.route(HARD), version(service)
    service.feedback(decision.id, latency_s=2.0)
    assert version(service) == fresh
    service.route_batch([EASY] * 100)
    service.feedback(decision.id, quality=0.3, source="judge")
    assert version(service) != fresh
    assert {f.source for f in service.ledger.feedback_for(decision.id)} == {FeedbackSource.HUMAN, FeedbackSource.JUDGE}


BAD_FEEDBACK = [
    ({"quality": 1.5}, "quality must lie in"),
    ({"quality": -0.1}, "quality must lie in"),
    ({"quality": float("nan")}, "quality must lie in"),
    ({"quality": "good"}, "quality must lie in"),
    ({"cost_usd": -1.0}, "cost_usd must be a number from 0 up"),
    ({"cost_usd": float("inf")}, "cost_usd must be a number from 0 up"),
    ({"latency_s": "fast"}, "latency_s must be a number from 0 up"),
    ({"source": "rumour"}, "unknown source 'rumour'; there are human"),
    ({"key": 5}, "key must be a text"),
    ({"qualiti": 0.5}, "unknown detail qualiti; there are cost_usd"),
]


@pytest.mark.parametrize(("details", "message"), BAD_FEEDBACK, ids=lambda value: str(value)[:30])
def test_wrong_feedback_is_one_clear_line_and_not_recorded(router: Router, details: Any, message: str) -> None:
    """It names the value and the remedy."""
    service = service_of(router)
    decision = service.route(HARD)
    with pytest.raises(InvalidInputError, match=message) as caught:
        service.feedback(decision.id, **details)
    assert "\n" not in str(caught.value)
    assert service.ledger.feedback_for(decision.id) == ()


def test_feedback_takes_numpys_numbers(router: Router) -> None:
    """Judges compute with numpy; the ledger keeps plain floats."""
    service = service_of(router)
    decision = service.route(HARD)
    service.feedback(decision.id, quality=np.float32(0.5), cost_usd=np.float64(0.1))  # type: ignore[arg-type]
    (held,) = service.ledger.feedback_for(decision.id)
    assert (held.quality, held.cost_usd) == (0.5, 0.1)


def test_feedback_on_an_unknown_decision_says_so(router: Router) -> None:
    """The identity is named, and a decision in its place is told apart."""
    service = service_of(router)
    with pytest.raises(UnknownDecisionError, match="no decision 'nope'"):
        service.feedback("nope", quality=0.5)
    with pytest.raises(InvalidInputError, match=r"decision\.id"):
        service.feedback(service.route(HARD), quality=0.5)  # type: ignore[arg-type]


# the ledger is the truth


def test_a_restart_restores_the_state(router: Router, tmp_path: Path) -> None:
    """Bit for bit: a second service on the same file has the policy that the first one had."""
    with service_of(router, SqliteLedger(tmp_path / "l.db")) as first:
        for i, decision in enumerate(first.route_batch([HARD, EASY] * 10)):
            first.feedback(decision.id, quality=i / 20)
            first.feedback(decision.id, quality=1.0 - i / 20, key="second" if i % 2 else "")
        learned = version(first)
    with service_of(router, SqliteLedger(tmp_path / "l.db")) as second:
        assert version(second) == learned != router.policy.version


def test_eight_threads_leave_the_state_of_a_sequential_fold(router: Router) -> None:
    """8 x 200 route and feedback calls: no error, every decision recorded once, state equal to a replay."""
    service, errors = service_of(router), list[Exception]()

    def work(number: int) -> None:
        try:
            for i in range(200):
                decision = service.route(HARD if i % 2 else EASY)
                service.feedback(decision.id, quality=((i + number) % 11) / 10)
        except Exception as error:  # noqa: BLE001  # whatever a thread dies of is what the test must see
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(recorded(service)) == 1600
    assert version(service) == replay(router, service.ledger).router.policy.version


def test_a_swap_under_load_loses_no_feedback(router: Router) -> None:
    """While two threads route and judge, routers are exchanged; in the end the state is the fold over the ledger."""
    service, stop, errors = service_of(router), threading.Event(), list[Exception]()
    cautious = replace(
        router, policy=BanditPolicy.fresh(3, router.context_map.dim, BanditSettings(gate=GateSettings.fixed(0.2)))
    )

    def work() -> None:
        try:
            while not stop.is_set():
                service.feedback(service.route(HARD).id, quality=0.5)
        except Exception as error:  # noqa: BLE001  # whatever a thread dies of is what the test must see
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(12):
        service.swap(cautious if i % 2 else router)
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors
    assert version(service) == replay(cautious, service.ledger).router.policy.version


def test_a_swap_that_cannot_read_the_ledger_leaves_the_old_router(router: Router) -> None:
    """The error is raised and serving goes on."""
    service = service_of(router)
    service.close()
    with pytest.raises(LedgerError):
        service.swap(replace(router, policy=BanditPolicy.fresh(3, router.context_map.dim)))
    assert service.router is router


# the router fails open


class Broken:
    """Stands for any part of a router and raises whatever is asked of it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


@pytest.mark.parametrize("part", ["features", "gatekeeper", "context_map", "estimator", "policy"])
def test_a_broken_part_degrades_and_serves(router: Router, part: str, caplog: pytest.LogCaptureFixture) -> None:
    """Keyword rules and ratings answer under the same limits, the decision says why, and it is recorded."""
    service = service_of(router)
    changed: dict[str, Any] = {part: Broken(RuntimeError("the weights are gone"))}
    service.change(lambda _: replace(router, **changed))
    with caplog.at_level(logging.CRITICAL):
        decision = service.route(HARD, deny=frozenset({"gpt-4o"}))
    assert re.fullmatch(r"RuntimeError in test_service\.py:\d+", *decision.degraded)  # not the text: it may quote
    assert decision.profile.source is ProfileSource.KEYWORDS
    assert decision.model in router.catalog and "gpt-4o" in decision.excluded
    assert decision.propensity == decision.action_probs[decision.model]
    assert recorded(service)[decision.id] == decision
    service.change(lambda _: router)
    service.feedback(decision.id, quality=0.0)  # of another context: recorded, and teaches nothing
    assert service.router is router


def test_the_emergency_router_keeps_the_users_floors(router: Router, caplog: pytest.LogCaptureFixture) -> None:
    """Settings are the user's, whatever breaks."""
    settings = replace(router.settings, review_from=Risk.MINIMAL)
    service = service_of(router)
    broken: Any = Broken(OSError("disk"))
    service.change(lambda _: replace(router, settings=settings, features=broken))
    with caplog.at_level(logging.CRITICAL):
        assert service.route(EASY).needs_human_review


class DeafLedger(SqliteLedger):
    """Takes nothing."""

    def append_many(self, events: Iterable[Event]) -> None:
        """Fail."""
        raise LedgerError("the disk is full")

    def decision(self, decision_id: str) -> Decision:
        """Fail."""
        raise LedgerError("the disk is full")


def test_a_ledger_that_fails_is_said_and_served(router: Router) -> None:
    """The decision names it; feedback, which would be lost, raises."""
    service = Arbiter(router, DeafLedger(":memory:"), ServiceOptions(seed=0))
    decision = service.route(HARD)
    assert decision.degraded == ("ledger: the disk is full",)
    with pytest.raises(LedgerError, match="disk is full"):
        service.feedback(decision.id, quality=0.5)
    assert service.router is router


def test_requests_that_no_file_can_hold_are_served_and_recorded_without_text(router: Router) -> None:
    """Half a character in a text, or an object in a tool call: the decision is kept, so feedback works."""
    service = service_of(router)
    messages: Any = [
        {"role": "assistant", "content": None, "tool_calls": [object()]},
        {"role": "user", "content": HARD},
    ]
    for request in ("half a character \ud83d", messages):
        decision = service.route(request)
        assert not any("ledger" in what for what in decision.degraded)
        assert service.ledger.decision_event(decision.id).prompt is None
        service.feedback(decision.id, quality=0.5)


def test_the_ledger_keeps_of_requests_what_the_options_say(router: Router) -> None:
    """Full text by default, none on demand."""
    kept = {}
    for policy in (PromptPolicy.FULL, PromptPolicy.NONE):
        service = Arbiter(router, None, ServiceOptions(prompts=PromptStorage(policy=policy), clock=lambda: 5.0))
        event = service.ledger.decision_event(service.route(HARD).id)
        kept[policy] = dict(event.prompt or {})
        assert event.timestamp == 5.0
    assert kept[PromptPolicy.FULL]["text"] == HARD
    assert "text" not in kept[PromptPolicy.NONE]


@pytest.mark.parametrize("nothing", [None, "models/mine"])
def test_what_is_no_router_never_serves(router: Router, nothing: Any) -> None:
    """A change whose function returns nothing, a path in the place of a bundle: refused, and the old router goes on."""
    service = Arbiter(router)
    with pytest.raises(InvalidInputError, match=r"a router is wanted, got .*does the function of the change return it"):
        service.change(lambda _: nothing)
    with pytest.raises(InvalidInputError, match=r"a router is wanted, got .*arbiter.loading.load_router"):
        service.swap(nothing)
    assert service.router is router and not service.route(HARD).degraded


@pytest.mark.parametrize("policy", [PromptPolicy.HASHED, PromptPolicy.NONE])
def test_no_word_of_a_request_is_in_the_files_where_its_text_is_not(
    router: Router, tmp_path: Path, policy: PromptPolicy
) -> None:
    """The words that spoke for its profile reach the caller, and neither ledger nor listeners nor a log of them."""
    heard: list[Event] = []
    listener = SimpleNamespace(recorded=heard.extend, carried_out=lambda run, prompts: None)
    options = ServiceOptions(prompts=PromptStorage(policy=policy), listeners=(listener,))
    with Arbiter(router, SqliteLedger(tmp_path / "l.db"), options) as service:
        decision = service.route("My doctor says melanoma; what now?")
        assert "melanoma" in decision.profile.evidence
        service.feedback(decision.id, quality=0.5)
        service.snapshot()
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        kept = service.ledger.decision(decision.id)
    assert b"melanoma" not in files and b"doctor" not in files and "melanoma" not in repr(heard)
    assert replace(kept, profile=decision.profile) == decision


# loading


def test_a_bundle_that_is_not_there_leaves_no_ledger(tmp_path: Path) -> None:
    """The router is loaded first."""
    with pytest.raises(BundleError, match="does not exist"):
        load(tmp_path / "absent", ledger=tmp_path / "l.db")
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_cannot_be_opened_raises(tmp_path: Path) -> None:
    """At loading, not at the first request."""
    with pytest.raises(LedgerError, match="folder exists"):
        load(None, ledger=tmp_path / "absent" / "l.db")


def test_the_shipped_default_serves_and_learns() -> None:
    """`arbiter.load()` as the first screen of the documentation has it."""
    with load() as service:
        decision = service.route("Prove that the square root of 2 is irrational.", max_cost_usd=0.02)
        assert decision.model in service.router.catalog and not decision.degraded
        service.feedback(decision.id, quality=0.9)
        assert decision.model in decision.explain()
