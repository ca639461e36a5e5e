"""Which text of a conversation is read: the last turn, with what it refers to where it cannot stand alone."""

import re

from arbiter.records import Query
from arbiter.words import words

CONTEXT_TAIL_CHARS = 600
"""How much of the conversation a follow-up inherits: about the last answer's end, or the last question and answer."""

SHORT_WORDS = 5
"""A turn of at most so many words is read together with its conversation whatever it says."""

FOLLOW_UP_WORDS = 20
"""A turn of at most so many words is, if it opens like a reply or points at what was said before."""

_OPENERS = frozenset(
    (
        "yes", "yeah", "yep", "no", "nope", "ok", "okay", "sure", "thanks", "thank", "great", "good", "and",
        "but", "so", "also", "now", "then", "again", "continue", "go", "more", "next", "instead", "actually",
        "wait", "hmm", "please", "rather", "sorry", "same", "sí", "si", "oui", "ja", "nein", "non", "да", "нет",
    )
)  # fmt: skip
_POINTERS = frozenset(
    (
        "it", "its", "this", "these", "those", "them", "they", "he", "she", "his", "her", "above",
        "previous", "earlier", "former", "latter", "last", "same", "again", "before", "second", "first",
        "other", "others", "instead", "shorter", "longer", "simpler", "better", "else",
    )
)  # fmt: skip


def reading_text(query: Query) -> str:
    """Give the text that stands for a request: what is encoded, and whose words are counted.

    Parameters
    ----------
    query : the request; its system prompts do not enter, since they are the same for all requests of an application.

    Returns
    -------
    text : the last user turn; where that is a follow-up ("yes, go on"), the end of the conversation before it, cut
        at a word, and the turn on a line of its own.
    """
    if not query.context or not is_follow_up(query.text):
        return query.text
    tail = query.context[-CONTEXT_TAIL_CHARS:]
    if len(tail) < len(query.context):
        tail = re.sub(r"^\S{1,60}\s+", "", tail)
    return f"{tail}\n{query.text}"


def is_follow_up(text: str) -> bool:
    """Say whether a turn, having something before it, leans on it."""
    parts = words(text[: FOLLOW_UP_WORDS * 40])
    if len(parts) <= SHORT_WORDS:
        return True
    return len(parts) <= FOLLOW_UP_WORDS and (parts[0] in _OPENERS or not _POINTERS.isdisjoint(parts))
