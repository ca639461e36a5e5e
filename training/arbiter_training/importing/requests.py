"""The request of a call as OpenAI messages, out of the shapes in which libraries log it."""

from collections.abc import Mapping, Sequence
from typing import Any

from arbiter_training.importing.fields import decoded
from arbiter_training.importing.items import Messages, Reason, UnusableError

ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "bot": "assistant", "chatbot": "assistant"}
"""Other names of roles, from LangChain, Gemini and Cohere."""

MESSAGES = ("messages", "input_messages", "contents", "chat_history")
TEXTS = ("prompt", "input", "query", "question", "text", "user_input", "inputs")
SYSTEMS = ("system", "instructions", "system_instruction")
KEPT = ("name", "tool_calls", "tool_call_id", "function_call")
IMAGES = frozenset({"image_url", "input_image", "image"})

REDACTED = "redacted-by-litellm"
"""What LiteLLM writes in place of messages that it was told not to log."""

DEEPEST = 4
"""How many mappings are opened to find a request: chains put an ``input`` into an ``inputs``, and no more."""


def read_messages(value: object) -> Messages:
    """Give a request as arbiter reads it.

    Parameters
    ----------
    value : text; a list of messages (OpenAI, Anthropic, Gemini, LangChain, OpenTelemetry parts); or a mapping that
        holds either under one of the usual names. Each may be written as JSON.

    Returns
    -------
    request : text, where a lone user turn is all there is; else messages with a user turn, up to the last turn that is
        not an answer.

    Raises
    ------
    UnusableError
        If there is no text, or no turn of a user.
    """
    found = decoded(value)
    for _ in range(DEEPEST):
        if not isinstance(found, Mapping):
            break
        found = _within(found)
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list) and not _is_pair(found[0]):
        found = found[0]  # LangChain logs a batch of one conversation
    if isinstance(found, str):
        return _text(found)
    if not isinstance(found, list) or not found:
        raise UnusableError(Reason.NO_REQUEST)
    if all(isinstance(item, str) for item in found):
        return _text("\n".join(found))
    return _conversation([_message(item) for item in found])


def _text(value: str) -> str:
    if not value.strip() or value == REDACTED:
        raise UnusableError(Reason.NO_REQUEST, value[:40])
    return value


def _within(found: Mapping[str, Any]) -> object:
    system = next((found[name] for name in SYSTEMS if found.get(name)), None)
    for name in (*MESSAGES, *TEXTS):
        inner = decoded(found.get(name))
        if isinstance(inner, str) and inner and system:
            return [{"role": "system", "content": system}, {"role": "user", "content": inner}]
        if isinstance(inner, list) and inner and system and isinstance(inner[0], Mapping):
            return [{"role": "system", "content": system}, *inner]
        if inner:
            return inner
    if "role" in found:
        return [found]
    raise UnusableError(Reason.NO_REQUEST, ", ".join(map(str, found))[:60])


def _message(item: object) -> dict[str, Any]:
    if isinstance(item, str):
        return {"role": "user", "content": item}
    if isinstance(item, list) and _is_pair(item):
        item = {"role": item[0], "content": item[1]}
    if not isinstance(item, Mapping):
        raise UnusableError(Reason.NO_REQUEST, f"a message is a {type(item).__name__}")
    inner = item.get("message") or item.get("data")
    source: Mapping[str, Any] = inner if isinstance(inner, Mapping) and "content" in inner else item
    role = source.get("role") or item.get("role") or item.get("type")
    name = role if isinstance(role, str) else "user"
    content = source.get("content")
    if content is None:
        content = source.get("parts", source.get("text"))
    message: dict[str, Any] = {"role": ROLES.get(name, name), "content": _content(content)}
    message |= {key: source[key] for key in KEPT if source.get(key) is not None}
    return message


def _is_pair(item: list[Any]) -> bool:
    """Say whether a list is one of LangChain's pairs of role and text."""
    return len(item) == 2 and all(isinstance(part, str) for part in item) and item[0] in (*ROLES, "user", "system")


def _content(content: object) -> str | list[dict[str, Any]] | None:
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, Sequence):
        return str(content)
    parts = [_part(part) for part in content]
    known = [part for part in parts if part is not None]
    if all(part.get("type") == "text" for part in known):
        return "\n".join(part["text"] for part in known)
    return known


def _part(part: object) -> dict[str, Any] | None:
    """Give a part of a content; text stays text, an image stays an image, the rest says nothing to a router."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        return None
    if part.get("type") in IMAGES:
        return {key: part[key] for key in ("type", "image_url") if key in part}
    inner = next((part[key] for key in ("text", "content", "value") if isinstance(part.get(key), str)), None)
    return None if inner is None else {"type": "text", "text": inner}


def _conversation(messages: list[dict[str, Any]]) -> Messages:
    if not any(message["role"] == "user" and message["content"] for message in messages):
        raise UnusableError(Reason.NO_USER, ", ".join(dict.fromkeys(str(m["role"])[:20] for m in messages)))
    while messages[-1]["role"] == "assistant":
        messages.pop()
    only = messages[0]
    if len(messages) == 1 and isinstance(only["content"], str) and only["role"] == "user" and len(only) == 2:
        return _text(only["content"])
    return messages
