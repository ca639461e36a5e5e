"""OpenInference spans (Arize Phoenix and its instrumentations), as OTLP JSON or as an SDK prints spans."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.fields import first, mapping, span_of, text
from arbiter_training.importing.formats.otlp import Span, attributes_of, raw_spans, span_of_record
from arbiter_training.importing.formats.spans import indexed_messages, kind_of, measured, model_of, placed
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
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages
from arbiter_training.importing.statuses import status_of

KIND = "openinference.span.kind"

NAMES: Mapping[str, tuple[str, ...]] = {
    "input_tokens": ("llm.token_count.prompt",),
    "output_tokens": ("llm.token_count.completion",),
    "cost_usd": ("llm.cost.total",),
}


class OpenInference:
    """Reads spans with ``openinference.span.kind``."""

    name = "openinference"
    judges = True

    def recognises(self, record: Record) -> bool:
        """By the attribute that every span of the convention must have."""
        return any(KIND in attributes_of(span) for span in raw_spans(record))

    def read(self, record: Record) -> Iterator[Item]:
        """Give every span of an export request, or the one span, and its evaluations."""
        n = 0
        for raw in raw_spans(record):
            n += 1
            try:
                yield from self._span(span_of_record(raw))
            except UnusableError as error:
                yield Refused.of(error)
        if n == 0:
            raise UnusableError(Reason.NOT_THE_FORMAT)

    def _span(self, span: Span) -> Iterator[Item]:
        attributes = span.attributes
        kind = kind_of(attributes.get(KIND))
        if kind is Kind.CALL:
            yield placed(span.key, span.name, lambda: _call(span))
        else:
            yield Inside(span=span.key, kind=kind, name=span.name)
        value = first(attributes, "evaluation.score", "evaluation.label")
        if value is not None:
            name = str(attributes.get("evaluation.name") or "evaluation")
            yield Judgement(target=span.key.own.partition("/")[2], name=name, value=value, source="judge", at=span.end)


def _call(span: Span) -> Call:
    attributes = span.attributes
    call = Call(
        model=model_of(attributes, "llm.model_name"),
        request=_request(attributes),
        request_id=span.key.own,
        timestamp=span.start,
        session_id=text(attributes.get("session.id")) or span.trace,
        latency_s=span_of(span.start, span.end),
        status=status_of(not span.failed, span.message),
        trace=span.trace,
        ids=(span.trace, span.key.own.partition("/")[2]),
        answer=first(attributes, "llm.output_messages.0.message.content", "llm.output_messages", "output.value"),
    )
    provider = text(first(attributes, "llm.provider", "llm.system"))
    if provider:
        call.extras["provider"] = provider
    return measured(call, {**attributes, **mapping(attributes.get("metadata"))}, NAMES)


def _request(attributes: Mapping[str, Any]) -> Messages:
    found = indexed_messages(attributes, "llm.input_messages.") or first(
        attributes, "llm.input_messages", "input.value"
    )
    if found is None:
        raise UnusableError(Reason.NO_REQUEST)
    return read_messages(found)
