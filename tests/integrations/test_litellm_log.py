"""The litellm callback against a real litellm and a real server: every call once, with what it did cost and take."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import openai_server
import provider_world
import pytest
from openai_server import OpenAIServer
from provider_world import CHEAP, DEAR, KEY, three_router

from arbiter.intake import read_request
from arbiter.integrations.litellm_calls import LitellmCall, read_call
from arbiter.integrations.litellm_log import litellm_callback, record_call
from arbiter.ledger import SqliteLedger
from arbiter.quiet_litellm import import_litellm
from arbiter.records import Decision, Outcome
from arbiter.service import Arbiter, ServiceOptions
from arbiter.serving_log import serving_log
from arbiter.vocabulary import FallbackReason

# litellm itself leaves connections and event loops open; these tests call it as its users do.
pytestmark = [
    *provider_world.QUIET,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]


def asked(server: OpenAIServer, model: str = f"openai/{CHEAP}", **more: Any) -> dict[str, Any]:
    """Give the arguments of a call."""
    return {"model": model, "messages": MESSAGES, "api_base": server.url, "api_key": KEY, "max_retries": 0, **more}


def records(service: Arbiter, kind: type, n: int) -> list[Any]:
    """Wait for n records of a kind, which litellm tells of in the background; give all there are a moment later."""
    until = time.monotonic() + 20.0

    def found() -> list[Any]:
        return [event.record for _, event in service.ledger.events() if isinstance(event.record, kind)]

    while len(found()) < n and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.2)
    return found()


def sync_call(server: OpenAIServer) -> Any:
    return import_litellm().completion(**asked(server))


def sync_stream(server: OpenAIServer) -> Any:
    parts = list(import_litellm().completion(**asked(server, stream=True, stream_options={"include_usage": True})))
    return parts[0]


def async_call(server: OpenAIServer) -> Any:
    async def call() -> Any:
        answer = await import_litellm().acompletion(**asked(server))
        await asyncio.sleep(0.5)  # litellm's logging worker lives on this loop
        return answer

    return asyncio.run(call())


def async_stream(server: OpenAIServer) -> Any:
    async def call() -> Any:
        usage = {"include_usage": True}
        stream = await import_litellm().acompletion(**asked(server, stream=True, stream_options=usage))
        parts = [part async for part in stream]
        await asyncio.sleep(0.5)
        return parts[0]

    return asyncio.run(call())


@pytest.mark.parametrize("call", [sync_call, sync_stream, async_call, async_stream])
def test_a_call_that_nobody_routed_is_recorded_once(
    server: OpenAIServer, service: Arbiter, call: Callable[[OpenAIServer], Any]
) -> None:
    """A decision with unknown propensity, one outcome with tokens, cost and time, found by the answer's id."""
    answer = call(server)
    (outcome,) = records(service, Outcome, 1)
    (decision,) = records(service, Decision, 1)
    assert decision.is_external and decision.model == outcome.model == CHEAP and outcome.ok
    assert outcome.output_tokens and outcome.latency_s is not None and 0.0 < outcome.latency_s < 20.0
    prices = service.router.catalog[CHEAP]
    wanted = (outcome.input_tokens * prices.usd_per_mtok_in + outcome.output_tokens * prices.usd_per_mtok_out) / 1e6
    assert outcome.cost_usd == pytest.approx(wanted)
    assert service.ledger.decision_event(decision.id).prompt["messages"] == MESSAGES  # type: ignore[index]
    service.feedback(answer.id, quality=0.75)
    (row,) = serving_log(service.ledger).rows
    assert row["quality"] == 0.75 and "propensity" not in row
    assert server.requests == 1


def test_a_failed_call_says_why(server: OpenAIServer, service: Arbiter) -> None:
    """Its reason by the one table; no cost, since nothing was billed; the caller's error is litellm's own."""
    litellm = import_litellm()
    server.script += [openai_server.rate_limited(None), openai_server.fails(500), openai_server.fails(503)]
    for error in (litellm.RateLimitError, litellm.InternalServerError, litellm.ServiceUnavailableError):
        with pytest.raises(error):
            litellm.completion(**asked(server))
    reasons = [(o.ok, o.fallback_reason, o.cost_usd, o.response_id) for o in records(service, Outcome, 3)]
    wanted = (FallbackReason.RATE_LIMITED, FallbackReason.ERROR, FallbackReason.PRIMARY_UNAVAILABLE)
    assert sorted(reasons) == sorted((False, reason, None, None) for reason in wanted)


def test_what_nobody_counted_is_unknown_and_not_0(server: OpenAIServer, service: Arbiter) -> None:
    """A stream whose usage was not asked for has neither tokens nor a cost."""
    list(import_litellm().completion(**asked(server, stream=True)))
    (outcome,) = records(service, Outcome, 1)
    assert outcome.ok and (outcome.input_tokens, outcome.output_tokens, outcome.cost_usd) == (None, None, None)
    assert outcome.ttft_s is not None and 0.0 < outcome.ttft_s <= outcome.latency_s


