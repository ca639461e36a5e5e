"""MLflow 3 traces and their assessments: from a tracking server or store, or exported as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.choice import KEY, PREFIX
from arbiter_training.importing.fields import decoded, first, mapping, mappings, number, seconds, span_of, text
from arbiter_training.importing.formats.otlp import Span, span_of_record
from arbiter_training.importing.formats.spans import kind_of, measured, model_of, placed
from arbiter_training.importing.items import (
    Call,
    Inside,
    Item,
    Judgement,
    Kind,
    Messages,
    Reason,
    Refused,
    UnusableError,
)
from arbiter_training.importing.quality import RANKS
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages
from arbiter_training.importing.statuses import status_of

NAMES: Mapping[str, tuple[str, ...]] = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "cost_usd": ("total_cost",),
}

MODEL = ("mlflow.llm.model", "gen_ai.response.model", "gen_ai.request.model")
SOURCE = f"{PREFIX}source"
"""What arbiter writes of a judgement's source, of which it knows more kinds than MLflow."""

SOURCES = {"HUMAN": "human", "LLM_JUDGE": "judge", "AI_JUDGE": "judge", "CODE": "code"}


class MLflowTraces:
    """Reads ``Trace.to_dict()``, a line of it, or a row of ``search_traces``.

    Its spans' attributes are JSON written as text. An older layout (``request_id`` in ``info``) is read too.
    """

    name = "mlflow"
    judges = True

    def recognises(self, record: Record) -> bool:
        """By the two parts of a trace, or the column ``trace``."""
        found = _trace(record)
        return isinstance(found.get("info"), Mapping) and isinstance(found.get("data"), Mapping)

    def read(self, record: Record) -> Iterator[Item]:
        """Give every span of the trace, and what was found of it."""
        trace = _trace(record)
        info = mapping(trace.get("info"))
        tags, metadata = _named(info.get("tags")), _named(info.get("trace_metadata") or info.get("request_metadata"))
        own = text(first(info, "trace_id", "request_id"))
        if own is None:
            raise UnusableError(Reason.NOT_THE_FORMAT, "no trace_id")
        if "mlflow.trace.sourceScorer" in {**tags, **metadata}:
            yield Refused(reason=Reason.INTERNAL, detail="trace of a scorer")
            return
        if info.get("state") == "IN_PROGRESS":
            yield Refused(reason=Reason.NOT_FINISHED, detail=own)
            return
        spans = list(mappings(mapping(trace.get("data")).get("spans")))
        if not spans:
            yield Refused(reason=Reason.NO_REQUEST, detail="a trace without spans")
        noted = {**metadata, **tags}
        if sum(_is_call(raw) for raw in spans) > 1:  # what is noted of the trace says nothing of one of its calls
            noted = {name: value for name, value in noted.items() if not name.startswith(KEY)}
        for raw in spans:
            yield _item(raw, own, info, noted)
        yield from _judgements(info, own)


def _trace(record: Record) -> Mapping[str, Any]:
    return mapping(record["trace"]) if "trace" in record else record


def _is_call(span: Record) -> bool:
    return kind_of(decoded(mapping(span.get("attributes")).get("mlflow.spanType"))) is Kind.CALL


def _named(found: object) -> dict[str, Any]:
    """Give tags as a mapping; the older layout lists them."""
    if isinstance(found, Mapping):
        return dict(found)
    return {str(item.get("key")): item.get("value") for item in mappings(found)}


def _item(raw: Record, trace: str, info: Mapping[str, Any], noted: Mapping[str, Any]) -> Item:
    try:
        span = span_of_record(raw)
    except UnusableError as error:
        return Refused.of(error)
    attributes = {name: decoded(value) for name, value in span.attributes.items()}
    kind = kind_of(attributes.get("mlflow.spanType"))
    if kind is Kind.CALL:
        return placed(span.key, span.name, lambda: _call(span, attributes, trace, info, noted))
    return Inside(span=span.key, kind=kind, name=span.name)


def _call(
    span: Span, attributes: Mapping[str, Any], trace: str, info: Mapping[str, Any], noted: Mapping[str, Any]
) -> Call:
    inputs = attributes.get("mlflow.spanInputs")
    call = Call(
        model=text(first(attributes, *MODEL)) or model_of(mapping(inputs), "model"),
        request=_request(inputs),
        request_id=f"{trace}/{span.key.own.partition('/')[2]}",
        timestamp=span.start,
        session_id=text(first(noted, "mlflow.trace.session") or first(attributes, "session.id")) or trace,
        latency_s=span_of(span.start, span.end),
        ttft_s=number(attributes.get("gen_ai.response.time_to_first_chunk"), "time to first chunk"),
        status=status_of(not span.failed, span.message, *(held.get("exception.type") for _, held in span.events)),
        trace=trace,
        answer=attributes.get("mlflow.spanOutputs"),
    )
    outside = text(info.get("client_request_id")), text(attributes.get("litellm_call_id")), _answer_id(attributes)
    call.ids = tuple(i for i in (trace, span.key.own.partition("/")[2], *outside) if i)
    provider = text(attributes.get("mlflow.llm.provider"))
    if provider:
        call.extras["provider"] = provider
    usage = mapping(attributes.get("mlflow.chat.tokenUsage"))
    return measured(call, {**usage, **mapping(attributes.get("mlflow.llm.cost")), **noted, **attributes}, NAMES)


def _request(inputs: object) -> Messages:
    if inputs is None:
        raise UnusableError(Reason.NO_REQUEST)
    return read_messages(inputs)


def _answer_id(attributes: Mapping[str, Any]) -> str | None:
    return text(mapping(attributes.get("mlflow.spanOutputs")).get("id"))


def _judgements(info: Mapping[str, Any], trace: str) -> Iterator[Item]:
    for found in mappings(info.get("assessments")):
        feedback = mapping(found.get("feedback"))
        if not feedback or found.get("valid") is False:
            continue
        if found.get("error") or feedback.get("error"):
            continue
        source = mapping(found.get("source"))
        kind = str(first(source, "source_type", "sourceType") or "").upper()
        written = str(mapping(found.get("metadata")).get(SOURCE) or "")
        yield Judgement(
            target=text(found.get("span_id")) or trace,
            name=str(first(found, "name", "assessment_name") or ""),
            value=feedback.get("value"),
            source=written if written in RANKS else SOURCES.get(kind, "unknown"),
            at=_time(found),
            by=text(first(source, "source_id", "sourceId")) or "",
        )


def _time(found: Mapping[str, Any]) -> float | None:
    try:
        return seconds(first(found, "last_update_time_ms", "create_time_ms", "last_update_time", "create_time"))
    except UnusableError:
        return None
