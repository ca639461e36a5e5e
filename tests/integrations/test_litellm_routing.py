"""arbiter inside a real litellm Router: it chooses the model, litellm the deployment; every choice is a decision."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import openai_server
import provider_world
import pytest
from openai_server import OpenAIServer
from provider_world import CHEAP, DEAR, KEY, MIDDLE, NAMES, three_router

from arbiter.errors import BudgetError, InvalidInputError
from arbiter.integrations.litellm_routing import route_with
from arbiter.quiet_litellm import import_litellm
from arbiter.records import Decision, Outcome
from arbiter.service import Arbiter, ServiceOptions
from arbiter.standing import StandingOptions

# litellm itself leaves connections and event loops open; these tests call it as its users do.
pytestmark = [
    *provider_world.QUIET,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


def router_of(server: OpenAIServer, models: tuple[str, ...] = NAMES, **settings: Any) -> Any:
    """Give a litellm Router with the models in one group, and each in a group of its own name."""
    where = {"api_base": server.url, "api_key": KEY}
    listed = [{"model_name": "auto", "litellm_params": {"model": f"openai/{m}", **where}} for m in models]
    alone = [{"model_name": m, "litellm_params": {"model": f"openai/{m}", **where}} for m in models]
    return import_litellm().Router(model_list=[*listed, *alone], **{"num_retries": 0, **settings})


def decisions(service: Arbiter) -> list[Decision]:
    return [event.record for _, event in service.ledger.events() if isinstance(event.record, Decision)]


def outcomes(service: Arbiter, n: int) -> list[Outcome]:
    """Wait for n outcomes, which litellm tells of in the background."""
    until = time.monotonic() + 20.0

    def found() -> list[Outcome]:
        return [event.record for _, event in service.ledger.events() if isinstance(event.record, Outcome)]

    while len(found()) < n and time.monotonic() < until:
        time.sleep(0.01)
    return found()


def ask(router: Any, how: str, **more: Any) -> Any:
    """Ask the group that is routed, one way or another."""

    async def call() -> Any:
        answer = await router.acompletion(model="auto", messages=MESSAGES, **more)
        await asyncio.sleep(0.3)  # litellm's logging worker lives on this loop
        return answer

    return router.completion(model="auto", messages=MESSAGES, **more) if how == "sync" else asyncio.run(call())


@pytest.mark.parametrize("how", ["sync", "async"])
def test_the_router_calls_what_arbiter_chose(server: OpenAIServer, service: Arbiter, how: str) -> None:
    """One decision with its propensity, one call of its model, one outcome of it; feedback by the answer's id."""
    router = router_of(server)
    route_with(router, service)
    answer = ask(router, how)
    (outcome,), (decision,) = outcomes(service, 1), decisions(service)
    assert server.asked == Counter({decision.model: 1}) and answer.model == decision.model
    assert set(decision.action_probs) == set(NAMES) and not decision.is_external
    assert (outcome.decision_id, outcome.model, outcome.ok, outcome.response_id) == (
        decision.id,
        decision.model,
        True,
        answer.id,
    )
    service.feedback(answer.id, quality=1.0)
    assert service.ledger.feedback_for(decision.id)[0].quality == 1.0


@pytest.mark.parametrize("how", ["sync", "async"])
def test_chosen_and_called_agree_over_many_requests(server: OpenAIServer, service: Arbiter, how: str) -> None:
    """Whatever is asked for, the model that is called is the one that was chosen."""
    router = router_of(server)
    route_with(router, service)
    for strategy in ("cost_first", "quality_first", "latency_first") * 3:
        ask(router, how, metadata={"arbiter": {"strategy": strategy, "user": "u"}})
    made = decisions(service)
    assert server.asked == Counter(d.model for d in made) and len(server.asked) > 1
    assert all(o.model == service.ledger.decision(o.decision_id).model for o in outcomes(service, 9))
    assert {str(d.strategy) for d in made} == {"cost_first", "quality_first", "latency_first"}
    assert {d.user for d in made} == {"u"}


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_retry_asks_the_decisions_fallbacks(server: OpenAIServer, service: Arbiter, how: str) -> None:
    """Three calls, three outcomes of one decision, in its order; the caller's own metadata is not used up."""
    router, metadata = router_of(server, num_retries=2), {"session_id": "s"}
    route_with(router, service)
    server.script += [openai_server.fails(500), openai_server.fails(503)]
    ask(router, how, metadata=metadata)
    tried, (decision,) = outcomes(service, 3), decisions(service)
    assert [o.model for o in tried][:2] == [decision.model, decision.fallbacks[0]]
    assert len({o.model for o in tried}) == 3 and [o.ok for o in tried] == [False, False, True]
    assert {o.decision_id for o in tried} == {decision.id}
    assert decision.session_id == "s" and "arbiter" not in metadata
    ask(router, how, metadata=metadata)
    first, second = decisions(service)
    assert second.id != first.id and second.model == first.model  # nothing of the first request sticks


