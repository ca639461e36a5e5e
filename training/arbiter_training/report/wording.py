"""How numbers are written, the same on the page, in the figures and in the terminal; plain ASCII."""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from arbiter_training.evaluation.evidence import LogEvidence
from arbiter_training.evaluation.records import Measured

NOT_KNOWN = "not known"
PER_REQUESTS = 1000
"""Costs are shown per this many requests: single requests cost fractions of a cent, which nobody can compare."""

MAX_DECIMALS = 6

FEEDBACK_P_VALUE = 0.001
"""Level from which feedback counts as depending on the model, as in :mod:`arbiter.ope.verdict`."""


def _decimals(values: tuple[float, ...], digits: int) -> int:
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0.0:
        return digits - 1
    return min(max(digits - 1 - math.floor(math.log10(largest)), 0), MAX_DECIMALS)


def dollars(usd_per_request: float, *beside: float) -> str:
    """Write dollars per 1,000 requests: whole dollars from $100 on, cents from $1 on, three digits below.

    Parameters
    ----------
    usd_per_request : the amount, in dollars per request.
    beside : amounts that it is read with, such as the ends of its interval: all get the same decimals.

    Returns
    -------
    text : such as ``$12.40`` or ``-$0.0286``.
    """
    shown = tuple(value * PER_REQUESTS for value in (usd_per_request, *beside))
    decimals = _decimals(shown, 3)
    if max((abs(value) for value in shown), default=0.0) >= 1.0:
        decimals = min(decimals, 2) if decimals == 0 else 2
    text = f"{abs(shown[0]):,.{decimals}f}"
    return ("-$" if shown[0] < 0 and float(text.replace(",", "")) > 0 else "$") + text


def quality(value: float, *_beside: float) -> str:
    """Write a mean quality in [0, 1], or a difference of two, with three decimals."""
    return _unsigned_zero(f"{value:.3f}")


def seconds(value: float, *beside: float) -> str:
    """Write a latency, in seconds with three digits."""
    return f"{value:.{_decimals((value, *beside), 3)}f} s"


def percent(share: float, *beside: float) -> str:
    """Write a share with at most one decimal, and with none from 10 % on, save close to 0 % and 100 %.

    Parameters
    ----------
    share : such as 0.62.
    beside : shares that it is read with: all get the same decimals.
    """
    shown = [abs(value) * 100 for value in (share, *beside)]
    fine = any(value < 10 or 90 < value < 100 for value in shown) and any(value % 1 for value in shown)
    return _unsigned_zero(f"{share * 100:.{int(fine)}f}") + "%"


def count(value: float) -> str:
    """Write a number of requests."""
    return f"{value:,.0f}"


def points(value: float) -> str:
    """Write a score in units of quality, or a share of something, with four decimals."""
    return _unsigned_zero(f"{value:.4f}")


def weight(value: float) -> str:
    """Write an importance weight with three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def factor(value: float) -> str:
    """Write a factor on odds."""
    return f"x {value:g}"


def feedback_sentence(found: LogEvidence) -> str:
    """Say how much was judged, and whether that depends on the model."""
    logged = sum(each.logged for each in found.models)
    text = f"{percent(found.feedback_share)} of {count(logged)} logged answers were judged."
    if found.feedback_share >= 1.0:
        return f"{text} Nothing is missing."
    if found.feedback_p_value < FEEDBACK_P_VALUE:
        return (
            f"{text} How often depends on the model (chi-square test, p = {found.feedback_p_value:.2g}); each model's "
            "answers are weighted up by its own rate. That is right as long as judging does not depend on how good the "
            "answer was, which no log can show."
        )
    return f"{text} How often does not visibly depend on the model (chi-square test, p = {found.feedback_p_value:.2g})."


def score(value: float) -> str:
    """Write a score of unknown unit with four digits."""
    return f"{value:.4g}"


def _unsigned_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not float(text) else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an outcome is shown.

    Attributes
    ----------
    title : column heading.
    write : number to text; takes the number and those it is read with.
    """

    title: str
    write: Callable[..., str]

    def value(self, measured: Measured | None) -> str:
        """Write the estimate, or that it is not known."""
        if measured is None:
            return NOT_KNOWN
        return self.write(measured.value, *_ends(measured))

    def interval(self, measured: Measured | None) -> str:
        """Write the interval; empty where none is known to cover."""
        if measured is None or measured.low is None or measured.high is None:
            return ""
        beside = (measured.value, measured.low, measured.high)
        return f"{self.write(measured.low, *beside)} to {self.write(measured.high, *beside)}"


def _ends(measured: Measured) -> tuple[float, ...]:
    return tuple(end for end in (measured.low, measured.high) if end is not None)


OUTCOMES = {
    "quality": Outcome(title="Quality", write=quality),
    "cost_usd": Outcome(title="Cost per 1,000", write=dollars),
    "latency_s": Outcome(title="Latency", write=seconds),
}


def outcome(name: str) -> Outcome:
    """Give how an outcome is shown; one that is not known here is shown under its own name."""
    return OUTCOMES.get(name) or Outcome(title=name, write=lambda value, *_beside: score(value))


def printable(text: str) -> str:
    """Replace what could steer a terminal, a page or a font: control, surrogate and direction characters.

    Line ends and tabs stay.
    """
    return "".join(" " if _steers(character) else character for character in text)


def _steers(character: str) -> bool:
    if character in "\n\t":
        return False
    return unicodedata.category(character) in ("Cc", "Cs") or unicodedata.bidirectional(character) in _DIRECTIONS


_DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def without_prefixes(names: Iterable[str]) -> dict[str, str]:
    """Give each name without its vendor or folder, where what is left is still one of a kind.

    Parameters
    ----------
    names : such as ``openai/gpt-5`` and ``models/mine``.

    Returns
    -------
    labels : name to ``gpt-5`` or ``mine``; to the name itself where two would look alike.
    """
    whole = list(dict.fromkeys(names))
    last = {name: name.rstrip("/").rsplit("/", 1)[-1] for name in whole}
    often = Counter(last.values())
    return {name: last[name] if last[name] and often[last[name]] == 1 else name for name in whole}


def shortened(name: str, width: int) -> str:
    """Cut a name in the middle, where model names differ least, and keep it on one line.

    Parameters
    ----------
    name : any text.
    width : most characters to give, at least 5.
    """
    plain = " ".join(printable(name).split())
    if len(plain) <= width:
        return plain
    head = (width - 2) // 2
    return f"{plain[:head]}..{plain[len(plain) - (width - 2 - head) :]}"
