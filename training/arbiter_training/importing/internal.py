"""Calls that no user asked for: titles, tags, follow-up questions that chat applications have made for themselves."""

import re
from collections.abc import Mapping
from typing import Any

from arbiter_training.importing.items import Messages

_ABOUT_THE_CHAT = re.compile(
    r"\b(?:write|generate|create|provide|give|come up with|suggest|summari[sz]e)\b[^\n]{0,90}"
    r"(?:\b(?:title|headline|tags?|follow-?up questions?|topic name|session name)\b[^\n]{0,60}"
    r"\b(?:this|the|our|following|above) (?:\w+ )?(?:conversation|chat|dialogue|session|thread)\b"
    r"|\b(?:conversation|chat|dialogue|session|thread) (?:title|headline|name)\b)",
    re.IGNORECASE,
)
"""An instruction that names a conversation as the thing to be titled; "a title for my novel" is a request like any."""

_CHATS = ("conversation", "chat", "dialogue", "session", "thread")
"""One of these is in whatever the pattern finds; looking for them first takes a tenth of the time."""

READ_CHARS = 400
"""How much of the first and of the last turn is looked at: these instructions open their turn."""

TITLE_NAMES = re.compile(
    r"(?:^|[^a-z])(?:title|titling|tag|follow[_ -]?up)s?[_ -]?(?:gen|generation|generator|call)", re.I
)
"""Names of spans, tags and turns, such as Open WebUI's task ``title_generation``."""

MAIN_TURNS = frozenset({"", "main", "main_turn", "user", "user_turn"})


def names_the_chat(request: Messages) -> bool:
    """Say whether a request asks for a title, tags or follow-ups of a conversation."""
    if isinstance(request, str):
        return _about_the_chat(request)
    ends = (request[0], request[-1]) if request else ()
    return any(isinstance(m.get("content"), str) and _about_the_chat(m["content"]) for m in ends)


def _about_the_chat(text: str) -> bool:
    head = text[:READ_CHARS]
    lower = head.lower()
    return any(word in lower for word in _CHATS) and _ABOUT_THE_CHAT.search(head) is not None


def is_title_name(name: object) -> bool:
    """Say whether a span, task or tag is called after titles or tags."""
    return isinstance(name, str) and TITLE_NAMES.search(name) is not None


def is_side_turn(record: Mapping[str, Any]) -> bool:
    """Say whether a record's ``turn_type`` is another one than the conversation's main turn."""
    turn = record.get("turn_type")
    return isinstance(turn, str) and turn.lower() not in MAIN_TURNS
