"""Laws of a completed request: answered once, by whoever can, and every call accounted for."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai_server
import provider_world
import pytest
from provider_world import DEAR, NAMES, World

from arbiter.completing import demanding
from arbiter.errors import AllCandidatesFailedError, InvalidInputError, StreamBrokenError
from arbiter.intake import read_request
from arbiter.quiet_litellm import LISTENERS, import_litellm
from arbiter.vocabulary import FallbackReason, Risk

pytestmark = provider_world.QUIET
TEXT = "What is the capital of France?"


@pytest.fixture
def world() -> Iterator[World]:
    with provider_world.running() as found:
        yield found


def break_chosen(world: World, behaviour: openai_server.Behaviour) -> str:
    """Let the candidate that is chosen for TEXT misbehave; give its name."""
    chosen = world.service.route(TEXT).model
    world.servers[chosen].behave = behaviour
    return chosen


def test_a_request_is_answered_and_billed(world: World) -> None:
    """Answer, usage, cost and one outcome; the provider got the messages and parameters untouched."""
    execution = world.service.complete(TEXT, params={"temperature": 0.25, "seed": 7})
    assert execution.text == "Paris"
    assert execution.model == execution.decision.model
    assert execution.response.choices[0].message.content == "Paris"
    assert (execution.completion.input_tokens, execution.completion.output_tokens) == (10, 5)
    assert execution.cost_usd == pytest.approx(world.billed_usd, rel=1e-12)
    body = world.servers[execution.model].bodies[0]
    assert (body["temperature"], body["seed"]) == (0.25, 7)
    assert body["messages"] == [{"role": "user", "content": TEXT}]
    (outcome,) = world.outcomes(execution.decision.id)
    assert outcome.ok and outcome.cost_usd == execution.cost_usd and outcome.output_tokens == 5


def test_all_four_ways_give_the_same(world: World) -> None:
    """Sync, async, stream and async stream."""

    async def streamed() -> tuple[str, float]:
        stream = await world.service.astream(TEXT)
        text = "".join([part.choices[0].delta.content or "" async for part in stream])
        return text, stream.execution.cost_usd

    one = world.service.complete(TEXT)
    two = asyncio.run(world.service.acomplete(TEXT))
    with world.service.stream(TEXT) as stream:
        text = "".join(part.choices[0].delta.content or "" for part in stream)
    assert {one.text, two.text, text, stream.execution.text} == {"Paris"}
    assert asyncio.run(streamed()) == ("Paris", pytest.approx(one.cost_usd))
    assert one.cost_usd == two.cost_usd == stream.execution.cost_usd
    assert world.requests == 4
    assert sum(o.cost_usd or 0.0 for o in world.outcomes()) == pytest.approx(world.billed_usd, rel=1e-12)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (openai_server.rate_limited(), FallbackReason.RATE_LIMITED),
        (openai_server.fails(500), FallbackReason.ERROR),
        (openai_server.fails(503), FallbackReason.PRIMARY_UNAVAILABLE),
        (openai_server.fails(401, "invalid_api_key"), FallbackReason.PRIMARY_UNAVAILABLE),
        (openai_server.malformed, FallbackReason.ERROR),
        (openai_server.cuts, FallbackReason.ERROR),
        (openai_server.too_long, FallbackReason.ERROR),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_another_answers_in_the_same_call(
    world: World, behaviour: openai_server.Behaviour, reason: FallbackReason, streaming: bool
) -> None:
    """Whatever the first does; nothing of it is billed, and the ledger tells both calls."""
    chosen = break_chosen(world, behaviour)
    if streaming:
        with world.service.stream(TEXT) as stream:
            list(stream)
        execution = stream.execution
    else:
        execution = world.service.complete(TEXT)
    assert execution.text == "Paris"
    assert execution.decision.model == chosen != execution.model
    assert execution.fallback_reason is reason
    first, second = world.outcomes(execution.decision.id)
    assert (first.model, first.ok, first.fallback_reason) == (chosen, False, reason)
    assert (second.model, second.ok, second.attempt) == (execution.model, True, 1)
    assert execution.cost_usd == pytest.approx(world.billed_usd, rel=1e-12)
    assert world.servers[chosen].requests == 1, "a retry that nobody sees"


def test_who_is_filtered_is_not_carried_to_the_next_provider(world: World) -> None:
    """Safety goes before an answer."""
    break_chosen(world, openai_server.filtered)
    with pytest.raises(AllCandidatesFailedError, match="safety_violation") as failed:
        world.service.complete(TEXT)
    assert len(failed.value.attempts) == 1
    assert world.requests == 1


def test_who_stalls_is_replaced_within_the_time_limit(world: World) -> None:
    """Its connection is closed, and what it may have billed is not known."""
    chosen = break_chosen(world, openai_server.stalls())
    execution = world.service.complete(TEXT, params={"timeout": 2.0})
    assert execution.fallback_reason is FallbackReason.TIMEOUT
    assert execution.latency_s < 2.0
    assert execution.attempts[0].cost_usd is None
    assert execution.charged_usd > execution.cost_usd
    assert world.servers[chosen].hung_up == 1


def test_when_all_fail_the_error_says_of_each_why(world: World) -> None:
    """And the ledger holds every call."""
    for server in world.servers.values():
        server.behave = openai_server.rate_limited(60)
    with pytest.raises(AllCandidatesFailedError, match=r"rate_limited \(RateLimitError 429\)") as failed:
        world.service.complete(TEXT)
    assert {attempt.model for attempt in failed.value.attempts} == set(NAMES)
    assert len(world.outcomes(failed.value.decision_id)) == len(NAMES)
    assert failed.value.__cause__ is None and failed.value.__context__ is None


def test_whoever_may_be_asked_again_is(world: World) -> None:
    """All fail once, and the first to recover answers."""
    for server in world.servers.values():
        server.script.append(openai_server.rate_limited(0.1))
    execution = world.service.complete(TEXT)
    assert len(execution.attempts) == len(NAMES) + 1
    assert execution.text == "Paris"


def test_a_stream_that_breaks_off_is_not_begun_anew(world: World) -> None:
    """The caller has its first part already; what came is paid for."""
    chosen = break_chosen(world, openai_server.streams(["a ", "b ", "c "], every_s=0.1, cut_after=2))
    parts = []
    with pytest.raises(StreamBrokenError, match="broke off"):
        for part in world.service.stream(TEXT):
            parts.append(part)
    assert [part.choices[0].delta.content for part in parts] == ["a ", "b "]
    (outcome,) = world.outcomes()
    assert (outcome.model, outcome.ok, outcome.fallback_reason) == (chosen, False, FallbackReason.ERROR)
    assert outcome.output_tokens and outcome.cost_usd


def test_tools_and_json_reach_the_provider_and_come_back(world: World) -> None:
    """And only candidates that can do it are eligible."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    for server in world.servers.values():
        server.behave = openai_server.calls_tool("weather", {"city": "Paris"})
    execution = world.service.complete(TEXT, params={"tools": [tool], "tool_choice": "auto"})
    (call,) = execution.response.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Paris"}')
    assert world.servers[execution.model].bodies[-1]["tools"] == [tool]
    for server in world.servers.values():
        server.behave = openai_server.answers_json({"city": "Paris"})
    execution = world.service.complete(TEXT, params={"response_format": {"type": "json_object"}})
    assert execution.text == '{"city": "Paris"}'


