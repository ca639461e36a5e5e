"""Spans made by OpenTelemetry's SDK, as its console exporter prints them and as a collector writes OTLP's JSON."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def sdk_spans(make: Callable[[Any], None]) -> list[Any]:
    """Give the finished spans that ``make`` opens with a tracer; skips where the SDK is not installed."""
    trace = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    make(provider.get_tracer("tests"))
    return list(kept.get_finished_spans())


def printed(spans: list[Any]) -> list[dict[str, Any]]:
    """Give spans as the SDK's ConsoleSpanExporter prints them."""
    return [json.loads(span.to_json()) for span in spans]


def otlp_json(spans: list[Any]) -> dict[str, Any]:
    """Give an export request as a collector's file exporter writes it: protobuf's JSON, with ids in hex."""
    common = pytest.importorskip("opentelemetry.proto.common.v1.common_pb2", reason="opentelemetry-proto is missing")
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for span in spans:
        made = scope.spans.add()
        made.name, made.trace_id = span.name, span.context.trace_id.to_bytes(16, "big")
        made.span_id = span.context.span_id.to_bytes(8, "big")
        if span.parent is not None:
            made.parent_span_id = span.parent.span_id.to_bytes(8, "big")
        made.start_time_unix_nano, made.end_time_unix_nano = span.start_time, span.end_time
        made.status.code, made.status.message = span.status.status_code.value, span.status.description or ""
        _set(common, made.attributes, span.attributes)
        for event in span.events:
            written = made.events.add(name=event.name, time_unix_nano=event.timestamp)
            _set(common, written.attributes, event.attributes)
    return _hex_ids(MessageToDict(request))  # type: ignore[no-any-return]  # a mapping


def base64_ids(record: dict[str, Any]) -> dict[str, Any]:
    """Give an export request with ids as protobuf's own JSON has them."""

    def changed(value: Any, key: str = "") -> Any:
        if isinstance(value, list):
            return [changed(one) for one in value]
        if isinstance(value, dict):
            return {name: changed(inner, name) for name, inner in value.items()}
        return base64.b64encode(bytes.fromhex(value)).decode() if key in IDS else value

    return changed(record)  # type: ignore[no-any-return]  # a mapping


def _hex_ids(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_hex_ids(one) for one in value]
    if isinstance(value, dict):
        return {name: _hex_ids(inner, name) for name, inner in value.items()}
    return base64.b64decode(value).hex() if key in IDS else value


def _set(common: Any, target: Any, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        target.append(common.KeyValue(key=name, value=_any(common, value)))


def _any(common: Any, value: Any) -> Any:
    if isinstance(value, bool):
        return common.AnyValue(bool_value=value)
    if isinstance(value, int):
        return common.AnyValue(int_value=value)
    if isinstance(value, float):
        return common.AnyValue(double_value=value)
    if isinstance(value, list | tuple):
        return common.AnyValue(array_value=common.ArrayValue(values=[_any(common, one) for one in value]))
    return common.AnyValue(string_value=str(value))
