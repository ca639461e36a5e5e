"""What askers did next, as a weak judgement: asked again, complained, went on, or edited the answer."""

import json
import re
from collections import OrderedDict
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from arbiter_training.traffic.near_duplicates import THRESHOLD, jaccard, normal_form
from arbiter_training.traffic.read_parquet import record_batches

REGENERATED, REPHRASED, COMPLAINED, WENT_ON, EDITED = "regenerate", "rephrase", "complain", "continue", "edit"

IMPLICIT = "implicit"
"""What a behaviour's kind follows in the column of sources: ``implicit:rephrase``."""

CODES: tuple[str | None, ...] = (None, REGENERATED, REPHRASED, COMPLAINED, WENT_ON)
"""Kinds of what came next, by the number that a row is marked with; none says nothing."""

EARNED = {REGENERATED: 0.0, REPHRASED: 0.0, COMPLAINED: 0.0, WENT_ON: 1.0}
"""Quality that each kind stands for."""

WITHIN_S = 600.0
"""Seconds after which the next turn of a conversation is no reaction to the last answer."""

BATCH_ROWS = 8192
OPEN_SESSIONS = 100_000
"""Conversations that are held open; beyond it, those that nobody can react in any more are let go."""

MOST_WORDS = 2_000
"""Of an answer and of its edited form that are compared; the comparison takes the square of it."""

COLUMNS = ("request_id", "session_id", "timestamp", "prompt", "messages")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_COMPLAINT = re.compile(
    r"\W*(?:(?:no|nope|wrong|incorrect)\b(?! (?:problem|worries|need|thanks))|try again|again[,.!]|not what i|"
    r"(?:that|this|it|your answer)(?:'s| is| was)? (?:still )?(?:wrong|incorrect|not (?:right|correct|true|what))|"
    r"(?:that|this|it) (?:still )?(?:doesn't|does not|didn't|did not) (?:work|compile|run|help|answer)|"
    r"you (?:didn't|did not|missed|forgot|ignored))",
    re.IGNORECASE,
)
"""How an English turn begins that finds fault with the answer before it; other languages pass as going on."""


@dataclass(slots=True, kw_only=True)
class _Turn:
    """The last request of a conversation: its row, id, second, the asker's words, and all that was sent with them."""

    row: int
    request_id: str
    at: float
    said: str
    sent: str


def next_turns(traffic: Path) -> bytearray:
    """Mark each row of a traffic table by what its asker did next.

    Parameters
    ----------
    traffic : Parquet, in the order of its log. Without sessions and times nothing is known.

    Returns
    -------
    marks : a byte for each row, a position in :data:`CODES`.

    Notes
    -----
    The next turn of the same session within :data:`WITHIN_S` seconds is a reaction. Nothing is told by the last turn of
    a session: who leaves may be content or not. Turns that a tool or a program added are no asker's.
    """
    marks, last = bytearray(), OrderedDict[str, _Turn]()
    for batch in record_batches(traffic, BATCH_ROWS):
        names = [name for name in COLUMNS if name in batch.schema.names]
        start = len(marks)
        marks += bytes(batch.num_rows)
        for row, record in enumerate(batch.select(names).to_pylist(), start=start):
            turn = _turn(row, record)
            if turn is None:
                continue
            session = str(record["session_id"])
            before = last.pop(session, None)
            if before is not None and before.request_id != turn.request_id and 0.0 <= turn.at - before.at <= WITHIN_S:
                marks[before.row] = CODES.index(_reaction(before, turn))
            last[session] = turn
            while len(last) > OPEN_SESSIONS:
                last.popitem(last=False)
    return marks


def kept_share(answer: str, edited: str) -> float:
    """Give how much of an answer its asker kept: 2 M / T of its words (Ratcliff and Obershelp, 1988), in [0, 1]."""
    words = (answer.split()[:MOST_WORDS], edited.split()[:MOST_WORDS])
    return SequenceMatcher(None, *words, autojunk=False).ratio()


def asks_again(before: str, after: str) -> bool:
    """Say whether a text asks nearly the same as another: other numbers make it another question."""
    if sorted(_NUMBER.findall(before)) != sorted(_NUMBER.findall(after)):
        return False
    return normal_form(before) == normal_form(after) or jaccard(before, after) >= THRESHOLD


def _reaction(before: _Turn, turn: _Turn) -> str:
    if before.sent == turn.sent:
        return REGENERATED
    if asks_again(before.said, turn.said):
        return REPHRASED
    return COMPLAINED if _COMPLAINT.match(turn.said.replace("\u2019", "'")) else WENT_ON


def _turn(row: int, record: dict[str, Any]) -> _Turn | None:
    """Give an asker's turn; None where it is none, or session or time are not known."""
    at = record.get("timestamp")
    if record.get("session_id") is None or at is None:
        return None
    sent = str(record.get("messages") or record.get("prompt") or "")
    said = _last_words(sent) if record.get("messages") else sent
    if not said:
        return None
    return _Turn(row=row, request_id=str(record["request_id"]), at=at.timestamp(), said=said, sent=sent)


def _last_words(messages: str) -> str:
    """Give the text of the last message where it is a user's, else nothing."""
    last = json.loads(messages)[-1]
    content = last.get("content")
    if last.get("role") != "user":
        return ""
    parts = content if isinstance(content, list) else [content]
    return "\n".join(str(p.get("text") or "") if isinstance(p, dict) else str(p or "") for p in parts).strip()