def test_images_pass_through(world: World) -> None:
    """To a candidate that sees."""
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]
    execution = world.service.complete([{"role": "user", "content": content}])
    assert world.servers[execution.model].bodies[0]["messages"] == [{"role": "user", "content": content}]


def test_no_json_where_json_was_asked_for_is_no_answer(world: World) -> None:
    """It is paid for, and the next candidate asked."""
    for name, server in world.servers.items():
        server.behave = openai_server.answers_json({"ok": name})
    chosen = break_chosen(world, openai_server.answers("Sure! Here is your JSON:"))
    execution = world.service.complete(TEXT, params={"response_format": {"type": "json_object"}})
    assert execution.decision.model == chosen != execution.model
    assert execution.fallback_reason is FallbackReason.QUALITY_BELOW_THRESHOLD
    assert execution.attempts[0].cost_usd
    assert execution.cost_usd == pytest.approx(world.billed_usd, rel=1e-12)


@pytest.mark.parametrize("risk", Risk)
def test_a_request_costs_as_many_calls_as_its_risk_allows(world: World, risk: Risk) -> None:
    """One, and 5, 3, 2, 1 or 0 that may follow."""
    for server in world.servers.values():
        server.behave = openai_server.rate_limited(0)
    query = read_request(TEXT)
    decision = world.service.route(query)
    decision = replace(decision, profile=replace(decision.profile, risk=risk))
    with pytest.raises(AllCandidatesFailedError) as failed:
        world.service.executor.complete(query, decision)
    allowed = {"minimal": 6, "low": 4, "medium": 3, "high": 2, "critical": 1}[risk]
    assert len(failed.value.attempts) == world.requests == allowed


