"""A rule that the user has already, such as an if-statement on the prompt's length, as a policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.policies.protocol import BoolArray, FloatArray
from arbiter.records import Query

Choice = str | Mapping[str, float] | None
"""What a rule says of a request: a model, the probabilities of several, or None for nothing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A function that names the model of a request; where it says nothing, the router's own policy decides.

    A function that always names one model makes a log that can tell of that choice alone: every propensity is 1. With
    ``explore`` the log tells of all models, and a router can be learned from it and judged on it.

    Parameters
    ----------
    function : from a request to a model's name, or to names and probabilities that sum to 1, or to None. It must say
        the same of the same request.
    explore : share in [0, 1] of the requests on which it speaks that goes to all who may answer alike.

    Raises
    ------
    InvalidInputError
        If ``function`` cannot be called, or ``explore`` is no share.
    """

    function: Callable[[Query], Choice]
    explore: float = 0.0

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InvalidInputError(f"a rule is a function from a request to a model's name, got {self.function!r:.80}")
        if not 0.0 <= self.explore <= 1.0:
            raise InvalidInputError(f"explore must be a share from 0 to 1, got {self.explore}; 0.05 is usual")

    @property
    def version(self) -> str:
        """Name of the function and share of exploration, for decisions."""
        return f"rule-{_name(self.function)}-{self.explore:g}"

    def shares(self, queries: Sequence[Query], names: Sequence[str]) -> FloatArray:
        """Give what the function says of n requests.

        Returns
        -------
        shares : (n, K), without exploration; a row of zeros where it says nothing.

        Raises
        ------
        InvalidInputError
            If it names a model that is not among ``names``, or gives what is no distribution. What the function raises
            itself passes through.
        """
        places = {name: k for k, name in enumerate(names)}
        found = np.zeros((len(queries), len(places)))
        for row, query in zip(found, queries, strict=True):
            said = self.function(query)
            if said is None:
                continue
            for model, share in self._read(said).items():
                if model not in places:
                    known = ", ".join(names)
                    raise InvalidInputError(f"{self._quoted} names {model!r:.80}, which is none of {known}")
                row[places[model]] = share
        return found

    def applied(
        self, queries: Sequence[Query], names: Sequence[str], eligible: BoolArray, policy: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """Put the rule in the place of a policy, where it speaks of somebody who may answer.

        Parameters
        ----------
        queries : n requests.
        names : K candidates.
        eligible : (n, K), at least one True per row; shares of the others go to those that have some, in proportion.
        policy : (n, K) probabilities that hold where the rule says nothing, or names only who may not answer.

        Returns
        -------
        probabilities : (n, K), each row sums to 1.
        spoke : (n,) where they are the rule's.
        """
        allowed = np.where(eligible, self.shares(queries, names), 0.0)
        total = allowed.sum(axis=1, keepdims=True)
        spoken = allowed / np.where(total > 0.0, total, 1.0)
        explored = (1.0 - self.explore) * spoken + self.explore * eligible / eligible.sum(axis=1, keepdims=True)
        return np.where(total > 0.0, explored, policy), total[:, 0] > 0.0

    def _read(self, said: str | Mapping[str, float]) -> Mapping[str, float]:
        if isinstance(said, str):
            return {said: 1.0}
        if isinstance(said, Mapping) and all(isinstance(p, int | float) and p >= 0.0 for p in said.values()):
            total = float(sum(said.values()))
            if abs(total - 1.0) < 1e-6:
                return {model: share / total for model, share in said.items()}
        raise InvalidInputError(
            f"{self._quoted} gave {said!r:.120}; give a model's name, names with probabilities that sum to 1, or None"
        )

    @property
    def _quoted(self) -> str:
        return f"the rule {_name(self.function)!r}"


def _name(function: Callable[[Query], Choice]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
