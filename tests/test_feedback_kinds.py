"""Feedback of every kind, through the service: what comes late, in parts, again, corrected, from many, in pairs."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import small_learned

from arbiter.errors import InvalidInputError, UnknownDecisionError
from arbiter.judgements import FeedbackRules, Reward
from arbiter.ledger import SqliteLedger
from arbiter.metrics import measure
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.records import Decision, Feedback, Outcome
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.snapshots import policy_text
from arbiter.vocabulary import FallbackReason

DAY_S = 86_400.0
PAGES = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def router() -> Router:
    learned = small_learned().router
    policy = BanditPolicy.fresh(len(learned.catalog), learned.context_map.dim, BanditSettings(half_life_feedback=None))
    return replace(learned, policy=policy)


def state(service: Arbiter) -> str:
    return policy_text(service.router.policy)


def mean(service: Arbiter, model: str) -> float:
    policy = service.router.policy
    assert isinstance(policy, BanditPolicy)
    return float(policy.belief.mean[service.router.catalog.position(model), 0])


def test_feedback_that_comes_days_later_teaches_what_it_would_have_at_once(router: Router, tmp_path: Path) -> None:
    """After a restart, by another process than the one that decided; none in between is not zero."""
    now = [1e9]
    options = ServiceOptions(clock=lambda: now[0])
    with Arbiter(router, SqliteLedger(tmp_path / "l.db"), options) as service:
        decision = service.route("theorem proof")
        untouched = state(service)
    now[0] += 9 * DAY_S
    with Arbiter(router, SqliteLedger(tmp_path / "l.db"), options) as later:
        later.feedback(decision.id, latency_s=1.0)  # a part, which says nothing of quality
        assert policy_text(replace(later.router.policy, marks={})) == untouched
        later.feedback(decision.id, quality=0.1)
        late = mean(later, decision.model)
    with Arbiter(router, SqliteLedger(tmp_path / "other.db"), options) as prompt:
        prompt.ledger.append_many(
            event for _, event in SqliteLedger(tmp_path / "l.db").events() if event.decision_id == decision.id
        )
        prompt._learner.learn()
        assert mean(prompt, decision.model) == late != 0.0


def test_a_preference_teaches_both_once_and_can_be_turned(router: Router, tmp_path: Path) -> None:
    """The preferred answer's model rises and the other's falls; again changes nothing; the reverse replaces."""
    names = router.catalog.names
    with Arbiter(router, SqliteLedger(tmp_path / "l.db")) as service:
        one, two = (service.route("river month", allow=frozenset({name})) for name in names[:2])
        service.prefer(one.id, over=two.id)
        up, down, once = mean(service, one.model), mean(service, two.model), state(service)
        assert up > 0.0 > down
        service.prefer(one.id, over=two.id)
        assert state(service) == once
        service.prefer(two.id, over=one.id)
        assert mean(service, one.model) < 0.0 < mean(service, two.model)
        assert len(list(service.ledger.judged())) == 4
        with pytest.raises(UnknownDecisionError):
            service.prefer(one.id, over="nobody")
        with pytest.raises(InvalidInputError, match=f"between two decisions, got {one.id} twice"):
            service.prefer(one.id, over=one.id)
        kept = state(service)
    with Arbiter(router, SqliteLedger(tmp_path / "l.db")) as again:
        assert state(again) == kept


def test_sources_are_weighed_by_their_noise_in_what_is_learned(router: Router) -> None:
    """The same judgement moves the belief less from a noisier source, and a correction leaves what it alone would."""
    moved = {}
    for source in ("human", "judge", "implicit"):
        service = Arbiter(router)
        decision = service.route("theorem proof")
        service.feedback(decision.id, quality=0.9, source=source)
        service.feedback(decision.id, quality=0.0, source=source)
        moved[source] = abs(mean(service, decision.model))
        single = Arbiter(router)
        single.ledger.append_many(event for _, event in service.ledger.events() if event.kind == "decision")
        single.feedback(decision.id, quality=0.0, source=source)
        assert mean(single, decision.model) == pytest.approx(mean(service, decision.model), abs=1e-12)
    assert moved["human"] > moved["judge"] > moved["implicit"] > 0.0


def test_calls_tell_cost_and_latency_themselves(router: Router) -> None:
    """To the metrics, once; feedback adds what no call told, and a reward of one's own may be made of it."""
    rules = FeedbackRules(reward=lambda decision, said: None if said.latency_s is None else float(said.latency_s < 2))
    service = Arbiter(router, options=ServiceOptions(feedback=rules))
    slow, fast = service.route("theorem proof"), service.route("theorem proof")
    for decision, latency in ((slow, 5.0), (fast, 0.5)):
        done = Outcome(decision_id=decision.id, model=decision.model, ok=True, cost_usd=0.002, latency_s=latency)
        service.record(done)
    service.feedback(slow.id, latency_s=5.0)  # told before: not counted twice, but judged by the reward
    assert mean(service, slow.model) < 0.0
    (row,) = (row for row in measure(service.ledger).models if row.model == slow.model)
    assert row.calls == 2