def test_who_asked_and_in_which_conversation_is_kept(server: OpenAIServer, service: Arbiter) -> None:
    """OpenAI's user, and litellm's session."""
    import_litellm().completion(**asked(server, user="ada", metadata={"session_id": "s1"}))
    (decision,) = records(service, Decision, 1)
    assert (decision.user, decision.session_id) == ("ada", "s1")


def test_a_model_of_no_catalog_is_recorded_under_its_own_name(server: OpenAIServer, service: Arbiter) -> None:
    """As litellm passes it on; its price is not known to anybody, so it has none."""
    import_litellm().completion(**asked(server, "openai/house-model"))
    (outcome,) = records(service, Outcome, 1)
    assert (outcome.model, outcome.cost_usd, outcome.ok) == ("house-model", None, True)


def test_what_is_no_traffic_is_not_recorded(server: OpenAIServer, service: Arbiter) -> None:
    """Embeddings, a router's own classifier, mirrored traffic, and what arbiter has recorded itself."""
    litellm = import_litellm()
    for metadata in (
        {"internal_call_origin": "autorouter_classifier"},
        {"is_silent_experiment": True},
        {"arbiter": {"recorded": True, "decision_id": "x"}},
    ):
        litellm.completion(**asked(server, metadata=metadata))
    litellm.embedding(model="text-embedding-3-small", input=["a"], mock_response=[0.1, 0.2])
    litellm.completion(**asked(server, user="counted"))
    assert [decision.user for decision in records(service, Decision, 1)] == ["counted"]


def test_a_service_that_calls_records_once_though_the_callback_listens(service: Arbiter) -> None:
    """The executor's calls reach litellm's callbacks, too; the provider does not see what arbiter adds for them."""
    with provider_world.running(ledger=service.ledger) as world:
        execution = world.service.complete("What is the capital of France?", params={"metadata": {"mine": "1"}})
        (outcome,) = records(service, Outcome, 1)
        (body,) = world.servers[execution.model].bodies
        assert outcome.decision_id == execution.decision.id and outcome.response_id == execution.response.id
        assert "arbiter" not in str(body)


def test_what_a_router_refused_was_no_call(service: Arbiter) -> None:
    """It knows the group alone, since everybody cools down; a call of the group has a deployment."""
    payload = {"call_type": "acompletion", "status": "failure", "model": "auto", "model_group": "auto"}

    def read(metadata: dict[str, Any]) -> LitellmCall | None:
        told = {"standard_logging_object": payload, "litellm_params": {"metadata": metadata}}
        return read_call(told, service.router.catalog)

    assert read({"model_group": "auto"}) is None
    called = read({"model_group": "auto", "deployment": f"openai/{CHEAP}"})
    assert called is not None and not called.ok and called.reason is FallbackReason.ERROR


def test_two_services_both_hear_of_a_call(server: OpenAIServer, service: Arbiter) -> None:
    """Though litellm takes two callbacks of one class for one, unless they differ."""
    litellm = import_litellm()
    with Arbiter(three_router(), SqliteLedger(":memory:"), ServiceOptions(seed=0)) as other:
        callback = litellm_callback(other)
        litellm.callbacks.append(callback)
        litellm.completion(**asked(server))
        assert len(records(service, Outcome, 1)) == len(records(other, Outcome, 1)) == 1
        litellm.logging_callback_manager.remove_callback_from_all_lists(callback)


def test_messages_that_litellm_keeps_back_are_not_needed(service: Arbiter) -> None:
    """Tokens and cost are recorded all the same."""
    payload = {
        "call_type": "completion",
        "status": "success",
        "id": "r",
        "model": CHEAP,
        "response_cost": 0.5,
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "startTime": 10.0,
        "endTime": 12.5,
    }
    call = read_call({"standard_logging_object": payload, "messages": "redacted-by-litellm"}, service.router.catalog)
    assert isinstance(call, LitellmCall)
    assert (call.query.text, call.query.input_tokens, call.cost_usd, call.latency_s) == ("", 7, 0.5, 2.5)
    assert read_call({}, service.router.catalog) is None


def test_azure_deployments_go_by_their_base_model(service: Arbiter) -> None:
    """The name of a deployment says nothing."""
    payload = {"call_type": "acompletion", "status": "success", "model": "azure/prod-7", "endTime": 1.0}
    params = {"metadata": {"model_info": {"base_model": f"azure/{CHEAP}"}}}
    call = read_call({"standard_logging_object": payload, "litellm_params": params}, service.router.catalog)
    assert call is not None and call.model == CHEAP


def test_a_ledger_that_fails_is_logged_without_the_prompt(service: Arbiter, caplog: pytest.LogCaptureFixture) -> None:
    """The error is for litellm to swallow; the log says it, above debug without any text of the request."""
    decision = service.route(read_request(MESSAGES))
    service.ledger.close()
    payload = {"call_type": "completion", "status": "success", "model": DEAR, "id": "r"}
    params = {"metadata": {"arbiter": {"decision_id": decision.id}}}
    with caplog.at_level(logging.INFO, logger="arbiter"):
        record_call(service, {"standard_logging_object": payload, "litellm_params": params, "messages": MESSAGES})
    assert "a call of litellm is not recorded: the ledger" in caplog.text and "France" not in caplog.text
