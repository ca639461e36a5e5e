"""Laws of choices that were taken elsewhere: they teach, they are counted, and they never pass for randomised ones."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import CHEAP, DEAR, MIDDLE, small_learned

from arbiter.errors import InvalidInputError, UnknownDecisionError
from arbiter.ledger import SqliteLedger
from arbiter.metrics import measure
from arbiter.observed import observed
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.records import EXTERNAL, Outcome
from arbiter.router import EMERGENCY, Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.serving_log import serving_log
from arbiter.vocabulary import Strategy

HARD = "theorem proof eigenvalue"


@pytest.fixture(scope="module")
def router() -> Router:
    learned = small_learned().router
    settings = BanditSettings(gate=GateSettings.fixed(0.5))
    return replace(learned, policy=BanditPolicy.fresh(3, learned.context_map.dim, settings))


def service_of(router: Router) -> Arbiter:
    return Arbiter(router, SqliteLedger(":memory:"), ServiceOptions(seed=0))


def test_what_is_about_the_request_stays_and_what_is_about_the_choice_goes(router: Router) -> None:
    """The other's choice is the only action; the router's own beliefs are kept."""
    service = service_of(router)
    own = service.route(HARD)
    seen = observed(replace(own, degraded=(EMERGENCY, "ledger: full")), CHEAP)
    assert (seen.model, seen.propensity, seen.action_probs, seen.fallbacks) == (CHEAP, 1.0, {CHEAP: 1.0}, ())
    assert (seen.policy_version, seen.strategy, seen.bandit_share) == (EXTERNAL, Strategy.SINGLE_BEST, None)
    assert (seen.profile, seen.estimates, seen.context) == (own.profile, own.estimates, own.context)
    assert seen.is_external and not own.is_external and seen.degraded == ("ledger: full",)
    assert "chosen elsewhere, with unknown probability" in seen.explain()
    assert seen.explanation()["choice"]["probability"] is None


def test_feedback_on_what_was_seen_teaches(router: Router) -> None:
    """As much as feedback on a decision of its own does."""
    service = service_of(router)
    seen = service.observe(HARD, DEAR, user="u", session_id="s")
    before = service.router.policy.version
    service.feedback(seen.id, quality=0.1)
    assert service.router.policy.version != before
    assert (seen.user, seen.session_id) == ("u", "s")
    assert service.ledger.decision(seen.id) == seen


def test_a_model_that_nobody_knows_is_recorded_and_teaches_nothing(router: Router) -> None:
    """Its quality and cost count, the policy stays."""
    service = service_of(router)
    seen, before = service.observe(HARD, "my-own-model"), service.router.policy.version
    service.record(Outcome(decision_id=seen.id, model="my-own-model", ok=True, cost_usd=0.5))
    service.feedback(seen.id, quality=1.0)
    assert service.router.policy.version == before
    (row,) = measure(service.ledger).models
    assert (row.model, row.decisions, row.cost_usd, row.quality) == ("my-own-model", 1, 0.5, 1.0)


def test_what_was_seen_never_passes_for_a_randomised_choice(router: Router) -> None:
    """Its row has no propensity; what is exported for evaluation can leave it out."""
    service = service_of(router)
    routed, seen = service.route(HARD), service.observe(HARD, MIDDLE)
    for decision in (routed, seen):
        service.record(Outcome(decision_id=decision.id, model=decision.model, ok=True))
        service.feedback(decision.id, quality=0.5)
    rows = {row["request_id"]: row for row in serving_log(service.ledger).rows}
    assert rows[routed.id]["propensity"] == routed.propensity and "propensity" not in rows[seen.id]
    assert rows[seen.id]["quality"] == 0.5 and rows[seen.id]["model"] == MIDDLE
    assert [row["request_id"] for row in serving_log(service.ledger, routed_only=True).rows] == [routed.id]


def test_a_gate_takes_nothing_for_evidence(router: Router) -> None:
    """The share of the bandit that is earned by evidence hangs on its own decisions alone: answers as expected."""
    earning = replace(router, policy=BanditPolicy.fresh(3, router.context_map.dim, BanditSettings()))
    service = service_of(earning)
    share = service.router.policy.share
    for _ in range(40):
        seen = service.observe(HARD, CHEAP)
        service.feedback(seen.id, quality=float(np.clip(seen.estimates[CHEAP].quality, 0.0, 1.0)))
    assert service.router.policy.share == share and share is not None


def test_feedback_finds_the_decision_by_the_answers_id(router: Router) -> None:
    """By the decision's id or the response's; a name that is neither is refused as an unknown decision."""
    service = service_of(router)
    decision = service.route(HARD)
    service.record(Outcome(decision_id=decision.id, model=decision.model, ok=True, response_id="chatcmpl-1"))
    service.feedback("chatcmpl-1", quality=0.25)
    assert service.ledger.feedback_for(decision.id)[0].quality == 0.25
    with pytest.raises(UnknownDecisionError, match="holds no decision 'chatcmpl-2'"):
        service.feedback("chatcmpl-2", quality=0.25)


def test_a_wrong_request_is_refused(router: Router) -> None:
    """As by route."""
    with pytest.raises(InvalidInputError, match="unknown option"):
        service_of(router).observe(HARD, CHEAP, models=["a"])  # type: ignore[call-arg]
