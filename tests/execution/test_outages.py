"""What must hold while providers fail: every request answered once, and paid for to the cent."""

import random
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai_server
import provider_world
import pytest
from provider_world import MIDDLE, World

from arbiter.execution import Execution, HealthOptions
from arbiter.execution.failures import DEFAULT_COOLDOWNS
from arbiter.ledger import SqliteLedger
from arbiter.loading import load_router
from arbiter.vocabulary import Complexity, Domain, FallbackReason, Risk

pytestmark = provider_world.QUIET
CENT = 0.01
FAILURES = (
    openai_server.fails(500),
    openai_server.fails(503),
    openai_server.rate_limited(None),
    openai_server.malformed,
    openai_server.cuts,
)


def failing(share: float, seed: int) -> openai_server.Behaviour:
    """Fail with this probability, in one of five ways, else say the request again."""
    rng = random.Random(seed)

    def behave(handler: openai_server.Handler, body: Mapping[str, Any]) -> None:
        how = rng.choice(FAILURES) if rng.random() < share else openai_server.echoes
        how(handler, body)

    return behave


def carried_out(world: World, n: int) -> list[Execution]:
    """Ask n different questions from eight threads."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda i: world.service.complete(question(i)), range(n)))


def question(i: int) -> str:
    return f"Please repeat the number {i}"


# With the usual cooldowns who fails is soon left out, and little could be shown: here everybody comes back at once.
PATIENT: dict[str, Any] = {
    "cooldowns": dict.fromkeys(DEFAULT_COOLDOWNS, 0.0),
    "health": HealthOptions(failures=10**6, provider_failures=10**6),
}


@pytest.mark.parametrize("n", [200, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("healthy", [MIDDLE])
@pytest.mark.parametrize("patience", [PATIENT, {}], ids=["everybody is asked on", "who fails is left out"])
def test_one_healthy_provider_of_three_is_enough(n: int, healthy: str, patience: dict[str, Any], tmp_path: Any) -> None:
    """The others fail at random in 60 of 100 calls, in five ways.

    Every request is answered, with its own answer, by one outcome that is ok; what the ledger says was spent is what
    the servers have billed by their own count, at the prices of the catalog; nothing runs on afterwards.
    """
    with provider_world.running(SqliteLedger(tmp_path / "ledger.db"), **patience) as world:
        for i, (name, server) in enumerate(world.servers.items()):
            server.keep_bodies = False
            server.behave = openai_server.echoes if name == healthy else failing(0.6, seed=i)
        executions = carried_out(world, n)
        assert [e.text for e in executions] == [question(i) for i in range(n)]
        outcomes = world.outcomes()
        answered = Counter(o.decision_id for o in outcomes if o.ok)
        assert answered == Counter(e.decision.id for e in executions)
        assert set(answered.values()) == {1}
        spent = sum(o.cost_usd or 0.0 for o in outcomes)
        assert abs(spent - world.billed_usd) < CENT
        assert spent == pytest.approx(world.billed_usd, rel=1e-9)
        assert sum(e.cost_usd for e in executions) == pytest.approx(spent, rel=1e-9)
        deadline = time.monotonic() + 5.0
        while any(server.busy for server in world.servers.values()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not any(server.busy for server in world.servers.values())
        assert sum(server.answered.total() for server in world.servers.values()) == n, "answered twice"
        failed = Counter(o.fallback_reason for o in outcomes if not o.ok)
        if patience:
            assert failed.total() > 0.4 * n, "the providers did not fail enough to show anything"
            assert set(failed) == {"error", "primary_unavailable", "rate_limited"}
        else:
            assert failed.total() < 0.2 * n, "who fails was asked on"


def test_a_clinical_prompt_is_answered_by_the_second_provider_in_the_same_call() -> None:
    """System E's example: scored above .8, domain medicine, the first answers 429, the second's answer comes back."""
    text = (
        "A 58-year-old patient with atrial fibrillation on apixaban presents with acute upper gastrointestinal "
        "bleeding, haemoglobin 7.1 g/dL and creatinine clearance 28 mL/min. Give the differential diagnosis, the "
        "reversal strategy and when to resume anticoagulation, weighing thromboembolic risk against rebleeding."
    )
    with provider_world.running(router=load_router(), names=("gpt-5", "gemini-2.5-pro", "claude-opus-4-5")) as world:
        decision = world.service.route(text)
        for server in world.servers.values():
            server.behave = openai_server.answers("Give prothrombin complex concentrate.")
        world.servers[decision.model].behave = openai_server.rate_limited(30)
        execution = world.service.complete(text)
        assert execution.decision.profile.domain is Domain.MEDICINE
        assert execution.decision.profile.risk >= Risk.HIGH
        assert execution.decision.profile.complexity is Complexity.EXPERT
        assert execution.decision.profile.probabilities["complexity"]["expert"] > 0.8
        assert execution.text == "Give prothrombin complex concentrate."
        assert execution.decision.model == decision.model != execution.model
        catalog = world.service.router.catalog
        assert catalog[execution.model].provider != catalog[decision.model].provider
        assert execution.fallback_reason is FallbackReason.RATE_LIMITED
        assert [a.reason for a in execution.attempts] == [FallbackReason.RATE_LIMITED, None]
        assert world.requests == 2
