"""Round robin: candidates take turns, by weight, with the probability of each turn known."""

import random
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from arbiter.errors import InvalidInputError
from arbiter.records import Decision
from arbiter.strategies import STRATEGIES
from arbiter.vocabulary import ExecutionPlan

MOST_GROUPS = 1_000
"""Groups of candidates whose turns are remembered; the one idle longest begins a new round."""


class Rotation:
    """Lets the eligible candidates of round-robin decisions take turns; safe to share between threads.

    Turns are dealt in rounds: in each, every candidate has as many as its weight, in random order. So the shares are
    exact after every round, and a candidate's probability is its share of the weights, whatever the request: permuted
    blocks, as clinical trials assign treatments. The choices of one round hang together; what an evaluation makes of
    their propensities holds of each, while its interval is a little too wide.

    Parameters
    ----------
    weights : candidate to turns in a round, whole numbers from 1 up; one that is not named has one.
    seed : of the order; None takes fresh entropy.
    """

    def __init__(self, weights: Mapping[str, int] | None = None, seed: int | None = None) -> None:
        self._weights = dict(weights or {})
        for name, weight in self._weights.items():
            if not isinstance(weight, int) or isinstance(weight, bool) or weight < 1:
                raise InvalidInputError(f"the turns of {name} must be a whole number from 1 up, got {weight!r}")
        self._random = random.Random(seed)
        self._rounds: OrderedDict[frozenset[str], list[str]] = OrderedDict()
        self._lock = threading.Lock()

    def turned(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Give the decisions, those of a round-robin strategy with whose turn it is, and with that probability."""
        return [self._turned(decision) if _takes_turns(decision) else decision for decision in decisions]

    def give_back(self, decisions: Sequence[Decision]) -> None:
        """Let the turns of decisions that come to nothing be the next ones."""
        for decision in filter(_takes_turns, decisions):
            with self._lock:
                self._rounds.setdefault(frozenset(decision.action_probs), []).append(decision.model)

    def _turned(self, decision: Decision) -> Decision:
        names = list(decision.action_probs)
        turns = {name: self._weights.get(name, 1) for name in names}
        taken, total = self._next(turns), sum(turns.values())
        others = [name for name in (decision.model, *decision.fallbacks) if name != taken]
        return replace(
            decision,
            model=taken,
            propensity=turns[taken] / total,
            action_probs={name: turns[name] / total for name in names},
            fallbacks=tuple(others[: len(decision.fallbacks)]),
            bandit_share=None,
            assignment=None,  # the turn decided, not the arm
        )

    def _next(self, turns: Mapping[str, int]) -> str:
        group = frozenset(turns)
        with self._lock:
            left = self._rounds.setdefault(group, [])
            self._rounds.move_to_end(group)
            if not left:
                left += [name for name in sorted(turns) for _ in range(turns[name])]
                self._random.shuffle(left)
            while len(self._rounds) > MOST_GROUPS:
                self._rounds.popitem(last=False)
            return left.pop()


def _takes_turns(decision: Decision) -> bool:
    return STRATEGIES[decision.strategy].plan is ExecutionPlan.ROUND_ROBIN and len(decision.action_probs) > 1
