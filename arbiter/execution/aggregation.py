"""How several answers become one: which of them say the same, and what a vote says."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_MARKED = re.compile(r"(?:^|\n)\s*(?:####|(?:the )?(?:final )?answer(?: is)?\s*:?)\s*(.+?)\s*(?:\n|$)", re.I)
_FENCE = re.compile(r"^\s*```\w*\n(.*?)\n?```\s*$", re.S)
_NUMBER = re.compile(r"^[^\w.+-]*([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?)\s*[%.]?\s*$")


def normalised(text: str) -> str:
    r"""Give what two answers that say the same have in common.

    Of JSON its value; of a text that marks its answer (``\boxed{4}``, ``#### 4``, a line ``Answer: 4``) the last one
    marked; of a number its value, with or without thousands separators and a currency sign; else the text without
    case, punctuation at its ends, and doubled blanks. Longer texts that say the same in other words differ: for these
    a judge is needed.
    """
    fenced = _FENCE.match(text)
    text = (fenced[1] if fenced else text).strip()
    if text[:1] in "{[" and (value := _json(text)) is not None:
        return value
    marked = _BOXED.findall(text) or _MARKED.findall(text)
    text = re.sub(r"\s+", " ", marked[-1] if marked else text).strip().strip("*_`\"'").strip()
    number = _NUMBER.match(text)
    if number and number[1] not in ("", "+", "-"):
        return f"{float(number[1].replace(',', '')):.12g}"
    return text.casefold().strip(" .!?;:,*_`\"'()[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What a vote says.

    Attributes
    ----------
    winner : place of the answer that is given: of those that won, the one of the greatest weight.
    agreement : share of the weight of all answers behind it, in [0, 1].
    """

    winner: int
    agreement: float


def vote(answers: Sequence[str], weights: Sequence[float]) -> Vote:
    """Count votes: answers that say the same stand together, and the group of the greatest weight wins.

    Parameters
    ----------
    answers : normalised, one at least.
    weights : of each, 0 or more; where all are 0, each counts the same.
    """
    counted = list(weights) if sum(weights) > 0 else [1.0] * len(answers)
    groups: dict[str, float] = {}
    for answer, weight in zip(answers, counted, strict=True):
        groups[answer] = groups.get(answer, 0.0) + weight
    best = max(groups, key=lambda answer: groups[answer])  # of equals the one that was given first
    members = [i for i, answer in enumerate(answers) if answer == best]
    return Vote(winner=max(members, key=lambda i: counted[i]), agreement=groups[best] / sum(counted))


def concatenated(parts: Sequence[tuple[str, str]]) -> str:
    """Join answers, each under the name of who gave it."""
    return "\n\n".join(f"{name}:\n{text.strip()}" for name, text in parts)


def _json(text: str) -> str | None:
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return None
