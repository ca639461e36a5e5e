"""What requests wanted, apart from money: what a price of money is solved for on."""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.constraints import TOKENS_PER_MTOK, WAITS_FOR_MONEY
from arbiter.price_of_money import price_of_money
from arbiter.records import Decision

FloatArray = NDArray[np.float64]

WINDOW = 200
"""Latest requests on which the price of money is solved for."""

LEAST_OWN = 40
"""Requests of an owner below which everybody's are taken; as many are kept of each where there are many owners."""

MOST_OWN = 4_000
"""Requests that are kept of all owners together: the fewer of each, the more there are."""

MOST_OWNERS = MOST_OWN // LEAST_OWN
"""Owners whose own requests are kept; those of the one that was idle longest are forgotten first."""


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


class Wishes:
    """What the latest requests wanted: everybody's, and each owner's own.

    A budget has to last for its owner's requests, and these may want other things than most do.

    Parameters
    ----------
    before : what these go on from; it stays as it is. None starts anew.
    """

    def __init__(self, before: "Wishes | None" = None) -> None:
        self._common: deque[Wish] = deque(() if before is None else before._common, maxlen=WINDOW)
        own = {} if before is None else before._own
        self._own: OrderedDict[str, deque[Wish]] = OrderedDict((owner, deque(rows)) for owner, rows in own.items())

    def add(self, owner: str, wish: Wish) -> None:
        """Take in what an owner's request wanted."""
        self._common.append(wish)
        own = self._own.setdefault(owner, deque())
        self._own.move_to_end(owner)
        if len(self._own) > MOST_OWNERS:
            self._own.popitem(last=False)
        own.append(wish)
        while len(own) > min(WINDOW, MOST_OWN // len(self._own)):
            own.popleft()

    def of(self, owner: str) -> list[Wish]:
        """Give the latest of an owner; everybody's where these are few."""
        own = self._own.get(owner, ())
        return list(self._common if len(own) < LEAST_OWN else own)

    def price(self, owner: str, catalog: Catalog, target_usd: float) -> float:
        """Give what a dollar must be worth, so that an owner's latest requests cost a target on average.

        Parameters
        ----------
        owner : whose requests.
        catalog : K candidates at their prices of this moment.
        target_usd : mean cost of a request.

        Returns
        -------
        quality_per_usd : NaN where no request is known.
        """
        rows = [row for wish in self.of(owner) if (row := wish.among(catalog.names)) is not None]
        if not rows:
            return math.nan
        wanted, prices = np.stack([row.wanted for row in rows]), catalog.arrays  # (n, K)
        tokens_in = np.array([row.input_tokens for row in rows], dtype=np.float64)
        tokens_out = np.stack([row.output_tokens for row in rows])
        cost = (np.outer(tokens_in, prices.usd_per_mtok_in) + tokens_out * prices.usd_per_mtok_out) / TOKENS_PER_MTOK
        return price_of_money(wanted, cost, target_usd)

    def to_lists(self) -> dict[str, Any]:
        """Give everything as plain lists; :meth:`read` gives it back to the last bit."""
        rows: dict[int, Wish] = {id(wish): wish for wish in chain(self._common, *self._own.values())}
        places = {known: i for i, known in enumerate(rows)}
        return {
            "rows": [[w.names, w.wanted.tolist(), w.input_tokens, w.output_tokens.tolist()] for w in rows.values()],
            "common": [places[id(wish)] for wish in self._common],
            "own": [[owner, [places[id(wish)] for wish in own]] for owner, own in self._own.items()],
        }

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Wishes":
        """Rebuild them; errors of the kinds KeyError, TypeError, ValueError and IndexError where that cannot be."""
        rows = [
            Wish(names=tuple(names), wanted=np.array(wanted), input_tokens=tokens, output_tokens=np.array(length))
            for names, wanted, tokens, length in values["rows"]
        ]
        found = cls()
        found._common.extend(rows[i] for i in values["common"])
        found._own.update((owner, deque(rows[i] for i in own)) for owner, own in values["own"])
        return found
