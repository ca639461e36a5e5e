"""What would have changed a choice: the smallest change of the worth of money, a price, a quality or a limit."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from arbiter.records import Decision

LIMITS = (
    ("max_cost_usd", re.compile(r"expected cost \$(?P<needs>\S+) above the limit \$(?P<limit>\S+)")),
    ("max_latency_s", re.compile(r"latency.* (?P<needs>\S+) s above the limit (?P<limit>\S+) s")),
    ("min_quality", re.compile(r"expected quality (?P<needs>\S+) below the floor (?P<limit>\S+)")),
    ("budget_left_usd", re.compile(r"expected cost \$(?P<needs>\S+) above the \$(?P<limit>\S+) left of the budget")),
)
"""Limit to the words in which :mod:`arbiter.constraints` says that a candidate fails it, and by how much."""

MOST_TIMES = 1000.0
"""A change by more than this factor tells a person nothing, and drowns in rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that, changed alone, would have made another candidate the best.

    Attributes
    ----------
    what : ``quality_per_usd``, ``price``, ``quality``, the name of a limit, or ``exclusion``.
    winner : the candidate that would have been the best then.
    of : the candidate whose price or quality changes; None for what is the request's or the router's own.
    now, then : the value as it was, and at which the two are level; None where there is no number.
    size : of the change, relative to the value as it was, absolute where that is 0; infinite where there is no number.
    text : the same in words.
    """

    what: str
    winner: str
    of: str | None = None
    now: float | None = None
    then: float | None = None
    size: float = math.inf
    text: str = ""


def changes(decision: Decision) -> tuple[Change, ...]:
    """Give the smallest change of each kind that would have made another candidate the best.

    Everything is measured against the eligible candidate of the greatest utility, which is the choice unless the
    decision explored.

    Parameters
    ----------
    decision : any; what it does not tell (weights, in one that an older version recorded) is left out.
    """
    leader = best(decision)
    if leader is None:
        return ()
    kinds = (_worth(decision, leader), _price(decision, leader), _quality(decision, leader), _limit(decision, leader))
    smallest = (min(found, key=lambda change: change.size, default=None) for found in kinds)
    return (*(change for change in smallest if change is not None), *_exclusion(decision, leader))


def best(decision: Decision) -> str | None:
    """Give the eligible candidate of the greatest utility, the cheaper on a tie; None where no utility is a number."""
    known = [name for name in decision.action_probs if _known(decision, name)]
    return max(known, key=lambda n: (decision.utilities[n], -decision.estimates[n].cost_usd), default=None)


def _known(decision: Decision, name: str) -> bool:
    estimate = decision.estimates.get(name)
    numbers = () if estimate is None else (estimate.cost_usd, estimate.quality, decision.utilities.get(name, math.nan))
    return bool(numbers) and all(math.isfinite(number) for number in numbers)


def _rivals(decision: Decision, leader: str) -> Iterator[tuple[str, float]]:
    """Give the other eligible candidates with what they lack in utility."""
    for name in decision.action_probs:
        if name != leader and _known(decision, name):
            yield name, decision.utilities[leader] - decision.utilities[name]


def _worth(decision: Decision, leader: str) -> Iterator[Change]:
    now = decision.quality_per_usd
    if now is None:
        return
    for name, gap in _rivals(decision, leader):
        dearer = decision.estimates[leader].cost_usd - decision.estimates[name].cost_usd
        then = now + gap / dearer if dearer else math.inf
        if 0.0 <= then * decision.estimates[leader].cost_usd <= MOST_TIMES:  # in quality points
            size = abs(then - now) / (now or 1.0)
            text = f"a dollar worth {then:.4g} quality points instead of {now:.4g}: {name}"
            yield Change(what="quality_per_usd", winner=name, now=now, then=then, size=size, text=text)


def _price(decision: Decision, leader: str) -> Iterator[Change]:
    worth = decision.quality_per_usd
    if not worth:
        return
    for name, gap in _rivals(decision, leader):
        for of, sign in ((leader, 1.0), (name, -1.0)):
            now = decision.estimates[of].cost_usd
            then = now + sign * gap / worth
            if now > 0.0 and 0.0 <= then <= MOST_TIMES * now:
                text = f"{of} at {then / now:.3g} times its price: {name}"
                yield Change(
                    what="price", winner=name, of=of, now=now, then=then, size=abs(then - now) / now, text=text
                )


def _quality(decision: Decision, leader: str) -> Iterator[Change]:
    for name, gap in _rivals(decision, leader):
        for of, sign in ((name, 1.0), (leader, -1.0)):
            now = decision.estimates[of].quality
            then = now + sign * gap
            if now > 0.0 and 0.0 <= then <= 1.0:
                text = f"{of} of quality {then:.3f} instead of {now:.3f}: {name}"
                yield Change(what="quality", winner=name, of=of, now=now, then=then, size=gap / now, text=text)


def _limit(decision: Decision, leader: str) -> Iterator[Change]:
    for name, reason in _better_excluded(decision, leader):
        for limit, words in LIMITS:
            found = words.search(reason)
            if found is not None:
                now, then = float(found.group("limit")), float(found.group("needs"))
                size = abs(then - now) / (now or 1.0)
                text = f"{limit} of {then:.3g} instead of {now:.3g}: {name}"
                yield Change(what=limit, winner=name, now=now, then=then, size=size, text=text)


def _exclusion(decision: Decision, leader: str) -> Iterator[Change]:
    for name, reason in _better_excluded(decision, leader):
        if not any(words.search(reason) for _, words in LIMITS):
            yield Change(what="exclusion", winner=name, text=f"without '{reason}': {name}")


def _better_excluded(decision: Decision, leader: str) -> Iterator[tuple[str, str]]:
    for name, reason in decision.excluded.items():
        if name != leader and _known(decision, name) and decision.utilities[name] > decision.utilities[leader]:
            yield name, reason
