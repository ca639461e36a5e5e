"""Laws of learning from feedback: the state is a fold over the ledger, and every judgement counts once."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import CHEAP, DEAR, small_learned

from arbiter.intake import read_request
from arbiter.judgements import Judgement
from arbiter.learning import after_feedback, replay
from arbiter.ledger import Event, SqliteLedger
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings, GreedyPolicy
from arbiter.records import Decision, Feedback, Outcome
from arbiter.router import Router


@pytest.fixture(scope="module")
def router() -> Router:
    """Give a router whose bandit forgets nothing and whose share is held."""
    learned = small_learned().router
    settings = BanditSettings(gate=GateSettings.fixed(0.1), half_life_feedback=None)
    return replace(learned, policy=BanditPolicy.fresh(len(learned.catalog), learned.context_map.dim, settings))


@pytest.fixture(scope="module")
def decisions(router: Router) -> list[Decision]:
    queries = [read_request(f"theorem proof {i}") for i in range(12)]
    return router.route_batch(queries, np.random.default_rng(0))


def mean_of(router: Router) -> np.ndarray:
    assert isinstance(router.policy, BanditPolicy)
    return router.policy.belief.mean


def judged(quality: float) -> Judgement:
    return Judgement(quality, 1.0)


def test_correcting_a_judgement_equals_having_judged_so_at_once(router: Router, decisions: list[Decision]) -> None:
    """Without forgetting, 0.9 corrected to 0.1 leaves the belief of 0.1."""
    decision = decisions[0]
    twice = after_feedback(after_feedback(router, decision, None, judged(0.9)), decision, judged(0.9), judged(0.1))
    once = after_feedback(router, decision, None, judged(0.1))
    np.testing.assert_allclose(mean_of(twice), mean_of(once), atol=1e-12)


def test_a_repeat_changes_nothing(router: Router, decisions: list[Decision]) -> None:
    """The very same object comes back, and so do unknown qualities."""
    assert after_feedback(router, decisions[0], judged(0.5), judged(0.5)) is router
    assert after_feedback(router, decisions[0], None, None) is router


def test_only_the_judged_arm_moves_and_towards_the_judgement(router: Router, decisions: list[Decision]) -> None:
    """Praise above the estimate raises the arm's mean at its context, blame lowers it."""
    decision = decisions[0]
    arm, context = router.catalog.position(decision.model), np.array(decision.context)
    before = mean_of(router)
    for quality, sign in ((1.0, 1), (0.0, -1)):
        moved = mean_of(after_feedback(router, decision, None, judged(quality))) - before
        assert np.sign(moved[arm] @ context) == sign
        assert not np.delete(moved, arm, axis=0).any()


def test_what_cannot_be_learned_from_leaves_the_router(router: Router, decisions: list[Decision]) -> None:
    """Another policy, a model that left, a context of another bundle or of none, an estimate that is no number."""
    d = decisions[0]
    greedy = replace(router, policy=GreedyPolicy())
    assert after_feedback(greedy, d, None, judged(1.0)) is greedy
    estimate = replace(d.estimates[d.model], quality=float("nan"))
    strange = [
        replace(d, model="gone"),
        replace(d, context=d.context[:-1]),
        replace(d, context=()),
        replace(d, context_version="another bundle"),
        replace(d, estimates={}),
        replace(d, estimates={**d.estimates, d.model: estimate}),
        replace(d, context=(float("nan"), *d.context[1:])),
    ]
    for decision in strange:
        assert after_feedback(router, decision, None, judged(1.0)) is router


def filled(decisions: list[Decision]) -> SqliteLedger:
    """Give a ledger with all decisions, feedback on most, corrections, late and partial ones."""
    ledger = SqliteLedger(":memory:")
    ledger.append_many(Event(record=d, timestamp=float(i)) for i, d in enumerate(decisions))
    for i, d in enumerate(decisions[:10]):
        quality = None if i == 3 else i / 10
        ledger.append(Event(record=Feedback(decision_id=d.id, quality=quality, latency_s=1.0), timestamp=20.0 + i))
    for d in decisions[:4]:
        ledger.append(Event(record=Feedback(decision_id=d.id, quality=0.5), timestamp=40.0))
        ledger.append(Event(record=Feedback(decision_id=d.id, quality=1.0, key="second"), timestamp=41.0))
    return ledger


def test_replay_depends_on_what_holds_and_not_on_how_it_came(router: Router, decisions: list[Decision]) -> None:
    """Without forgetting, a fold over all corrections equals one update per decision with its effective mean."""
    ledger = filled(decisions)
    direct = router
    for d in decisions:
        judged = [f.quality for f in ledger.feedback_for(d.id) if f.quality is not None]
        known = Judgement(float(np.mean(judged)), float(len(judged))) if judged else None
        direct = after_feedback(direct, d, None, known)
    np.testing.assert_allclose(mean_of(replay(router, ledger).router), mean_of(direct), atol=1e-10)


def test_a_replay_goes_on_where_it_stopped(router: Router, decisions: list[Decision]) -> None:
    """Catching up after each new event equals one replay of all, bit for bit, and a second time changes nothing."""
    whole, part = filled(decisions), SqliteLedger(":memory:")
    steps = replay(router, part)
    for _, event in whole.events():
        part.append(event)
        steps.catch_up(part)
    at_once = replay(router, whole)
    assert steps.router.policy.version == at_once.router.policy.version
    assert steps.position == at_once.position
    before = steps.router
    steps.catch_up(part)
    assert steps.router is before


def test_the_model_that_answered_is_the_one_that_learns(router: Router, decisions: list[Decision]) -> None:
    """After a failover the judgement is the stand-in's, from the first to the last correction, whatever comes later."""
    decision = decisions[0]
    stand_in = next(name for name in router.catalog.names if name != decision.model)
    answered = replace(decision, model=stand_in)
    ledger = SqliteLedger(":memory:")
    records = [
        decision,
        Outcome(decision_id=decision.id, model=decision.model, ok=False),
        Outcome(decision_id=decision.id, model=stand_in, ok=True),
        Feedback(decision_id=decision.id, quality=0.9),
        Outcome(decision_id=decision.id, model=decision.model, ok=True),
        Feedback(decision_id=decision.id, quality=0.1),
    ]
    for i, record in enumerate(records):
        ledger.append(Event(record=record, timestamp=float(i)))
    assert [found.served for found in ledger.judged()] == [stand_in, stand_in]
    direct = after_feedback(router, answered, None, judged(0.1))
    np.testing.assert_allclose(mean_of(replay(router, ledger).router), mean_of(direct), atol=1e-12)


def test_an_empty_ledger_leaves_the_router(router: Router) -> None:
    """Nothing was judged, nothing is learned."""
    assert replay(router, SqliteLedger(":memory:")).router is router


def test_the_models_of_the_small_world_are_told_apart(router: Router) -> None:
    """The fixture itself: easy requests go to the cheap model, hard ones to the dear one."""
    rng = np.random.default_rng(0)
    easy, hard = (router.route(read_request(text), rng).utilities for text in ("capital river month", "theorem proof"))
    assert max(easy, key=easy.__getitem__) == CHEAP
    assert max(hard, key=hard.__getitem__) == DEAR
