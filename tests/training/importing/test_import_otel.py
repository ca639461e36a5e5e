"""OpenTelemetry's GenAI spans and OpenInference's, made by the SDK with the conventions' attributes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from import_runs import imported, reason_of, write_lines
from otel_logs import base64_ids, otlp_json, printed, sdk_spans

from arbiter.errors import TrafficError
from arbiter_training.importing.formats.otel import OtelGenAI
from arbiter_training.importing.formats.otlp import span_of_record
from arbiter_training.importing.items import Reason

ASKED = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Why is the sky blue?"}]}])
SYSTEM = json.dumps([{"type": "text", "content": "Be brief."}])


def gen_ai(**more: Any) -> dict[str, Any]:
    """Give the attributes of a chat by the semantic conventions' own constants."""
    names = pytest.importorskip(
        "opentelemetry.semconv._incubating.attributes.gen_ai_attributes", reason="not installed"
    )
    return {
        names.GEN_AI_OPERATION_NAME: "chat",
        names.GEN_AI_REQUEST_MODEL: "gpt-4o",
        names.GEN_AI_RESPONSE_MODEL: "gpt-4o-2024-11-20",
        names.GEN_AI_RESPONSE_ID: "chatcmpl-1",
        names.GEN_AI_CONVERSATION_ID: "s-1",
        names.GEN_AI_USAGE_INPUT_TOKENS: 12,
        names.GEN_AI_USAGE_OUTPUT_TOKENS: 34,
        "gen_ai.provider.name": "openai",
        "gen_ai.input.messages": ASKED,
        **more,
    }


def make_spans(tracer: Any) -> None:
    """Open a web request with a chat, an agent with a tool's call inside, an embedding, a failure, a silent chat."""
    from opentelemetry.trace import Status, StatusCode

    with tracer.start_as_current_span("GET /chat"):
        attributes = gen_ai(
            **{"gen_ai.system_instructions": SYSTEM, "gen_ai.usage.cost": 0.02, "arbiter.propensity": 0.5}
        )
        with tracer.start_as_current_span("chat gpt-4o", attributes=attributes) as span:
            span.add_event("gen_ai.evaluation.result", {
                "gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 0.8,
                "gen_ai.response.id": "chatcmpl-1"})  # fmt: skip
    with tracer.start_as_current_span("agent", attributes={"gen_ai.operation.name": "invoke_agent"}):
        with tracer.start_as_current_span("chat", attributes=gen_ai(**{"gen_ai.response.id": "chatcmpl-2"})):
            pass
        with tracer.start_as_current_span("search", attributes={"gen_ai.operation.name": "execute_tool"}), \
                tracer.start_as_current_span("chat", attributes=gen_ai()):  # fmt: skip
            pass
    with tracer.start_as_current_span("embeddings", attributes=gen_ai(**{"gen_ai.operation.name": "embeddings"})):
        pass
    with tracer.start_as_current_span(
        "chat", attributes=gen_ai(**{"error.type": "429", "gen_ai.response.id": ""})
    ) as span:
        span.set_status(Status(StatusCode.ERROR, "Too Many Requests"))
    silent = {name: value for name, value in gen_ai().items() if name != "gen_ai.input.messages"}
    with tracer.start_as_current_span("chat", attributes=silent):
        pass


@pytest.fixture(scope="module")
def spans() -> list[Any]:
    """Give what the SDK recorded."""
    return sdk_spans(make_spans)


def test_otlp_json_and_printed_spans_say_the_same(spans: list[Any], tmp_path: Path) -> None:
    """Whatever the ids are written in, one export request or a line a span: the same rows, save an empty column."""
    whole = write_lines(tmp_path / "otlp.jsonl", [otlp_json(spans)])
    own = imported(tmp_path, whole)
    assert own.report.format == "otel" and own.report.kept == 3
    assert own.dropped() == {Reason.NOT_A_CALL: 4, Reason.SUB_AGENT: 1, Reason.NO_REQUEST: 1}
    for records in ([base64_ids(otlp_json(spans))], printed(spans), [otlp_json([span]) for span in spans]):
        found = imported(tmp_path, write_lines(tmp_path / "same.jsonl", records))
        assert found.dropped() == own.dropped()
        for row, same in zip(found.rows, own.rows, strict=True):
            rounded = {"latency_s", "timestamp"}  # the console exporter prints microseconds
            assert {k: v for k, v in row.items() if k not in rounded} == {k: same[k] for k in row if k not in rounded}
            assert row["latency_s"] == pytest.approx(same["latency_s"], abs=2e-6)
            assert abs((row["timestamp"] - same["timestamp"]).total_seconds()) <= 2e-6


