"""The words of a logged request, for comparing requests with one another."""

from collections.abc import Mapping, Sequence
from typing import Any

from arbiter.intake import read_request
from arbiter.records import Query


def prompt_text(prompt: str | Sequence[Mapping[str, Any]]) -> str:
    """Give what was said, without system prompts, which all requests of one application share."""
    return prompt if isinstance(prompt, str) else query_text(read_request(prompt))


def query_text(query: Query) -> str:
    """Give the same for a request that has been read: the turns before, then the last user turn."""
    return f"{query.context}\n{query.text}" if query.context else query.text
