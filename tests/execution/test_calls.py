"""Laws of one call: what it did cost, what is passed on, and what of an error is kept."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import openai_server
import provider_world
import pytest
from openai_server import OpenAIServer
from provider_world import CHEAP

from arbiter.execution.calls import CallFailedError, Reply, Target, call, close_clients
from arbiter.execution.open_stream import open_stream
from arbiter.records import Candidate

pytestmark = provider_world.QUIET
BODY = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
PRICED = replace(
    provider_world.three_catalog()[CHEAP], usd_per_mtok_in=2.0, usd_per_mtok_out=8.0, usd_per_mtok_cached_in=0.5
)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    provider_world.require_litellm()
    with openai_server.running() as found:
        yield found


def target(server: OpenAIServer, candidate: Candidate | None = PRICED, **params: Any) -> Target:
    own = {"model": f"openai/{CHEAP}", "api_base": server.url, "api_key": "none", **params}
    return Target(model=CHEAP, candidate=candidate, params=own)


def called(at: Target, body: Mapping[str, Any] = BODY) -> Reply:
    async def main() -> Reply:
        try:
            return await call(at, body, 10.0)
        finally:
            await close_clients()

    return asyncio.run(main())


def test_tokens_cost_what_the_catalog_says(server: OpenAIServer) -> None:
    """10 in at $2 and 5 out at $8 per million; for a model that the catalog lacks, litellm's $0.15 and $0.60."""
    assert called(target(server)).usage.cost_usd == pytest.approx((10 * 2 + 5 * 8) / 1e6)
    assert called(target(server, None)).usage.cost_usd == pytest.approx((10 * 0.15 + 5 * 0.60) / 1e6)


def test_tokens_from_the_prompt_cache_cost_less(server: OpenAIServer) -> None:
    """8 of 10 were cached: 2 at $2, 8 at $0.5, and 5 out at $8."""

    def cached(handler: openai_server.Handler, body: Mapping[str, Any]) -> None:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris"}}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        usage_told = {**usage, "prompt_tokens_details": {"cached_tokens": 8}}
        handler.say({"id": "x", "object": "chat.completion", "created": 1, "choices": [choice], "usage": usage_told})

    server.behave = cached
    usage = called(target(server)).usage
    assert usage.cached_input_tokens == 8
    assert usage.cost_usd == pytest.approx((2 * 2 + 8 * 0.5 + 5 * 8) / 1e6)


def test_a_stream_whose_provider_counts_nothing_is_counted(server: OpenAIServer) -> None:
    """By litellm's own tokenizer; and a part that only tells the usage is kept back unless it was asked for."""
    server.behave = openai_server.streams(["It ", "is ", "Paris."], every_s=0.0, usage=False)

    async def main(body: Mapping[str, Any]) -> tuple[list[Any], Reply]:
        stream = await open_stream(target(server), body, 10.0)
        parts = [part async for part in stream.parts()]
        await stream.aclose()
        await close_clients()
        return parts, stream.reply()

    _, reply = asyncio.run(main(BODY))
    assert reply.text == "It is Paris."
    assert 0 < reply.usage.output_tokens < 10 and 0 < reply.usage.input_tokens < 30
    server.behave = openai_server.streams(["It ", "is ", "Paris."], every_s=0.0)
    parts, reply = asyncio.run(main(BODY))
    assert reply.usage.output_tokens == 3
    assert not any(getattr(part, "usage", None) for part in parts)
    parts, _ = asyncio.run(main({**BODY, "stream_options": {"include_usage": True}}))
    assert any(getattr(part, "usage", None) for part in parts)


def test_what_the_deployment_says_the_caller_may_override_and_the_model_he_may_not(server: OpenAIServer) -> None:
    """Temperature of a deployment and of a request."""
    called(target(server, temperature=0.1), {**BODY, "temperature": 0.9})
    assert (server.bodies[0]["temperature"], server.bodies[0]["model"]) == (0.9, CHEAP)
    called(target(server, temperature=0.1))
    assert server.bodies[1]["temperature"] == 0.1


@pytest.mark.parametrize("said", ["{key}", "Bearer {key}", "your key '{key}' is wrong", "sk-0000000000 is no key"])
def test_keys_are_taken_out_of_what_a_provider_says(server: OpenAIServer, said: str) -> None:
    """Those that were given, and what looks like one."""
    key = "my-very-own-key"
    server.behave = openai_server.fails(500, message=said.format(key=key))
    with pytest.raises(CallFailedError) as failed:
        called(target(server, api_key=key))
    assert key not in failed.value.detail and "sk-0000000000" not in failed.value.detail
    assert "***" in failed.value.detail
    assert failed.value.__cause__ is None and failed.value.__context__ is None


def test_an_empty_answer_is_none(server: OpenAIServer) -> None:
    """It is paid for; one that was cut by its limit is an answer."""
    server.behave = openai_server.answers("")
    with pytest.raises(CallFailedError) as failed:
        called(target(server))
    assert failed.value.usage is not None and failed.value.usage.cost_usd
    server.behave = openai_server.answers("", finish="length")
    assert called(target(server)).finish_reason == "length"
    server.behave = openai_server.answers("", finish="content_filter")
    with pytest.raises(CallFailedError) as failed:
        called(target(server))
    assert not failed.value.rule.falls_back


def test_many_loops_one_after_the_other_can_call(server: OpenAIServer) -> None:
    """A client of a loop that is gone is not used again, though another loop has its number."""
    for _ in range(10):
        assert called(target(server)).text == "Paris"
    assert server.requests == 10
