"""What the span formats share: attributes of model calls by the names of either convention."""

from collections.abc import Callable, Mapping
from typing import Any

from arbiter_training.importing.choice import with_choice
from arbiter_training.importing.fields import dollars, first, number, text
from arbiter_training.importing.internal import is_title_name, names_the_chat
from arbiter_training.importing.items import Call, Item, Kind, Messages, Reason, Refused, SpanKey, UnusableError

KINDS = {
    "agent": Kind.AGENT, "invoke_agent": Kind.AGENT, "create_agent": Kind.AGENT,
    "tool": Kind.TOOL, "execute_tool": Kind.TOOL, "retriever": Kind.TOOL,
    "evaluator": Kind.CHECK, "guardrail": Kind.CHECK,
    "llm": Kind.CALL, "chat_model": Kind.CALL, "chat": Kind.CALL, "text_completion": Kind.CALL,
    "generate_content": Kind.CALL, "generation": Kind.CALL,
}  # fmt: skip
"""What OpenTelemetry's operation, OpenInference's kind, MLflow's type and Langfuse's type call a span, lower case."""


def kind_of(name: object) -> Kind:
    """Give what a span is by its kind's name in any convention."""
    return KINDS.get(str(name or "").lower(), Kind.OTHER)


def measured(call: Call, attributes: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> Call:
    """Fill in tokens, cost and choice from attributes.

    Parameters
    ----------
    call : is changed.
    attributes : of the span.
    names : ``input_tokens``, ``output_tokens`` and ``cost_usd`` to the attributes that hold them, the best first.

    Raises
    ------
    UnusableError
        If a number cannot be.
    """
    call.input_tokens = number(first(attributes, *names["input_tokens"]), "input tokens")
    call.output_tokens = number(first(attributes, *names["output_tokens"]), "output tokens")
    call.cost_usd = dollars(first(attributes, *names["cost_usd"]))
    return with_choice(call, attributes)


def placed(span: SpanKey, name: object, build: Callable[[], Call]) -> Item:
    """Give a call with its place in its trace; one that cannot be used keeps its place too.

    Parameters
    ----------
    span : the place.
    name : of the span, which may say that it names a conversation.
    build : makes the call, or raises :class:`~arbiter_training.importing.items.UnusableError`.
    """
    try:
        call = build()
    except UnusableError as error:
        return Refused.of(error, span)
    if is_title_name(name) or (call.request is not None and names_the_chat(call.request)):
        return Refused(reason=Reason.TITLE, detail=str(name)[:60], span=span)
    call.span = span
    return call


def model_of(attributes: Mapping[str, Any], *names: str) -> str:
    """Give the model that served.

    Raises
    ------
    UnusableError
        If none of the attributes names it.
    """
    model = text(first(attributes, *names))
    if model is None:
        raise UnusableError(Reason.NO_MODEL)
    return model


def indexed_messages(attributes: Mapping[str, Any], prefix: str) -> Messages | None:
    """Give the messages that are spread over attributes such as ``llm.input_messages.0.message.role``.

    Parameters
    ----------
    attributes : of the span.
    prefix : before the number, with its dot.
    """
    found: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if not name.startswith(prefix):
            continue
        position, _, key = name.removeprefix(prefix).partition(".")
        if not position.isdecimal() or len(position) > 6:
            continue
        key = key.removeprefix("message.")
        message = found.setdefault(int(position), {"role": "user", "content": None})
        if key in ("role", "content"):
            message[key] = value
        elif key.startswith("contents.") and key.endswith(".message_content.text"):
            message["content"] = f"{message['content']}\n{value}" if message["content"] else value
    return [found[position] for position in sorted(found)] or None
