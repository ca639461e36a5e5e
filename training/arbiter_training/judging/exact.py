"""An answer against a reference that is short enough to be compared: a number, a name, a letter."""

import re
import unicodedata
from itertools import chain

LONGEST_REFERENCE = 80
"""Characters; a longer reference is prose, which no two answers share."""

EXACT_DIGITS = 15
"""Signs of a number that a float tells from all others; longer ones are identifiers, and compared as text."""

_WORD = re.compile(r"[^\w.+-]+")
_VALUE = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_NUMBER = re.compile(r"(?<=\d),(?=\d{3}\b)")


def matches_reference(answer: str, reference: str) -> bool | None:
    """Say whether an answer is or ends in a reference.

    An answer that reasons first names many numbers and options on its way, so the reference counts where it is the
    whole answer or its last line's last words; that an answer merely holds it proves nothing.

    Parameters
    ----------
    answer, reference : texts; case, punctuation around words, blanks and thousands' commas do not count. Numbers are
        compared by their value: ``12.50`` is ``12.5``, and ``-7`` is not ``7``.

    Returns
    -------
    matches : None where the reference is empty or too long to be compared.
    """
    wanted = _words(reference)
    if not wanted or len(reference) > LONGEST_REFERENCE:
        return None
    lines = [words for line in answer.splitlines() if (words := _words(line))]
    return bool(lines) and (lines[-1][-len(wanted) :] == wanted or list(chain(*lines)) == wanted)


def _words(text: str) -> list[str]:
    plain = _NUMBER.sub("", unicodedata.normalize("NFKC", text).casefold())
    return [word for part in _WORD.split(plain) if (word := _word(part))]


def _word(part: str) -> str:
    number = part.rstrip(".-+_")
    if len(number) <= EXACT_DIGITS and _VALUE.fullmatch(number):
        return repr(float(number) + 0.0)  # -0.0 is 0.0
    return part.strip(".-+_") or part.strip("._")
