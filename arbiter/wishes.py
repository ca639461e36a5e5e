"""What requests wanted, apart from money: what a price of money is solved for on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.constraints import WAITS_FOR_MONEY
from arbiter.records import Decision

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a request wanted, by candidate, apart from money.

    A candidate that only waits until a paced budget holds more was wanted, too. Without it money would look as if it
    could buy nothing, be worth little, and go to the next request at which the budget can pay, whatever that gains.

    Attributes
    ----------
    names : the K candidates.
    wanted : (K,) quality points without the price of money; minus infinity where a candidate might not answer, whatever
        the budget held.
    input_tokens : of the request.
    output_tokens : (K,) expected.
    """

    names: tuple[str, ...]
    wanted: FloatArray
    input_tokens: int
    output_tokens: FloatArray

    @classmethod
    def of(cls, decision: Decision) -> "Wish | None":
        """Read it from a decision; None where it says nothing."""
        rows, worth = decision.estimates, decision.quality_per_usd or 0.0
        wanted = np.array(
            [
                decision.utilities.get(name, -math.inf) + worth * row.cost_usd
                if name in decision.action_probs or _waits(decision, name)
                else -math.inf
                for name, row in rows.items()
            ]
        )
        tokens = np.array([row.output_tokens for row in rows.values()])
        if not np.isfinite(wanted).any() or np.isnan(wanted).any() or not np.isfinite(tokens).all():
            return None
        return cls(names=tuple(rows), wanted=wanted, input_tokens=decision.input_tokens, output_tokens=tokens)

    def among(self, names: tuple[str, ...]) -> "Wish | None":
        """Give it over another list of candidates, of which it may know nothing; None where it knows none."""
        if names == self.names:
            return self
        places = {name: i for i, name in enumerate(self.names)}
        order = [places.get(name) for name in names]
        wanted = np.array([-math.inf if i is None else self.wanted[i] for i in order])
        if not np.isfinite(wanted).any():
            return None
        tokens = np.array([0.0 if i is None else self.output_tokens[i] for i in order])
        return Wish(names=names, wanted=wanted, input_tokens=self.input_tokens, output_tokens=tokens)


def _waits(decision: Decision, name: str) -> bool:
    waits = decision.excluded.get(name, "").startswith(WAITS_FOR_MONEY)
    return waits and math.isfinite(decision.estimates[name].cost_usd)
