"""The text of an answer, out of the shapes in which libraries log it."""

from collections.abc import Mapping
from typing import Any

from arbiter_training.importing.fields import decoded

INNER = ("choices", "message", "output", "outputs", "content", "parts", "text", "value", "generations", "candidates")
"""Keys on the way to an answer's text, the outermost first: OpenAI's two APIs, Anthropic, Gemini, LangChain, OTel."""

DEEPEST = 8


def answer_text(value: object) -> str | None:
    """Give what a model said; None where there is no text, such as in a call of a tool.

    Parameters
    ----------
    value : a response, a message, parts of a content or text; each may be written as JSON.
    """
    return _text(decoded(value), DEEPEST)


def _text(value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return value or None
    if depth == 0:
        return None
    if isinstance(value, list):
        texts = [text for text in (_text(decoded(item), depth - 1) for item in value) if text]
        return "\n".join(texts) if texts and _are_parts(value) else texts[0] if texts else None
    if isinstance(value, Mapping):
        return next((text for text in (_text(value[key], depth - 1) for key in INNER if key in value) if text), None)
    return None


def _are_parts(value: list[Any]) -> bool:
    """Say whether a list holds the parts of one content; of several choices the first is the answer."""
    return all(isinstance(item, Mapping) and "type" in item and "message" not in item for item in value)
