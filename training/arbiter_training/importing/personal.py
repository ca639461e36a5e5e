"""Personal data and secrets in requests: counted by kind, and replaced where asked.

Patterns with checksums, since the libraries that find more cost more than the rest of arbiter: presidio-analyzer
(2.2.366) brings spaCy and a model that it downloads, some 200 MB; scrubadub's last release is of 2023. Names and postal
addresses are not found by patterns, and the report says so.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from arbiter_training.traffic.read_parquet import pyarrow_modules

SOCIAL = "US social security number"

SUSPICIOUS = (
    r"[^\s@]@[^\s@]|\d[\d ().-]{6,}\d|\b[A-Z]{2}\d{2}|"
    r"sk-[A-Za-z0-9]|AKIA|gh[pousr]_|xox[abp]-|-----BEGIN|eyJ[A-Za-z0-9_-]{8}"
)
"""What every kind holds, in the syntax that Arrow's search and Python share: the few texts that have it are read."""

IBAN_DIGITS = re.compile(r"[A-Z]")


def luhn(digits: str) -> bool:
    """Say whether digits end in their check digit (Luhn, US patent 2,950,048, 1960), and are not all the same."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def iban_holds(text: str) -> bool:
    """Say whether an IBAN's check digits hold: rearranged and with letters as numbers it leaves 1 (ISO 13616)."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    moved = plain[4:] + plain[:4]
    return int(IBAN_DIGITS.sub(lambda letter: str(ord(letter[0]) - 55), moved)) % 97 == 1


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return 13 <= len(digits) <= 19 and digits[0] in "3456" and luhn(digits)


def _is_phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2


def _is_address(text: str) -> bool:
    parts = [int(part) for part in text.split(".")]
    return max(parts) < 256 and parts[0] not in (0, 127) and not text.startswith("255.")


def _always(_: str) -> bool:
    return True


PATTERNS: Mapping[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "secret key": (
        re.compile(
            r"\bsk-[A-Za-z0-9_-]{20,}|\bAKIA[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abp]-[A-Za-z0-9-]{10,}"
            r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"
        ),
        _always,
    ),
    "email address": (re.compile(r"\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"), _always),
    "IBAN": (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), iban_holds),
    "payment card": (re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]\d)"), _is_card),
    SOCIAL: (re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"), _always),
    "IP address": (re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)"), _is_address),
    "phone number": (
        re.compile(
            r"(?<![\w.])(?:\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}"
            r"|\(\d{3}\) ?\d{3}-\d{4}|\d{3}[-.]\d{3}[-.]\d{4})\b"
        ),
        _is_phone,
    ),
}  # fmt: skip
"""Kind to its pattern and the check that tells it from numbers of its shape, in the order of replacing."""

KINDS = tuple(PATTERNS)


def found_in(text: str) -> Counter[str]:
    """Count what is in a text, by kind; what is one kind is not counted as a second one."""
    return redacted(text)[1]


def redacted(text: str) -> tuple[str, Counter[str]]:
    """Give a text with ``<kind>`` in place of what was found, and the counts."""
    counts: Counter[str] = Counter()
    for kind, (pattern, holds) in PATTERNS.items():

        def replaced(match: re.Match[str], kind: str = kind, holds: Callable[[str], bool] = holds) -> str:
            if not holds(match[0]):
                return match[0]
            counts[kind] += 1
            return f"<{kind}>"

        text = pattern.sub(replaced, text)
    return text, counts


def scan_column(column: Any, redact: bool) -> tuple[Any, Counter[str]]:
    """Look through a column of requests.

    Parameters
    ----------
    column : ``pyarrow.Array`` of texts, or of messages as JSON.
    redact : whether to replace what is found.

    Returns
    -------
    column, counts : the column, with what was found replaced where asked, and the counts by kind.
    """
    arrow = pyarrow_modules()
    counts: Counter[str] = Counter()
    hits = arrow.compute.match_substring_regex(column, SUSPICIOUS)
    rows = np.flatnonzero(hits.fill_null(False).to_numpy(zero_copy_only=False))
    if not rows.size:
        return column, counts
    changed: dict[int, str] = {}
    for row in rows.tolist():
        text = column[row].as_py()
        clean, found = _redacted_request(text)
        if found:
            counts.update(found)
            changed[row] = clean
    if redact and changed:
        values = column.to_pylist()
        for row, clean in changed.items():
            values[row] = clean
        column = arrow.array(values, type=column.type)
    return column, counts


def _redacted_request(text: str) -> tuple[str, Counter[str]]:
    """Redact a text; in messages only their texts, so that what is around them stays JSON."""
    if not text.startswith('[{"'):
        return redacted(text)
    counts: Counter[str] = Counter()
    try:
        messages = json.loads(text)
    except (ValueError, RecursionError):
        return redacted(text)
    clean = _walked(messages, counts, 0)
    return json.dumps(clean, ensure_ascii=False), counts


DEEPEST = 50
"""Levels of a message that are walked; its text lies in the second or third."""


def _walked(value: Any, counts: Counter[str], depth: int) -> Any:
    if isinstance(value, str):
        clean, found = redacted(value)
        counts.update(found)
        return clean
    if depth > DEEPEST:
        return value
    if isinstance(value, list):
        return [_walked(item, counts, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _walked(item, counts, depth + 1) for key, item in value.items()}
    return value