def test_judging_all_answers_anew_moves_no_more_than_the_judgements_did(router: Router) -> None:
    """A stricter judge goes over 150 old answers, of which twenty still count: as if it had been the first to judge."""
    now = [1e9]
    settings = BanditSettings(half_life_feedback=10.0, gate=GateSettings.fixed(0.05))
    forgetful = replace(router, policy=BanditPolicy.fresh(len(router.catalog), router.context_map.dim, settings))
    options = ServiceOptions(clock=lambda: now[0], seed=0)
    told, strict = Arbiter(forgetful, options=options), Arbiter(forgetful, options=options)
    decisions = told.route_batch(["theorem proof"] * 150)
    strict.ledger.append_many(event for _, event in told.ledger.events())
    for decision in decisions:
        now[0] += 60.0
        told.feedback(decision.id, latency_s=1.0)  # heard of, not judged
        now[0] += 60.0
        told.feedback(decision.id, quality=0.8, source="judge")
        strict.feedback(decision.id, quality=0.6, source="judge")
    lenient = told.router.policy
    for decision in decisions:
        told.feedback(decision.id, quality=0.6, source="judge")
    policies = (told.router.policy, strict.router.policy, lenient)
    k, z = router.catalog.position(decisions[-1].model), np.array(decisions[-1].context)
    found, wanted, before = (float(p.belief.predict(z)[0][k]) for p in policies if isinstance(p, BanditPolicy))
    assert found == pytest.approx(wanted, abs=0.01)
    assert before - wanted > 0.1


def _touchy(decision: Decision, said: Feedback) -> float | None:
    if said.latency_s is not None:
        raise KeyError("my own table")
    return said.quality


