"""Which text of a conversation is read: the last turn, with what it refers to where it cannot stand alone."""

import re
from collections.abc import Iterator

from arbiter.intake import read_turn
from arbiter.records import Query
from arbiter.words import words

CONTEXT_TAIL_CHARS = 600
"""How much of the conversation a follow-up inherits where no question of its own is found: about one answer's end."""

BETWEEN_CHARS = 200
"""How much is read of each turn between the question and the follow-up: enough for "now in French, please"."""

BETWEEN_TURNS = 3
"""How many of these are read, the last ones."""

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
_THANKS = frozenset(("thanks", "thank", "thx", "bye", "goodbye", "cheers", "hi", "hello", "hey", "merci", "danke",
                     "gracias", "obrigado", "grazie", "tschüss", "adiós", "спасибо", "谢谢"))  # fmt: skip
_PLEASANTRIES = _THANKS | frozenset(
    (
        "you", "very", "much", "so", "a", "lot", "again", "for", "the", "your", "help", "all", "that", "was", "great",
        "perfect", "good", "nice", "have", "day", "evening", "night", "weekend", "one", "now", "there", "ok", "okay",
        "see", "later", "and", "it", "is", "this", "helped", "vielen", "beaucoup", "muchas",
    )
)  # fmt: skip


def reading_text(query: Query) -> str:
    """Give the text that stands for a request: what is encoded, counted, and whose words are weighed.

    Parameters
    ----------
    query : the request; its system prompts do not enter, since they are the same for all requests of an application.

    Returns
    -------
    text : the last user turn. Where that is a follow-up ("yes, go on"), each on lines of its own: the user's last turn
        that stands alone, the turns between, and the follow-up; the assistant's answers do not
        enter, since their closing phrases say less of the task than the question does. Where there is no such turn, or
        the messages are not known, the end of the conversation, cut at a word, and the turn.
    """
    if not query.context or not is_follow_up(query.text):
        return query.text
    question = "\n".join(_question(query))
    return f"{question or _tail(query.context)}\n{query.text}"


def is_follow_up(text: str) -> bool:
    """Say whether a turn, having something before it, leans on it; thanks and greetings alone do not."""
    parts = words(text[: FOLLOW_UP_WORDS * 40])
    if len(parts) > FOLLOW_UP_WORDS or _is_pleasantry(parts):
        return False
    return len(parts) <= SHORT_WORDS or parts[0] in _OPENERS or not _POINTERS.isdisjoint(parts)


def _is_pleasantry(parts: list[str]) -> bool:
    return not _THANKS.isdisjoint(parts) and _PLEASANTRIES.issuperset(parts)


def _question(query: Query) -> list[str]:
    """Give the user's last turn that stands alone, and what came between it and the follow-up; empty if none does."""
    between: list[str] = []
    for text in _earlier_user_turns(query):
        if not is_follow_up(text) and not _is_pleasantry(words(text)):
            return [text, *reversed(between[:BETWEEN_TURNS])]
        between.append(text[:BETWEEN_CHARS])
    return []


def _earlier_user_turns(query: Query) -> Iterator[str]:
    """Give the user's turns before the last one, the latest first."""
    last = len(query.messages) - 1
    turns = (read_turn(last - back, message) for back, message in enumerate(reversed(query.messages)))
    texts = (text for role, text, _ in turns if role == "user" and text)
    next(texts, None)
    return texts


def _tail(context: str) -> str:
    tail = context[-CONTEXT_TAIL_CHARS:]
    return re.sub(r"^\S{1,60}\s+", "", tail) if len(tail) < len(context) else tail
