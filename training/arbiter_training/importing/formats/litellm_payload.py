"""LiteLLM's StandardLoggingPayload: what its callbacks log, and what its object-store loggers write, a line a call."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.choice import with_choice
from arbiter_training.importing.fields import dollars, first, mapping, number, seconds, span_of, text
from arbiter_training.importing.internal import is_side_turn, names_the_chat
from arbiter_training.importing.items import Call, Item, Messages, Reason, Refused, UnusableError
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages
from arbiter_training.importing.statuses import status_of
from arbiter_training.traffic.columns import STATUS_OK

CHAT_CALLS = frozenset(
    (
        "completion", "acompletion", "responses", "aresponses", "text_completion", "atext_completion",
        "anthropic_messages", "generate_content", "agenerate_content", "generate_content_stream",
        "agenerate_content_stream", "batch_completion", "",
    )
)  # fmt: skip
"""Values of ``call_type`` that are answered by a chat model; embeddings, images, speech and the rest are not."""

IDS = ("litellm_call_id", "id", "request_id", "trace_id")
"""By which feedback may come: the header of the response, the response's own id, the table's key, the trace."""

EXTRAS = ("model_group", "custom_llm_provider")


class LiteLLMPayload:
    """Reads the payload.

    Latency is ``endTime - startTime``: in streaming, ``response_time`` is the time to the first token (1.106.2).
    An answer from the cache has neither cost nor latency here: what it cost nothing to repeat says nothing of what its
    model costs.
    """

    name = "litellm"
    judges = False

    def recognises(self, record: Record) -> bool:
        """By the ids, the nested parameters and the camel case of its times."""
        return "litellm_call_id" in record and "startTime" in record and "hidden_params" in record

    def read(self, record: Record) -> Iterator[Item]:
        """Give the one call."""
        metadata = mapping(record.get("metadata"))
        yield from call_of(record, metadata, text(record.get("trace_id")))


def call_of(record: Record, metadata: Mapping[str, Any], trace: str | None) -> Iterator[Item]:
    """Give the call of a payload or of a row of the spend table, whose columns have the same names.

    Parameters
    ----------
    record : the payload or row.
    metadata : its metadata, decoded.
    trace : what joins the attempts at one request.

    Raises
    ------
    UnusableError
        If a value cannot be, or there is no request.
    """
    refused = _left_out(record, metadata)
    if refused is not None:
        yield refused
        return
    model = text(record.get("model")) or text(record.get("model_group"))
    if model is None:
        raise UnusableError(Reason.NO_MODEL)
    request = _request(record, metadata)
    if names_the_chat(request):
        yield Refused(reason=Reason.TITLE)
        return
    session = text(record.get("session_id")) or trace
    call = Call(model=model, request=request, trace=trace, session_id=session, extras=_extras(record))
    call.ids = tuple(i for i in (text(record.get(name)) for name in IDS) if i)
    call.request_id = text(first(record, "litellm_call_id", "id", "request_id")) or ""
    call.answer = record.get("response")
    _measure(call, record, _status(record, metadata))
    spend = mapping(metadata.get("spend_logs_metadata"))
    yield with_choice(call, metadata, spend, mapping(metadata.get("requester_metadata")))


def _left_out(record: Record, metadata: Mapping[str, Any]) -> Refused | None:
    origin = metadata.get("internal_call_origin")
    if origin:
        return Refused(reason=Reason.INTERNAL, detail=str(origin)[:60])
    if metadata.get("is_silent_experiment") is True:
        return Refused(reason=Reason.INTERNAL, detail="silent experiment")
    if is_side_turn(metadata):
        return Refused(reason=Reason.SUB_AGENT, detail=str(metadata["turn_type"])[:60])
    kind = str(record.get("call_type") or "")
    if kind not in CHAT_CALLS:
        return Refused(reason=Reason.NOT_A_CALL, detail=kind[:60])
    return None


def _request(record: Record, metadata: Mapping[str, Any]) -> Messages:
    """Give the messages; where the spend table was not told to keep them, the proxy's own record of the request."""
    for found in (record.get("messages"), record.get("proxy_server_request"), metadata.get("proxy_server_request")):
        if found and found != "{}":
            return read_messages(found)
    raise UnusableError(Reason.NO_REQUEST, "store_prompts_in_spend_logs is off" if "spend" in record else "")


def _extras(record: Record) -> dict[str, Any]:
    extras = {name: record[name] for name in EXTRAS if isinstance(record.get(name), str) and record[name]}
    if record.get("stream") is True:
        extras["stream"] = True
    return extras


def _measure(call: Call, record: Record, status: str) -> None:
    started, ended = seconds(record.get("startTime")), seconds(record.get("endTime"))
    begun = seconds(record.get("completionStartTime"))
    call.timestamp = started
    call.status = status
    call.input_tokens, call.output_tokens = _tokens(record)
    if str(record.get("cache_hit")).lower() == "true":
        call.extras["cache_hit"] = True
        return
    call.latency_s = span_of(started, ended)
    if call.latency_s is None:
        call.latency_s = number(record.get("request_duration_ms"), "request_duration_ms", scale=1e-3)
    if begun is not None and begun != ended:  # without streaming, the first token is set to the end
        call.ttft_s = span_of(started, begun)
    call.cost_usd = dollars(first(record, "response_cost", "spend"))
    if call.cost_usd == 0.0 and not (call.status == STATUS_OK and call.output_tokens and _is_free(record)):
        call.cost_usd = None  # LiteLLM writes 0 for a failure, without a count and without a price, too


def _tokens(record: Record) -> tuple[float | None, float | None]:
    """Give the counts; LiteLLM says 0 of both where nobody counted, and no answered request has no tokens at all."""
    both = [number(record.get(name), name) for name in ("prompt_tokens", "completion_tokens")]
    return (both[0], both[1]) if any(both) else (None, None)


def _is_free(record: Record) -> bool:
    """Say whether a cost of 0 is a price: by the diagnosis of newer versions, which the spend table does not keep."""
    doubted = record.get("zero_cost_diagnostic") or record.get("response_cost_failure_debug_info")
    return "zero_cost_diagnostic" in record and not doubted


def _status(record: Record, metadata: Mapping[str, Any]) -> str:
    status = str(first(record, "status") or first(metadata, "status") or "success")
    error = mapping(record.get("error_information") or metadata.get("error_information"))
    return status_of(
        status == "success", error.get("error_class"), error.get("error_code"), error.get("error_message"),
        record.get("error_str"),
    )  # fmt: skip
