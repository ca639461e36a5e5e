"""What can be counted in a request without understanding it: lengths, signs, and the marks of code and formulas."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.intake import CHARACTERS_PER_TOKEN
from arbiter.reading import reading_text
from arbiter.records import Query
from arbiter.words import words

STATISTICS = (
    "log_characters",
    "log_words",
    "mean_word_length",
    "distinct_word_share",
    "log_lines",
    "mean_line_length_log",
    "digit_share",
    "uppercase_share",
    "punctuation_share",
    "bracket_share",
    "operator_share",
    "non_ascii_share",
    "log_numbers",
    "log_question_marks",
    "log_sentences",
    "log_quotes",
    "code_fence",
    "log_code_signs",
    "log_indented_lines",
    "log_latex",
    "log_math_signs",
    "options",
    "log_list_markers",
    "link",
    "asks",
    "log_context_characters",
    "log_prior_turns",
    "log_system_characters",
    "log_images",
    "log_input_tokens",
)
"""Names of the statistics, in order. ``log_x`` is ``log(1 + x)``; ``share`` is of the characters (or words) read."""

_UPPER, _DIGIT, _PUNCTUATION, _BRACKET, _OPERATOR, _SPACE, _OTHER, _OUTSIDE = range(8)
_NUMBERS = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_ASCII_SENTENCE_ENDS = re.compile(r"[.!?]\s")
_SENTENCE_ENDS = re.compile(rf"{_ASCII_SENTENCE_ENDS.pattern}|[。！？]")
# Counted by str.count: an alternation of the same signs takes ten times as long.
_CODE_SIGNS = (
    "def ", "class ", "import ", "return ", "function ", "const ", "SELECT ", "#include",
    "=>", "->", "::", "==", "!=", "()", "{", ";\n", "</",
)  # fmt: skip
_ASCII_MATH_SIGNS = ("^", "sqrt", "log(", "sin(", "cos(", " mod ")
_MATH_SIGNS = (*_ASCII_MATH_SIGNS, *"∑∫√≤≥≠≈π∞∂∈∀∃×÷±→θλμσαβ")
_OPTION = re.compile(r"[B-J][).:]\s")
_LIST_MARKERS = re.compile(r"\n\s*(?:[-*•]|[0-9]{1,2}[.)])\s")
_ASKS = re.compile(r"\s*(?:what|why|how|when|where|who|which|is|are|can|could|does|do|should|will|would)\b", re.I)


def _character_classes() -> NDArray[np.uint8]:
    """Give the class of each byte of UTF-8; bytes above 127 belong to characters outside ASCII."""
    classes = np.full(256, _OTHER, dtype=np.uint8)
    classes[128:] = _OUTSIDE
    members = {
        _UPPER: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _DIGIT: b"0123456789",
        _PUNCTUATION: b"!\"#$%&',.:;?@\\_`~",
        _BRACKET: b"()[]{}",
        _OPERATOR: b"*+-/<=>^|",
        _SPACE: b" \t\r\n",
    }
    for kind, signs in members.items():
        classes[np.frombuffer(signs, dtype=np.uint8)] = kind
    return classes


_CLASSES = _character_classes()


def statistics(query: Query, parts: Sequence[str] | None = None) -> NDArray[np.float32]:
    """Count the statistics of one request, in the order of ``STATISTICS``.

    They are those of the text that stands for the request (see :mod:`arbiter.reading`), so that a follow-up has the
    size of what it asks for. Lengths are those of the whole; everything else is counted in the text as it is cut for
    encoding, so that the time is bounded. System prompts do not count: they are the same for every request of an
    application, and ``log_system_characters`` stays 0, as where there is none.

    Parameters
    ----------
    query : the request.
    parts : the words of its text as it is cut, where they are known already; None splits it.

    Returns
    -------
    values : (s,) float32, not standardised.
    """
    whole = reading_text(query)
    text = cut(whole)
    shape = _shape(whole, text, words(text) if parts is None else parts)
    values = [*shape, *_classes(text), *_signs(text), *_surroundings(query)]
    return np.array(values, dtype=np.float32)


def _shape(whole: str, text: str, parts: Sequence[str]) -> tuple[float, ...]:
    n_words = len(parts)
    n_lines = text.count("\n") + 1
    stretch = len(whole) / len(text) if text else 1.0
    return (
        math.log1p(len(whole)),
        math.log1p(n_words * stretch),
        sum(map(len, parts)) / n_words if n_words else 0.0,
        len(set(parts)) / n_words if n_words else 0.0,
        math.log1p((n_lines - 1) * stretch),
        math.log1p(len(text) / n_lines),
    )


def _classes(text: str) -> tuple[float, ...]:
    if not text:
        return (0.0,) * 6
    raw = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    counts = np.bincount(_CLASSES[raw], minlength=8).tolist()
    outside = len(text) - sum(counts[:_OUTSIDE])
    kinds = (counts[_DIGIT], counts[_UPPER], counts[_PUNCTUATION], counts[_BRACKET], counts[_OPERATOR], outside)
    return tuple(count / len(text) for count in kinds)


def _signs(text: str) -> tuple[float, ...]:
    latex = text.count("\\") + text.count("$") // 2
    indented = text.count("\n    ") + text.count("\n\t")
    plain = text.isascii()
    math_signs, ends = (_ASCII_MATH_SIGNS, _ASCII_SENTENCE_ENDS) if plain else (_MATH_SIGNS, _SENTENCE_ENDS)
    return (
        math.log1p(len(_NUMBERS.findall(text))),
        math.log1p(text.count("?") + text.count("？")),
        math.log1p(len(ends.findall(text))),
        math.log1p(text.count('"')),
        float("```" in text),
        math.log1p(sum(map(text.count, _CODE_SIGNS))),
        math.log1p(indented),
        math.log1p(latex),
        math.log1p(sum(map(text.count, math_signs))),
        float(_has_options(text)),
        math.log1p(len(_LIST_MARKERS.findall(text))),
        float("http" in text),
        float(_ASKS.match(text) is not None),
    )


def _has_options(text: str) -> bool:
    r"""Tell whether two or more options such as ``(B)`` stand at the start, after a blank or after a bracket.

    As ``len(re.findall(r"(?:^|[\s(])[B-J][).:]\s", text)) >= 2`` does, six times as fast. Matches do not overlap: the
    blank that ends one option does not stand before the next.
    """
    end, found = 0, 0
    for option in _OPTION.finditer(text):
        at = option.start()
        if at == 0 or (at > end and (text[at - 1] == "(" or text[at - 1].isspace())):
            found, end = found + 1, option.end()
            if found == 2:
                return True
    return False


def _surroundings(query: Query) -> tuple[float, ...]:
    return (
        math.log1p(len(query.context)),
        math.log1p(_prior_turns(query)),
        0.0,
        math.log1p(query.n_images),
        math.log1p(max(query.input_tokens - len(query.system) / CHARACTERS_PER_TOKEN, 0.0)),
    )


def _prior_turns(query: Query) -> int:
    spoken = sum(message.get("role") in ("user", "assistant") for message in query.messages)
    return max(spoken - 1, int(bool(query.context)))
