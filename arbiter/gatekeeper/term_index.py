"""Finding several thousand words, stems and phrases in a text in one pass.

The text is cut into tokens once; single words are found by intersecting sets, stems by their first four letters, and
phrases are compared only where their longest word stands. That costs about 50 us for 2,000 characters, however many
terms there are: an alternation in a regular expression tries every term at every place.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from arbiter.errors import InvalidInputError

STEM_LETTERS = 4
"""A stem has at least this many letters: they are its key, and shorter stems would match by chance."""

MAX_PHRASE_WORDS = 16

# Scripts without spaces between words: each character is a token, so that a word of theirs is a phrase of characters.
_UNSPACED = "\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af\uf900-\ufaff"
_SYMBOLS = "∀∂∃∈∑√∞∫≤≥π"
_ASCII = re.compile(r"[a-z0-9_]+")
_RUN = re.compile(rf"\w+|[{_SYMBOLS}]")
_ANY = re.compile(rf"[^\W{_UNSPACED}{_SYMBOLS}]+|[{_UNSPACED}{_SYMBOLS}]")
_COMBINING = re.compile(r"[\u0300-\u036f]+")


def _accents() -> dict[int, str | None]:
    """Give the table from accented Latin letters to plain ones, which people often type instead."""
    table: dict[int, str | None] = {ord("ß"): "ss", ord("ø"): "o", ord("ł"): "l", ord("đ"): "d", ord("ı"): "i"}
    for code in range(0x00E0, 0x0250):
        base = unicodedata.normalize("NFKD", chr(code))[0]
        if base.isascii() and base.isalpha():
            table.setdefault(code, base)
    return table


_PLAIN = _accents()


def tokens_of(text: str) -> list[str]:
    """Cut a text into tokens: words without case and accents, single characters of Chinese, Japanese and Korean."""
    lower = text.lower().replace("c++", "cplusplus").replace("c#", "csharp")
    if lower.isascii():
        return _ASCII.findall(lower)
    if _COMBINING.search(lower):
        lower = unicodedata.normalize("NFC", lower)
    tokens: list[str] = []
    for run in _RUN.findall(lower):  # most runs are plain: the slow pattern sees the others only
        if run.isascii():
            tokens.append(run)
        else:
            tokens.extend(_ANY.findall(run.translate(_PLAIN)))
    return tokens


def canonical(term: str) -> tuple[str, ...]:
    """Give the form in which two terms are equal when they match the same texts."""
    return (*tokens_of(term), "*" if term.endswith("*") else "")


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A phrase, found by its longest word: that is rarer in texts than its first."""

    position: int
    offset: int  # of the word that it is found by
    words: list[str]
    last_stem: str  # what the word after ``words`` begins with; empty where nothing follows


class _Anchor:
    """The phrases that are found by one word, by the word after it, by the word before it, or by it alone."""

    __slots__ = ("after", "alone", "before")

    def __init__(self) -> None:
        self.after: dict[str, list[_Phrase]] = {}
        self.before: dict[str, list[_Phrase]] = {}
        self.alone: list[_Phrase] = []

    def add(self, phrase: _Phrase) -> None:
        """Register a phrase under the neighbour that tells it from most others."""
        words, offset = phrase.words, phrase.offset
        if offset + 1 < len(words):
            self.after.setdefault(words[offset + 1], []).append(phrase)
        elif offset > 0:
            self.before.setdefault(words[offset - 1], []).append(phrase)
        else:
            self.alone.append(phrase)

    def collect(self, tokens: list[str], at: int, found: set[int]) -> None:
        """Add the phrases that stand around ``tokens[at]``; the last token has an empty one after it."""
        after, before = self.after.get(tokens[at + 1]), self.before.get(tokens[at - 1])
        if after or before or self.alone:  # seldom
            candidates = chain(after or (), before or (), self.alone)
            found.update([phrase.position for phrase in candidates if _stands(phrase, tokens, at)])


class TermIndex:
    """Finds which of its terms occur in a text.

    Parameters
    ----------
    terms : distinct terms: ``word``, ``stem*``, ``a few words`` or ``a few word*``.

    Raises
    ------
    InvalidInputError
        If a term is empty, has a star anywhere but at the end, or a stem of under four letters.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = tuple(terms)
        self._words: dict[str, int] = {}
        self._stems: dict[str, list[tuple[str, int]]] = {}
        self._anchors: dict[str, _Anchor] = {}
        for position, term in enumerate(self.terms):
            self._add(term, position)

    def find(self, text: str) -> list[int]:
        """Give the positions of the terms that occur, each once, in ascending order."""
        tokens = tokens_of(text)
        distinct = set(tokens)
        found = {self._words[word] for word in distinct & self._words.keys()}
        stems = self._stems
        for word in distinct:
            if word[:STEM_LETTERS] in stems:
                found.update([i for stem, i in stems[word[:STEM_LETTERS]] if word.startswith(stem)])
        anchors = distinct & self._anchors.keys()
        if anchors:
            tokens.append("")  # the last word has a neighbour too; the first one's is this as well
            for at, token in enumerate(tokens):
                if token in anchors:
                    self._anchors[token].collect(tokens, at, found)
        return sorted(found)

    def _add(self, term: str, position: int) -> None:
        is_stem = term.endswith("*")
        parts = tokens_of(term)
        if not parts or "*" in term[:-1] or len(parts) > MAX_PHRASE_WORDS:
            raise InvalidInputError(
                f"keyword term {term!r} must be 1 to {MAX_PHRASE_WORDS} words, with a star at the end or nowhere"
            )
        if len(parts) > 1:
            words, last_stem = (parts[:-1], parts[-1]) if is_stem else (parts, "")
            offset = max(range(len(words)), key=lambda i: len(words[i]))
            phrase = _Phrase(position=position, offset=offset, words=words, last_stem=last_stem)
            self._anchors.setdefault(words[offset], _Anchor()).add(phrase)
        elif not is_stem:
            self._words.setdefault(parts[0], position)
        elif len(parts[0]) < STEM_LETTERS:
            raise InvalidInputError(f"keyword stem {term!r} needs at least {STEM_LETTERS} letters before the star")
        else:
            self._stems.setdefault(parts[0][:STEM_LETTERS], []).append((parts[0], position))


def _stands(phrase: _Phrase, tokens: list[str], at: int) -> bool:
    """Tell whether the phrase stands where its longest word is ``tokens[at]``."""
    start = at - phrase.offset
    end = start + len(phrase.words)
    if start < 0 or tokens[start:end] != phrase.words:
        return False
    return not phrase.last_stem or (end < len(tokens) and tokens[end].startswith(phrase.last_stem))
