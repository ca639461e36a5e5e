"""OpenTelemetry's GenAI spans and evaluation events, as OTLP JSON or as an SDK prints spans."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.fields import decoded, first, number, span_of, text
from arbiter_training.importing.formats.otlp import (
    Event,
    Span,
    attributes_of,
    events,
    raw_spans,
    span_of_record,
)
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

PREFIX = "gen_ai."
EVALUATION = "gen_ai.evaluation.result"

NAMES: Mapping[str, tuple[str, ...]] = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cost_usd": ("gen_ai.usage.cost", "gen_ai.cost.total_cost"),
}
"""The standard's names first, then its deprecated ones; cost is LiteLLM's addition."""

MODEL = ("gen_ai.response.model", "gen_ai.request.model")
CONTENT = ("gen_ai.input.messages", "gen_ai.content.prompt", "gen_ai.prompt")
ANSWERS = ("gen_ai.output.messages", "gen_ai.content.completion", "gen_ai.completion", "gen_ai.completion.0.content")
CHAT = frozenset({"completion", "acompletion"})
"""LiteLLM's own names of operations."""


class OtelGenAI:
    """Reads spans with ``gen_ai.*`` attributes.

    The text of requests is opt-in in this standard; spans without it are refused and counted.
    """

    name = "otel"
    judges = True

    def recognises(self, record: Record) -> bool:
        """By a span or event with an attribute of the convention."""
        spans = any(_speaks(attributes_of(span)) for span in raw_spans(record))
        return spans or any(name.startswith(PREFIX) for event in _events(record) for name in event.attributes)

    def read(self, record: Record) -> Iterator[Item]:
        """Give every span and evaluation of an export request, or the one span."""
        n = 0
        for raw in raw_spans(record):
            n += 1
            try:
                yield from self._span(span_of_record(raw))
            except UnusableError as error:
                yield Refused.of(error)
        for event in events(record):
            n += 1
            yield _judgement(event)
        if n == 0:
            raise UnusableError(Reason.NOT_THE_FORMAT)

    def _span(self, span: Span) -> Iterator[Item]:
        attributes = span.attributes
        operation = str(attributes.get("gen_ai.operation.name") or "").lower()
        kind = kind_of(operation)
        if kind is Kind.CALL or operation in CHAT or (not operation and any(attributes.get(n) for n in MODEL)):
            yield placed(span.key, span.name, lambda: _call(span))
        else:
            yield Inside(span=span.key, kind=kind, name=span.name)
        for name, found in span.events:
            if name == EVALUATION:
                yield _judgement(Event(name=name, attributes=found, trace=span.trace, span=None, at=span.end))


def _speaks(attributes: Mapping[str, Any]) -> bool:
    return any(name.startswith(PREFIX) for name in attributes)


def _events(record: Record) -> list[Event]:
    try:
        return list(events(record))
    except UnusableError:
        return []


def _call(span: Span) -> Call:
    attributes = span.attributes
    call = Call(
        model=model_of(attributes, *MODEL),
        request=_request(span),
        request_id=span.key.own,
        timestamp=span.start,
        session_id=text(first(attributes, "gen_ai.conversation.id", "session.id")) or span.trace,
        latency_s=span_of(span.start, span.end),
        ttft_s=number(attributes.get("gen_ai.response.time_to_first_chunk"), "time to first chunk"),
        status=status_of(not span.failed, attributes.get("error.type"), span.message),
        trace=span.trace,
        answer=first(attributes, *ANSWERS),
    )
    answer = text(attributes.get("gen_ai.response.id"))
    lite = text(attributes.get("litellm.call_id"))
    call.ids = tuple(i for i in (span.trace, span.key.own.partition("/")[2], answer, lite) if i)
    provider = text(first(attributes, "gen_ai.provider.name", "gen_ai.system"))
    if provider:
        call.extras["provider"] = provider
    return measured(call, attributes, NAMES)


def _request(span: Span) -> Messages:
    attributes = span.attributes
    found = first(attributes, *CONTENT)
    if found is None:
        found = indexed_messages(attributes, "gen_ai.prompt.")
    if found is None:  # the convention's first form: an event for each message, or one with all of them
        found = next((first(held, *CONTENT) for _, held in span.events if first(held, *CONTENT) is not None), None)
    if found is None:
        raise UnusableError(Reason.NO_REQUEST, "the instrumentation does not capture content")
    system = attributes.get("gen_ai.system_instructions")
    return read_messages({"messages": found, "system": _plain(system)} if system else found)


def _plain(system: object) -> object:
    """Give system instructions, which are parts, as the text that they are."""
    try:
        return read_messages([{"role": "user", "parts": read}]) if (read := _parts(system)) else None
    except UnusableError:
        return None


def _parts(system: object) -> list[Any]:
    found = decoded(system)
    return found if isinstance(found, list) else [str(found)]


def _judgement(event: Event) -> Item:
    attributes = event.attributes
    if event.name != EVALUATION:
        return Refused(reason=Reason.NOT_A_CALL, detail=event.name[:60])
    target = text(attributes.get("gen_ai.response.id")) or event.span or event.trace
    if target is None:
        return Refused(reason=Reason.NOT_THE_FORMAT, detail="an evaluation of nothing")
    return Judgement(
        target=target,
        name=str(attributes.get("gen_ai.evaluation.name") or "evaluation"),
        value=first(attributes, "gen_ai.evaluation.score.value", "gen_ai.evaluation.score.label"),
        at=event.at,
    )
