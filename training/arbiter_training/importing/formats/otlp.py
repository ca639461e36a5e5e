"""OTLP's JSON of spans and log events, as collectors and SDKs write it, down to plain attributes."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from arbiter_training.importing.fields import mapping, mappings, seconds, text
from arbiter_training.importing.items import Reason, SpanKey, UnusableError
from arbiter_training.importing.reading import Record

ERROR_CODES = frozenset({2, "2", "STATUS_CODE_ERROR", "ERROR"})

VALUES = ("stringValue", "boolValue", "intValue", "doubleValue", "string_value", "bool_value", "int_value",
          "double_value")  # fmt: skip

_HEX = re.compile("(?:0x)?([0-9a-fA-F]+)")

DEEPEST = 16
"""How many lists and maps inside of one another are opened."""

LONGEST = 20
"""Digits of the largest whole number of 64 bits, and one for its sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span.

    Attributes
    ----------
    key : its place in its trace.
    trace : id.
    name : as it was called.
    attributes : plain values.
    start, end : seconds since 1970.
    failed : whether its status says so.
    message : of the status.
    events : name to attributes, of the span's own events.
    """

    key: SpanKey
    trace: str
    name: str
    attributes: Mapping[str, Any]
    start: float | None
    end: float | None
    failed: bool
    message: str
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A log record with a name.

    Attributes
    ----------
    name : of the event.
    attributes : plain values.
    trace, span : ids; None where it was not written inside of one.
    at : seconds since 1970.
    """

    name: str
    attributes: Mapping[str, Any]
    trace: str | None
    span: str | None
    at: float | None


def raw_spans(record: Record) -> Iterator[Mapping[str, Any]]:
    """Give the spans of an export request, of a scope, or a record that is a span itself, as they were written."""
    for resource in mappings(record.get("resourceSpans") or record.get("resource_spans")):
        for scope in mappings(resource.get("scopeSpans") or resource.get("scope_spans")):
            yield from mappings(scope.get("spans"))
    if is_span(record):
        yield record


def events(record: Record) -> Iterator[Event]:
    """Give the log records of an export request.

    Raises
    ------
    UnusableError
        If a time cannot be read.
    """
    for resource in mappings(record.get("resourceLogs") or record.get("resource_logs")):
        for scope in mappings(resource.get("scopeLogs") or resource.get("scope_logs")):
            for entry in mappings(scope.get("logRecords") or scope.get("log_records")):
                yield _event(entry)


def is_span(record: Record) -> bool:
    """Say whether a record is a span by itself: one of OTLP's, or one that an SDK's console exporter printed."""
    return "attributes" in record and ("context" in record or "spanId" in record or "span_id" in record)


def attributes_of(record: Record) -> Mapping[str, Any]:
    """Give attributes as plain values: OTLP writes a list of keys and typed values, the SDKs a mapping."""
    found = record.get("attributes")
    if isinstance(found, Mapping):
        return found
    return {str(item.get("key")): _value(item.get("value")) for item in mappings(found)}


def span_of_record(record: Record) -> Span:
    """Give a span.

    Raises
    ------
    UnusableError
        If it has no ids, or a time cannot be read.
    """
    context = mapping(record.get("context"))
    trace = _id(_get(record, "traceId", "trace_id") or context.get("trace_id"), 32)
    own = _id(_get(record, "spanId", "span_id") or context.get("span_id"), 16)
    if trace is None or own is None:
        raise UnusableError(Reason.NOT_THE_FORMAT, "a span without ids")
    parent = _id(_get(record, "parentSpanId", "parent_span_id", "parent_id"), 16)
    status = mapping(record.get("status"))
    return Span(
        key=SpanKey.of(trace, own, parent),
        trace=trace,
        name=str(record.get("name") or ""),
        attributes=attributes_of(record),
        start=seconds(_get(record, "startTimeUnixNano", "start_time_unix_nano", "start_time")),
        end=seconds(_get(record, "endTimeUnixNano", "end_time_unix_nano", "end_time")),
        failed=_code(status) in ERROR_CODES,
        message=str(status.get("message") or status.get("description") or ""),
        events=tuple((str(e.get("name") or ""), attributes_of(e)) for e in mappings(record.get("events"))),
    )


def _code(status: Mapping[str, Any]) -> Any:
    code = status.get("code", status.get("status_code"))
    return code if isinstance(code, int | str) else None


def _event(entry: Record) -> Event:
    attributes = attributes_of(entry)
    name = text(_get(entry, "eventName", "event_name")) or text(attributes.get("event.name")) or ""
    return Event(
        name=name,
        attributes=attributes,
        trace=_id(_get(entry, "traceId", "trace_id"), 32),
        span=_id(_get(entry, "spanId", "span_id"), 16),
        at=seconds(_get(entry, "timeUnixNano", "time_unix_nano", "observedTimeUnixNano")),
    )


def _get(record: Record, *names: str) -> Any:
    return next((record[name] for name in names if record.get(name)), None)


def _id(value: object, digits: int) -> str | None:
    """Give an id in hex: OTLP's JSON has it so, protobuf's own JSON writes base64."""
    found = text(value)
    if found is None or (match := _HEX.fullmatch(found)) is None or len(match[1]) != digits:
        return found if found is None else _of_base64(found, digits)
    return match[1].lower()


def _of_base64(found: str, digits: int) -> str:
    try:
        plain = base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        return found
    return plain.hex() if 2 * len(plain) == digits else found


def _value(value: object, depth: int = 0) -> Any:
    """Give a typed value plain; lists and maps are given as Python's."""
    if not isinstance(value, Mapping) or depth > DEEPEST:
        return value
    for name in VALUES:
        if name in value:
            return _whole(value[name]) if "int" in name else value[name]
    listed = mapping(value.get("arrayValue") or value.get("array_value"))
    if listed:
        return [_value(item, depth + 1) for item in mappings(listed.get("values"))]
    pairs = mapping(value.get("kvlistValue") or value.get("kvlist_value"))
    return {
        str(item.get("key")): _value(item.get("value"), depth + 1) for item in mappings(pairs.get("values"))
    } or None


def _whole(value: object) -> Any:
    """Give a whole number, which OTLP's JSON writes as text."""
    return int(value) if isinstance(value, str) and len(value) < LONGEST and value.lstrip("-").isdecimal() else value