def test_requests_that_share_their_metadata_keep_their_decisions(server: OpenAIServer, service: Arbiter) -> None:
    """Though litellm writes its own notes on retries into what they share: each answer is its own request's."""
    router, metadata = router_of(server, num_retries=2), {"session_id": "s"}
    route_with(router, service)
    server.script += [openai_server.fails(500), openai_server.answers(), openai_server.fails(503)] * 2
    prompts = [f"Which river is number {i}?" for i in range(8)]

    async def call() -> list[Any]:
        asked = [[{"role": "user", "content": prompt}] for prompt in prompts]
        calls = (router.acompletion(model="auto", messages=one, metadata=metadata) for one in asked)
        answers = await asyncio.gather(*calls)
        await asyncio.sleep(0.5)  # litellm's logging worker lives on this loop
        return answers

    for prompt, answer in zip(prompts, asyncio.run(call()), strict=True):
        event = service.ledger.decision_event(service.ledger.answered(answer.id))
        assert event.prompt["messages"][0]["content"] == prompt  # type: ignore[index]


def test_when_all_were_asked_the_first_is_asked_again(server: OpenAIServer, service: Arbiter) -> None:
    """A failure may pass; nobody is asked twice before everybody was asked once."""
    router = router_of(server, num_retries=4)
    route_with(router, service)
    server.script += [openai_server.fails(500)] * 4
    ask(router, "sync")
    asked = [o.model for o in outcomes(service, 5)]
    assert len(set(asked[:3])) == 3 and asked[3:] == asked[:2] and len(decisions(service)) == 1


def test_what_cools_down_is_not_chosen(server: OpenAIServer, service: Arbiter) -> None:
    """Litellm's cooldown is a constraint, so that propensities are computed after it."""
    router = router_of(server, allowed_fails=0, cooldown_time=60.0)
    route_with(router, service)
    for model in (CHEAP, MIDDLE, DEAR):
        server.models[model] = openai_server.fails(429)
    for _ in NAMES:
        with pytest.raises(import_litellm().RateLimitError):
            ask(router, "sync")
        time.sleep(0.3)  # litellm notes a cooldown in the background
    assert [len(d.action_probs) for d in decisions(service)] == [3, 2, 1]
    assert server.asked == Counter(dict.fromkeys(NAMES, 1))


def test_other_groups_are_as_before(server: OpenAIServer, service: Arbiter) -> None:
    """Who names a model gets it; the callback still records what it did cost."""
    router = router_of(server)
    route_with(router, service)
    router.completion(model=DEAR, messages=MESSAGES)
    asyncio.run(router.acompletion(model=CHEAP, messages=MESSAGES))
    assert server.asked == Counter({DEAR: 1, CHEAP: 1})
    assert all(decision.is_external for decision in decisions(service))


def test_a_request_that_needs_tools_goes_to_who_has_them(server: OpenAIServer, service: Arbiter) -> None:
    """What the call demands is demanded of the candidate."""
    router = router_of(server)
    route_with(router, service)
    service.change(lambda old: replace(old, catalog=old.catalog.replace(CHEAP, capabilities=frozenset())))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    ask(router, "sync", tools=[tool], metadata={"arbiter": {"strategy": "cost_first"}})
    ask(router, "sync", metadata={"arbiter": {"strategy": "cost_first"}})
    needy, plain = decisions(service)
    assert "tools" in needy.excluded[CHEAP] and (needy.model, plain.model) == (MIDDLE, CHEAP)


def test_a_stream_is_routed(server: OpenAIServer, service: Arbiter) -> None:
    """The same, part by part."""
    router = router_of(server)
    route_with(router, service)
    parts = list(ask(router, "sync", stream=True, stream_options={"include_usage": True}))
    assert "".join(p.choices[0].delta.content or "" for p in parts if p.choices) == "Paris"
    (outcome,), (decision,) = outcomes(service, 1), decisions(service)
    assert outcome.model == decision.model and outcome.output_tokens == 5


def test_a_budget_that_is_used_up_refuses_at_once(server: OpenAIServer) -> None:
    """The budget's own error reaches the caller, without a retry that would change nothing."""
    asked: list[str] = []

    def broke(query: Any) -> float:
        asked.append(query.text)
        return 0.0

    standing = StandingOptions(budget_left_usd=broke)
    with Arbiter(three_router(), None, ServiceOptions(seed=0, standing=standing)) as poor:
        router = router_of(server, num_retries=3)
        route_with(router, poor)
        with pytest.raises(BudgetError):
            ask(router, "sync")
    assert len(asked) == 1 and server.requests == 0


def test_messages_without_a_users_turn_are_litellms_own_affair(server: OpenAIServer, service: Arbiter) -> None:
    """They are answered, and recorded as not routed."""
    router = router_of(server)
    route_with(router, service)
    router.completion(model="auto", messages=[{"role": "system", "content": "Say hello."}])
    (outcome,) = outcomes(service, 1)
    assert outcome.ok and [d.is_external for d in decisions(service)] == [True]


def test_a_wrong_option_is_told(server: OpenAIServer, service: Arbiter) -> None:
    """As by route."""
    router = router_of(server)
    route_with(router, service)
    with pytest.raises(InvalidInputError, match="unknown option budget"):
        ask(router, "sync", metadata={"arbiter": {"budget": 1}})


def test_a_group_without_a_known_model_is_refused(server: OpenAIServer, service: Arbiter) -> None:
    """When the plugin is put in, not at the first request."""
    router = router_of(server, models=("house-model",))
    with pytest.raises(InvalidInputError, match=r"no deployment under the model_name 'auto'.*gpt-4o-mini"):
        route_with(router, service)