def test_a_text_form_asks_nothing_of_the_candidate() -> None:
    """JSON and tools do, and the room for the answer."""
    query = read_request(TEXT)
    assert demanding(query, {"response_format": {"type": "text"}, "temperature": 1}) is query
    asked = demanding(query, {"response_format": {"type": "json_object"}, "tools": [{}], "max_tokens": 50}).requirements
    assert (asked.capabilities, asked.max_output_tokens) == ({"json_mode", "tools"}, 50)


@pytest.mark.parametrize("limit", [0, -1.0, "soon"])
def test_a_time_limit_is_a_number_of_seconds(world: World, limit: object) -> None:
    """It is refused before anybody is called."""
    with pytest.raises(InvalidInputError, match="timeout must be a number"):
        world.service.complete(TEXT, params={"timeout": limit})
    assert world.requests == 0


@pytest.mark.parametrize("name", ["model", "stream", "messages", "max_retries"])
def test_what_the_decision_settles_cannot_be_passed_on(world: World, name: str) -> None:
    """It is refused by name before anybody is called."""
    with pytest.raises(InvalidInputError, match=name):
        world.service.complete(TEXT, params={name: "x"})
    assert world.requests == 0


def test_litellm_is_told_of_the_decision_where_a_logger_hears_of_it(world: World) -> None:
    """One that is registered, or one of the call; else nothing is copied for nobody."""

    def carried(**params: Any) -> Mapping[str, Any]:
        decision = world.service.route(TEXT)
        run = world.service.executor._run(read_request(TEXT), decision, {"metadata": {"mine": 1}, **params})
        return dict(run.body["metadata"])

    with pytest.MonkeyPatch.context() as patch:
        for name in LISTENERS:  # other tests may have left theirs
            patch.setattr(import_litellm(), name, [])
        assert carried() == {"mine": 1}
        assert carried(success_callback=[print])["arbiter"]["recorded"] is True
        patch.setattr(import_litellm(), "callbacks", [print])
        assert carried()["arbiter"]["recorded"] is True


def test_candidates_are_called_by_the_name_that_the_deployment_gives(world: World) -> None:
    """And an allow list is kept."""
    execution = world.service.complete(TEXT, allow=frozenset({DEAR}))
    assert execution.model == DEAR
    assert world.servers[DEAR].bodies[0]["model"] == DEAR


SLOW_TO_IMPORT = """
import importlib.abc, sys, time

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "litellm":
            time.sleep(6.0)

sys.meta_path.insert(0, Slow())
import arbiter
print(arbiter.load().complete("What is 2 + 2?", params={"mock_response": "four", "timeout": 5.0}).text)
"""


def test_a_slow_first_import_is_not_the_requests(tmp_path: Path) -> None:
    """The time limit of the first request begins when litellm is there."""
    done = subprocess.run([sys.executable, "-c", SLOW_TO_IMPORT], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "four\n", done.stderr