def test_a_chat_keeps_every_fact(spans: list[Any], tmp_path: Path) -> None:
    """System instructions become a turn; the evaluation is joined by the response's id."""
    found = imported(tmp_path, write_lines(tmp_path / "otlp.jsonl", [otlp_json(spans)]))
    row = next(r for r in found.rows if r["propensity"] == 0.5)
    assert json.loads(row["messages"]) == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"},
    ]  # fmt: skip
    assert (row["model"], row["session_id"], row["provider"]) == ("gpt-4o-2024-11-20", "s-1", "openai")
    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (12, 34, 0.02)
    assert (row["quality"], row["quality_source"]) == (0.8, "unknown")
    span = next(s for s in spans if s.attributes.get("arbiter.propensity"))
    assert row["latency_s"] == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-6)
    assert row["timestamp"].timestamp() == pytest.approx(span.start_time / 1e9, abs=2e-6)
    assert [r["status"] for r in found.rows].count("rate_limited") == 1


def test_evaluation_events_of_the_logs_signal_are_feedback(spans: list[Any], tmp_path: Path) -> None:
    """As OTLP writes them: an event's name, and the id of the response it is about."""
    attributes = [
        {"key": "gen_ai.response.id", "value": {"stringValue": "chatcmpl-2"}},
        {"key": "gen_ai.evaluation.name", "value": {"stringValue": "helpful"}},
        {"key": "gen_ai.evaluation.score.label", "value": {"stringValue": "pass"}},
    ]
    entry = {"eventName": "gen_ai.evaluation.result", "timeUnixNano": "1800000000000000000", "attributes": attributes}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [entry]}]}]}
    found = imported(tmp_path, write_lines(tmp_path / "both.jsonl", [otlp_json(spans), logs]))
    assert found.report.feedback_joined == 2 and sorted(r["quality"] for r in found.rows if r["quality"]) == [0.8, 1.0]


def test_deprecated_names_are_read() -> None:
    """gen_ai.prompt and the older names of tokens."""
    span = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "attributes": {
        "gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": 3,
        "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hello"}}  # fmt: skip
    (call,) = OtelGenAI().read(span)
    assert (call.model, call.request, call.input_tokens) == ("m", "hello", 3.0)  # type: ignore[union-attr]
    assert reason_of(OtelGenAI(), {"resourceSpans": []}) == Reason.NOT_THE_FORMAT
    assert reason_of(OtelGenAI(), {"attributes": {}, "spanId": "0" * 16}) == Reason.NOT_THE_FORMAT


@pytest.mark.parametrize("own", ["d3101d4198e15f11", "0000000000000001", "00ff00ff00ff00ff"])
def test_ids_are_the_same_in_hex_and_in_base64(own: str) -> None:
    """The first one's base64 begins with 0x, which the SDKs write before hex."""
    encoded = base64.b64encode(bytes.fromhex(own)).decode()
    assert own != "d3101d4198e15f11" or encoded.startswith("0x")
    for written in (own, f"0x{own}", own.upper(), encoded):
        span = span_of_record({"traceId": "1" * 32, "spanId": written, "attributes": {}})
        assert span.key.own == f"{'1' * 32}/{own}"


def open_inference(**more: Any) -> dict[str, Any]:
    return {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
        "llm.provider": "openai",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Why is the sea salty?",
        "llm.token_count.prompt": 5,
        "llm.token_count.completion": 6,
        "llm.cost.total": 0.01,
        "session.id": "s-2",
        "metadata": json.dumps({"arbiter.propensity": 0.2}),
        **more,
    }


def make_open_inference(tracer: Any) -> None:
    """Open a chain around a call with its evaluation, and a guardrail's own call."""
    with tracer.start_as_current_span("chain", attributes={"openinference.span.kind": "CHAIN"}):
        with tracer.start_as_current_span("llm", attributes=open_inference(**{"evaluation.score": 0.4})):
            pass
        with tracer.start_as_current_span("guard", attributes={"openinference.span.kind": "GUARDRAIL"}), \
                tracer.start_as_current_span("llm", attributes=open_inference()):  # fmt: skip
            pass


def test_open_inference(tmp_path: Path) -> None:
    """Indexed messages, tokens, cost, choice; a guardrail's call is nobody's request."""
    path = write_lines(tmp_path / "spans.jsonl", [otlp_json(sdk_spans(make_open_inference))])
    found = imported(tmp_path, path)
    (row,) = found.rows
    assert found.report.format == "openinference"
    assert found.dropped() == {Reason.NOT_A_CALL: 2, Reason.INTERNAL: 1}
    assert [m["role"] for m in json.loads(row["messages"])] == ["system", "user"]
    assert (row["cost_usd"], row["input_tokens"], row["output_tokens"]) == (0.01, 5, 6)
    assert (row["session_id"], row["propensity"], row["quality"], row["quality_source"]) == ("s-2", 0.2, 0.4, "judge")


def test_spans_of_both_conventions_are_ambiguous(tmp_path: Path) -> None:
    """Nothing is guessed: the candidates are named."""
    both = gen_ai() | open_inference()

    def make(tracer: Any) -> None:
        with tracer.start_as_current_span("both", attributes=both):
            pass

    path = write_lines(tmp_path / "both.jsonl", [otlp_json(sdk_spans(make))])
    with pytest.raises(TrafficError, match="may be otel or openinference: say which with --format"):
        imported(tmp_path, path)
    assert imported(tmp_path, path, format="openinference").rows[0]["quality"] is None
