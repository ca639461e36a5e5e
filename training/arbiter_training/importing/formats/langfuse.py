"""Langfuse's observations and scores, in its API's camel case or its blob export's snake case, alone or in traces."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.choice import with_choice
from arbiter_training.importing.fields import dollars, first, mapping, mappings, number, seconds, span_of, text
from arbiter_training.importing.formats.spans import kind_of, model_of, placed
from arbiter_training.importing.items import (
    Call,
    Inside,
    Item,
    Judgement,
    Kind,
    Reason,
    Refused,
    SpanKey,
    UnusableError,
)
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages
from arbiter_training.importing.statuses import status_of

TYPES = frozenset(
    ("GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL")
)
SOURCES = {"ANNOTATION": "human", "EVAL": "judge"}
UNJUDGED = frozenset({"TEXT", "CORRECTION"})
"""Kinds of score whose value is prose."""

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


class Langfuse:
    """Reads observations, scores, and traces that hold both.

    Times without a zone are UTC, as the blob export writes them.
    """

    name = "langfuse"
    judges = True

    def recognises(self, record: Record) -> bool:
        """By an observation's type and trace, a score's data type, or a trace's lists of them."""
        found = _snake(record)
        observation = str(found.get("type")) in TYPES and "trace_id" in found and "span_id" not in found
        score = {"data_type", "value", "source"} <= found.keys()
        return bool(observation or score or ("observations" in found and "scores" in found))

    def read(self, record: Record) -> Iterator[Item]:
        """Give the observation, the score, or what a trace holds of them."""
        found = _snake(record)
        if "observations" in found:
            yield from self._trace(found)
        elif str(found.get("type")) in TYPES:
            yield _observation(found, None)
        elif "data_type" in found and "value" in found:
            yield _score(found, None)
        else:
            raise UnusableError(Reason.NOT_THE_FORMAT)

    def _trace(self, found: Record) -> Iterator[Item]:
        trace, session = text(found.get("id")), text(found.get("session_id"))
        observations = [_snake(one) for one in mappings(found.get("observations"))]
        scores = [_snake(one) for one in mappings(found.get("scores"))]
        if not observations and not scores:
            yield Refused(reason=Reason.NOT_A_CALL, detail="a trace without observations")
        for one in observations:
            yield _observation({"trace_id": trace, **one}, session)
        for one in scores:
            yield _score(one, trace)


def _snake(record: Record) -> dict[str, Any]:
    return {_CAMEL.sub(r"_\1", str(name)).lower(): value for name, value in record.items()}


def _observation(found: Mapping[str, Any], session: str | None) -> Item:
    trace, own = text(found.get("trace_id")), text(found.get("id"))
    if trace is None or own is None:
        return Refused(reason=Reason.NOT_THE_FORMAT, detail="an observation without ids")
    span = SpanKey.of(trace, own, text(found.get("parent_observation_id")))
    kind = kind_of(found.get("type"))
    if kind is not Kind.CALL:
        return Inside(span=span, kind=kind, name=str(found.get("name") or "")[:60])
    return placed(span, found.get("name"), lambda: _call(found, trace, own, session))


def _call(found: Mapping[str, Any], trace: str, own: str, session: str | None) -> Call:
    usage, costs = mapping(found.get("usage_details") or found.get("usage")), mapping(found.get("cost_details"))
    started, ended = seconds(found.get("start_time")), seconds(found.get("end_time"))
    begun = span_of(started, seconds(found.get("completion_start_time")))
    latency = span_of(started, ended)
    call = Call(
        model=model_of(found, "model", "provided_model_name", "internal_model_id"),
        request=read_messages(found.get("input")),
        request_id=f"{trace}/{own}",
        timestamp=started,
        session_id=text(found.get("session_id")) or session or trace,
        latency_s=number(found.get("latency"), "latency") if latency is None else latency,
        ttft_s=number(found.get("time_to_first_token"), "timeToFirstToken") if begun is None else begun,
        status=status_of(found.get("level") != "ERROR", found.get("status_message")),
        input_tokens=number(first(usage, "input", "prompt_tokens", "promptTokens"), "input tokens"),
        output_tokens=number(first(usage, "output", "completion_tokens", "completionTokens"), "output tokens"),
        cost_usd=dollars(first({**found, "sum": costs.get("total")}, "total_cost", "sum", "calculated_total_cost")),
        trace=trace,
        ids=(trace, own),
        answer=found.get("output"),
    )
    return with_choice(call, mapping(found.get("metadata")))


def _score(found: Mapping[str, Any], trace: str | None) -> Item:
    subject = _snake(mapping(found.get("subject")))
    places = {**subject, **{name: value for name, value in found.items() if value}}
    target = text(first(places, "observation_id", "trace_id")) or text(subject.get("id")) or trace
    if target is None:
        return Refused(reason=Reason.NOT_THE_FORMAT, detail="a score of a session or of nothing")
    kind = str(found.get("data_type") or "").upper()
    if kind in UNJUDGED:
        return Refused(reason=Reason.NOT_A_CALL, detail=f"a score in prose ({kind.lower()})")
    value = found.get("value")
    if kind == "CATEGORICAL":
        value = first(found, "string_value", "value")
    return Judgement(
        target=target,
        name=str(found.get("name") or ""),
        value=bool(value) if kind == "BOOLEAN" and value in (0, 1, 0.0, 1.0) else value,
        source=SOURCES.get(str(found.get("source") or "").upper(), "unknown"),
        at=seconds(first(found, "timestamp", "created_at")),
    )
