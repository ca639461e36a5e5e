"""OpenAI's JSONL: chats for fine-tuning, stored completions, and the two files of a batch."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.choice import with_choice
from arbiter_training.importing.fields import dollars, first, mapping, number, seconds, text
from arbiter_training.importing.internal import names_the_chat
from arbiter_training.importing.items import Call, Half, Item, Messages, Reason, Refused, UnusableError
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages
from arbiter_training.importing.statuses import status_of

CHAT_PATHS = ("/chat/completions", "/responses", "/completions")


class OpenAIJsonl:
    """Reads one line.

    A batch keeps requests and answers in two files: give both, and they are joined by ``custom_id``. A chat for
    fine-tuning names no model: say which one answered.

    Parameters
    ----------
    model : of records that name none; None refuses them.
    """

    name = "openai"
    judges = False

    def __init__(self, model: str | None = None) -> None:
        self._model = model

    def recognises(self, record: Record) -> bool:
        """By messages, or the keys of a batch's lines."""
        if "custom_id" in record:
            return "body" in record or "response" in record
        plain = "messages" in record or "choices" in record
        return plain and not record.keys() & {"litellm_call_id", "request_id", "spend", "inference_id", "startTime"}

    def read(self, record: Record) -> Iterator[Item]:
        """Give the one call, or its half."""
        if "custom_id" in record:
            yield _half(record)
            return
        request = _request(record)
        model = text(record.get("model")) or self._model
        if model is None:
            raise UnusableError(Reason.NO_MODEL, "say which with --model")
        call = Call(model=model, request=request, timestamp=seconds(first(record, "created", "created_at")))
        own = text(record.get("id"))
        call.request_id, call.ids = own or "", (own,) if own else ()
        _answered(call, record)
        metadata = mapping(record.get("metadata"))
        call.session_id = text(first(metadata, "session_id", "conversation_id"))
        yield Refused(reason=Reason.TITLE) if names_the_chat(request) else with_choice(call, metadata)


def _request(record: Mapping[str, Any]) -> Messages:
    for name in ("messages", "request", "input"):
        if record.get(name):
            return read_messages(record[name])
    raise UnusableError(Reason.NO_REQUEST)


def _answered(call: Call, answer: Mapping[str, Any]) -> None:
    call.answer = answer.get("choices") or answer.get("output")
    usage = mapping(answer.get("usage"))
    call.input_tokens = number(first(usage, "prompt_tokens", "input_tokens"), "input tokens")
    call.output_tokens = number(first(usage, "completion_tokens", "output_tokens"), "output tokens")
    call.cost_usd = dollars(first(usage, "cost", "cost_usd"))


def _half(record: Mapping[str, Any]) -> Item:
    own = text(record.get("custom_id"))
    if own is None:
        return Refused(reason=Reason.NOT_THE_FORMAT, detail="custom_id is not text")
    body = mapping(record.get("body"))
    if body:
        if record.get("url") is not None and not str(record["url"]).endswith(CHAT_PATHS):
            return Refused(reason=Reason.NOT_A_CALL, detail=str(record["url"])[:60])
        call = Call(model=text(body.get("model")), request=_request(body), request_id=own, half=Half.REQUEST)
        return with_choice(call, mapping(body.get("metadata")))
    response, error = mapping(record.get("response")), mapping(record.get("error"))
    answer = mapping(response.get("body"))
    code = response.get("status_code")
    ok = not error and code in (200, None) and not answer.get("error")
    call = Call(model=text(answer.get("model")), request=None, request_id=own, half=Half.ANSWER)
    call.status = status_of(ok, code, error.get("code"), mapping(answer.get("error")).get("message"))
    call.timestamp = seconds(first(answer, "created", "created_at"))
    call.ids = tuple(i for i in (text(answer.get("id")), text(record.get("id"))) if i)
    _answered(call, answer)
    return call