@pytest.mark.parametrize("reward", [_touchy, lambda _, said: 7.0 if said.latency_s else said.quality])
def test_feedback_that_a_reward_fails_on_is_refused_and_stops_no_learning(
    router: Router, tmp_path: Path, reward: Reward, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused, not recorded, where the reward is; where another process recorded it, all else is learned."""
    mine = ServiceOptions(feedback=FeedbackRules(reward=reward, version="1"))
    with Arbiter(router, SqliteLedger(tmp_path / "l.db"), mine) as service:
        one, two = service.route("theorem proof"), service.route("theorem proof")
        with pytest.raises(
            InvalidInputError, match=r"the reward failed: KeyError: 'my own table'|must lie in \[0, 1\]"
        ):
            service.feedback(one.id, latency_s=1.0)
        service.feedback(one.id, quality=0.9)
        with Arbiter(router, SqliteLedger(tmp_path / "l.db")) as other:
            other.feedback(one.id, latency_s=1.0, key="other")
        service.feedback(two.id, quality=0.9)
        learned = state(service)
        assert "is not learned" in caplog.text and "my own table" not in caplog.text
    with Arbiter(router, SqliteLedger(tmp_path / "l.db"), mine) as again:
        assert state(again) == learned
        again.feedback(one.id, quality=0.1)
        assert state(again) != learned


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cost_usd": float("nan")}, "cost_usd must be a number from 0 up, or None where unknown; got nan"),
        ({"cost_usd": -1.0}, "cost_usd must be a number from 0 up"),
        ({"latency_s": float("inf")}, "latency_s must be a number from 0 up"),
        ({"ttft_s": "fast"}, "ttft_s must be a number from 0 up"),
        ({"input_tokens": -5}, "input_tokens must be a whole number from 0 up"),
        ({"output_tokens": 1.5}, "output_tokens must be a whole number from 0 up"),
        ({"score": 7.0}, r"score must lie in \[0, 1\]"),
        ({"fallback_reason": "bored"}, "unknown fallback_reason 'bored'; there are"),
        ({"model": "\ud800"}, "model must be a text, without half characters"),
        ({"response_id": "a\0b"}, "response_id must be a text, without half characters and zero bytes"),
        ({"decision_id": None}, "decision_id must be a text"),
    ],
)
def test_what_came_of_a_call_is_checked_before_it_is_in_every_sum(router: Router, wrong: dict, message: str) -> None:
    """What the ledger holds it holds for good: it is refused at once, and neither budget nor metrics hear of it."""
    service = Arbiter(router)
    decision = service.route("theorem proof")
    told = {"decision_id": decision.id, "model": decision.model, "ok": True, **wrong}
    with pytest.raises(InvalidInputError, match=message):
        service.record(Outcome(**told))
    assert len(list(service.ledger.events())) == 1


def test_numbers_may_be_numpys_and_what_is_no_outcome_is_said_so(router: Router) -> None:
    """They come back as Python's."""
    service = Arbiter(router)
    decision = service.route("theorem proof")
    told = {"cost_usd": np.float32(0.5), "input_tokens": np.int64(7), "fallback_reason": "timeout", "ok": np.False_}
    service.record(Outcome(decision_id=decision.id, model=decision.model, **told))
    assert [e.record for _, e in service.ledger.events()][1] == Outcome(
        decision_id=decision.id,
        model=decision.model,
        ok=False,
        cost_usd=0.5,
        input_tokens=7,
        fallback_reason=FallbackReason.TIMEOUT,
    )
    with pytest.raises(InvalidInputError, match=r"is an arbiter.records.Outcome, got Decision"):
        service.record(decision)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [np.array([0.5, 0.6]), np.array([0.5]), [0.5], "0.5", 1j, float("nan")])
def test_a_quality_that_is_no_number_is_refused_in_one_line(router: Router, wrong: object) -> None:
    """As the library's own error, whatever it is."""
    service = Arbiter(router)
    with pytest.raises(InvalidInputError, match=r"quality must lie in \[0, 1\], got"):
        service.feedback(service.route("theorem proof").id, quality=wrong)  # type: ignore[arg-type]


def test_a_name_that_no_ledger_can_hold_is_refused_as_such(router: Router) -> None:
    """Half a character, a zero byte; and a name that is long is not quoted whole."""
    service = Arbiter(router)
    for ask in (lambda: service.feedback("\ud800", quality=0.5), lambda: service.prefer("\ud800", over="x")):
        with pytest.raises(InvalidInputError, match=r"decision_id must be a text|cannot be written as UTF-8"):
            ask()
    decision = service.route("theorem proof")
    with pytest.raises(InvalidInputError, match="key must be a text"):
        service.feedback(decision.id, quality=0.5, key="a\0b")
    with pytest.raises(UnknownDecisionError) as refused:
        service.feedback("x" * 10_000, quality=0.5)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("page", ["feedback.md", "budgets.md"])
def test_the_examples_of_the_pages_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they show works."""
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(block, {})
