"""Spans of real requests in OpenTelemetry's own SDK: the conventions' names, the caller's trace, and no text."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai_server
import provider_world
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode
from provider_world import KEY, NAMES, World

from arbiter.errors import AllCandidatesFailedError, MissingExtraError
from arbiter.integrations import telemetry
from arbiter.integrations.telemetry import decision_attributes, spans
from arbiter.service import Arbiter

pytestmark = provider_world.QUIET
SECRET = "The patient is called Aurelia Quint."
MESSAGES = [{"role": "user", "content": SECRET}]


class Seen:
    """What was exported, and the provider that exports it."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def roots(self) -> list[ReadableSpan]:
        """The requests."""
        return [span for span in self.exporter.get_finished_spans() if span.name == "arbiter.complete"]

    @property
    def calls(self) -> list[ReadableSpan]:
        """The calls of providers."""
        return [span for span in self.exporter.get_finished_spans() if span.name.startswith("chat ")]

    def text(self) -> str:
        """Give all that was exported."""
        return "".join(span.to_json() for span in self.exporter.get_finished_spans())


@pytest.fixture
def world() -> Iterator[World]:
    with provider_world.running(time_limit_s=20.0, most_wait_s=0.1) as found:
        yield found


def watched(world: World, *, content: bool = False) -> tuple[Arbiter, Seen]:
    """Give a service on the world's providers whose requests become spans."""
    seen = Seen()
    options = replace(world.service.options, observers=(spans(seen.provider, content=content),))
    return Arbiter(world.service.router, world.service.ledger, options), seen


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_request_is_a_span_and_its_call_one_inside(world: World) -> None:
    """With model, provider, tokens, cost, finish and the decision; inside the caller's own span."""
    service, seen = watched(world)
    tracer = seen.provider.get_tracer("the caller's")
    with tracer.start_as_current_span("handler"):
        execution = service.complete(MESSAGES, params={"temperature": 0.5, "max_tokens": 50}, session_id="s1")
    (root,), (call,) = seen.roots, seen.calls
    (handler,) = [span for span in seen.exporter.get_finished_spans() if span.name == "handler"]
    assert root.parent.span_id == handler.context.span_id and call.parent.span_id == root.context.span_id  # type: ignore[union-attr]
    assert {span.context.trace_id for span in (root, call, handler)} == {handler.context.trace_id}
    assert call.name == f"chat {execution.model}" and call.kind is SpanKind.CLIENT
    told = of(call)
    provider = world.service.router.catalog[execution.model].provider
    assert told["gen_ai.provider.name"] == telemetry.PROVIDERS.get(provider, provider)
    assert told["gen_ai.operation.name"] == "chat" and told["gen_ai.request.model"] == execution.model
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (10, 5)
    assert told["gen_ai.usage.cost"] == execution.cost_usd
    assert told["gen_ai.response.id"] == execution.response.id and told["gen_ai.response.finish_reasons"] == ("stop",)
    assert (told["gen_ai.request.temperature"], told["gen_ai.request.max_tokens"]) == (0.5, 50)
    assert of(root) == {**decision_attributes(execution.decision), "arbiter.calls": 1}
    assert of(root)["gen_ai.conversation.id"] == "s1" and of(root)["arbiter.decision.propensity"] == 1.0
    lasted = [(span.end_time - span.start_time) / 1e9 for span in (root, call)]  # type: ignore[operator]
    assert lasted[1] == pytest.approx(execution.attempts[0].latency_s, abs=1e-6) and lasted[0] >= lasted[1] - 1e-6
    assert root.status.status_code is not StatusCode.ERROR and SECRET not in seen.text()


def test_the_conventions_have_these_names() -> None:
    """Every attribute under gen_ai but the cost, which they lack, is one of the installed conventions."""
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    source = Path(telemetry.__file__).read_text(encoding="utf-8")
    used = set(re.findall(r'"(gen_ai\.[a-z_.]+)"', source))
    assert used - known <= {"gen_ai.usage.cost", "gen_ai.request.stream", "gen_ai.response.time_to_first_chunk"}


def test_a_failover_shows_every_call(world: World) -> None:
    """The failed one with its error; the request itself is fine."""
    service, seen = watched(world)
    chosen = service.route(MESSAGES).model
    world.servers[chosen].behave = openai_server.rate_limited(None)
    execution = service.complete(MESSAGES)
    (root,) = seen.roots
    failed = [call for call in seen.calls if call.status.status_code is StatusCode.ERROR]
    assert of(failed[0])["error.type"] == "RateLimitError 429" and of(failed[0])["gen_ai.request.model"] == chosen
    assert of(failed[0])["arbiter.fallback_reason"] == "rate_limited"
    assert of(seen.calls[-1])["gen_ai.request.model"] == execution.model != chosen
    assert root.status.status_code is not StatusCode.ERROR and of(root)["arbiter.calls"] == len(execution.attempts)


def test_a_request_that_nobody_answers_is_an_error(world: World) -> None:
    """Without what the providers said: they may quote request and key."""
    service, seen = watched(world)
    for server in world.servers.values():
        server.behave = openai_server.fails(500, message=f"{SECRET} {KEY}")
    with pytest.raises(AllCandidatesFailedError):
        service.complete(MESSAGES)
    assert seen.roots[0].status.status_code is StatusCode.ERROR
    assert {of(call)["gen_ai.request.model"] for call in seen.calls} == set(NAMES)
    assert SECRET not in seen.text() and KEY not in seen.text()


def test_streams_and_event_loops_have_spans(world: World) -> None:
    """One request each; a stream tells when its first part came."""
    service, seen = watched(world)

    async def both() -> None:
        await service.acomplete(MESSAGES)
        async for _ in await service.astream(MESSAGES):
            pass

    asyncio.run(both())
    list(service.stream(MESSAGES))
    assert len(seen.roots) == len(seen.calls) == 3
    assert [of(call)["gen_ai.request.stream"] for call in seen.calls] == [False, True, True]
    first = of(seen.calls[-1])["gen_ai.response.time_to_first_chunk"]
    assert 0.0 < first <= (seen.calls[-1].end_time - seen.calls[-1].start_time) / 1e9 + 1e-6  # type: ignore[operator]


def test_texts_are_kept_where_they_are_asked_for(world: World) -> None:
    """In the conventions' form; pictures are named, not kept."""
    service, seen = watched(world, content=True)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    service.complete([{"role": "user", "content": [{"type": "text", "text": SECRET}, picture]}])
    (asked,) = json.loads(of(seen.roots[0])["gen_ai.input.messages"])
    assert asked == {"role": "user", "parts": [{"type": "text", "content": SECRET}, {"type": "image_url"}]}
    (said,) = json.loads(of(seen.calls[0])["gen_ai.output.messages"])
    assert said == {"role": "assistant", "parts": [{"type": "text", "content": "Paris"}], "finish_reason": "stop"}
    assert "AAAA" not in seen.text()


def test_an_observer_that_fails_costs_nobody_the_answer(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; outcomes are recorded all the same."""

    def broken(run: Any) -> None:
        raise RuntimeError(SECRET)

    service = Arbiter(world.service.router, world.service.ledger, replace(world.service.options, observers=(broken,)))
    assert service.complete(MESSAGES).text == "Paris"
    assert "an observer failed: RuntimeError" in caplog.text
    assert world.outcomes()


def test_without_opentelemetry_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is asked for; and nothing is imported before that."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[telemetry\]'"):
        spans()
    code = "import sys, arbiter.integrations.telemetry; print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
