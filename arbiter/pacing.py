"""Budget pacing: what a dollar must be worth just now, so that spending follows a budget and none of it lies idle."""

import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.errors import InvalidInputError
from arbiter.records import Decision, Query

FloatArray = NDArray[np.float64]

DAY_S = 86_400.0
TOKENS_PER_MTOK = 1e6

WINDOW = 200
"""Latest requests on which the price of money is solved for."""

SOLVED_EVERY = 10
"""Requests after which it is solved anew; a changed price of a model does so at once."""

PAID_BACK_OVER = 50.0
"""Requests over which what was spent too much or too little is made up."""

MEMORY = 200.0
"""Requests after which the weight of one in the running means has fallen to 1 / e."""

RESERVE = 10.0
"""Requests' income that a budget holds back, so that one dear answer does not leave only the cheapest model to the
next ones; what a request may cost at most is what the budget holds."""

RESERVED_OVER = 0.03
"""Part of a request's income that goes into the reserve until it is full."""

TARGET_RANGE = (0.1, 4.0)
"""Least and greatest spending aimed at, against what a request brings into the budget."""

MOST_RESERVED = 100_000
"""Decisions whose cost may still be settled; the oldest are taken to have cost what was expected."""

DEAREST_USD = 1e9
"""A dollar worth this many quality points buys nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingOptions:
    """A budget that is spent evenly.

    Attributes
    ----------
    usd_per_request : what each request brings into the budget.
    usd_per_day : what each day brings into it, evenly by the clock. One of the two is given.
    tenants : tenant to its own amount, of the same kind; others share nothing and have the common amount each.
    tenant : tells whose budget a request is paid from; None takes ``query.user``.
    start_usd : what is in a budget at the first request.
    most_carried_usd : what a budget holds at most; None carries everything over.
    """

    usd_per_request: float | None = None
    usd_per_day: float | None = None
    tenants: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    tenant: Callable[[Query], str | None] | None = None
    start_usd: float = 0.0
    most_carried_usd: float | None = None

    def __post_init__(self) -> None:
        given = [amount for amount in (self.usd_per_request, self.usd_per_day) if amount is not None]
        if len(given) != 1:
            raise InvalidInputError("a pacing budget is either usd_per_request or usd_per_day; give one of them")
        amounts = {"the budget": given[0], **{f"the budget of {name}": usd for name, usd in self.tenants.items()}}
        for name, usd in amounts.items():
            if not 0.0 < usd < math.inf:
                raise InvalidInputError(f"{name} must be a number of dollars above 0, got {usd}")
        for name in ("start_usd", "most_carried_usd"):
            held = getattr(self, name)
            if held is not None and not 0.0 <= held < math.inf:
                raise InvalidInputError(f"{name} must be a number of dollars from 0 up, got {held}")

    def owner(self, query: Query) -> str:
        """Give whose budget a request is paid from; empty for the one of everybody unnamed."""
        return (query.user if self.tenant is None else self.tenant(query)) or ""

    def brought(self, owner: str, elapsed_s: float) -> float:
        """Give the dollars that a request brings which comes ``elapsed_s`` after the one before it."""
        if self.usd_per_request is not None:
            return self.tenants.get(owner, self.usd_per_request)
        assert self.usd_per_day is not None
        return self.tenants.get(owner, self.usd_per_day) * elapsed_s / DAY_S


@dataclass(slots=True)
class _Purse:
    """One tenant's budget.

    Attributes
    ----------
    left_usd : brought less spent.
    seen_at : time of the latest request.
    income_usd, spent_usd, expected_usd : running means per request of what came in, was spent, and was expected to be.
    price : what a dollar is worth, in quality points; NaN before it is solved.
    requests : seen so far.
    due : requests until the price is solved anew.
    """

    left_usd: float
    seen_at: float
    income_usd: float = 0.0
    spent_usd: float = 0.0
    expected_usd: float = 0.0
    requests: float = 0.0
    price: float = math.nan
    due: int = 0


class BudgetPacer:
    """Solves for the price of money at which recent requests, routed by it, would have cost what the budget allows.

    Recent requests are kept as qualities and tokens, not as costs, so that a model's new price acts at once. What was
    spent beside the plan (an answer longer than expected, exploration) is made up over the next fifty requests, and
    corrected for by the running ratio of spent to expected. It is the dual variable of a knapsack with one constraint
    (Badanidiyuru, Kleinberg and Slivkins, 2013; Balseiro, Lu and Mirrokni, 2020); theory and code part in that it is
    solved for on a window, not moved by gradient steps, which takes some hundred requests after a price change.

    Safe to share between threads. State lives in the process: :meth:`decided` and :meth:`settled`, called on a ledger's
    events in their order, rebuild it.

    Parameters
    ----------
    options : the budget.
    """

    def __init__(self, options: PacingOptions) -> None:
        self.options = options
        self._purses: dict[str, _Purse] = {}
        self._recent: deque[tuple[FloatArray, int, FloatArray]] = deque(maxlen=WINDOW)
        self._catalog: Catalog | None = None
        self._reserved: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def asked(self, query: Query, catalog: Catalog, now: float) -> tuple[float, float]:
        """Take a request's income in, and say how it is to be decided.

        Parameters
        ----------
        query : the request.
        catalog : K candidates at their prices of this moment.
        now : seconds since 1970.

        Returns
        -------
        quality_per_usd : what a dollar must be worth, in quality points; NaN before anything is known.
        left_usd : what may be spent on it: what the budget holds now or, where that is more, what a request brings in,
            since who costs no more than that adds to no debt.
        """
        owner = self.options.owner(query)
        with self._lock:
            purse = self._purses.setdefault(owner, _Purse(left_usd=self.options.start_usd, seen_at=now))
            income = self.options.brought(owner, max(now - purse.seen_at, 0.0))
            purse.seen_at = now
            most = self.options.most_carried_usd
            purse.left_usd = min(purse.left_usd + income, math.inf if most is None else most)
            purse.requests += 1.0
            purse.income_usd = _moved(purse.income_usd, income, purse.requests)
            if catalog is not self._catalog:
                self._changed(catalog)
            if purse.due <= 0 and self._recent:
                purse.price = self._solved(purse, catalog)
                purse.due = SOLVED_EVERY
            purse.due -= 1
            return purse.price, max(purse.left_usd, purse.income_usd)

    def decided(self, query: Query, decision: Decision) -> None:
        """Reserve what a decision is expected to cost, and learn what such requests want.

        The router's catalog must be the one that :meth:`asked` was given.
        """
        owner, estimate = self.options.owner(query), decision.estimates.get(decision.model)
        with self._lock:
            purse, names = self._purses.get(owner), () if self._catalog is None else self._catalog.names
            if purse is None or estimate is None or not all(name in decision.estimates for name in names):
                return
            rows = [decision.estimates[name] for name in names]
            worth = decision.quality_per_usd or 0.0
            plain = [decision.utilities[name] + worth * row.cost_usd for name, row in zip(names, rows, strict=True)]
            wanted = np.where([name in decision.action_probs for name in names], plain, -np.inf)
            tokens = np.array([row.output_tokens for row in rows])
            if np.isfinite(wanted).any() and np.isfinite(tokens).all():
                self._recent.append((wanted, decision.input_tokens, tokens))
            self._reserved[decision.id] = (owner, estimate.cost_usd)
            if len(self._reserved) > MOST_RESERVED:
                self._reserved.popitem(last=False)
            self._spend(purse, estimate.cost_usd)
            purse.expected_usd = _moved(purse.expected_usd, estimate.cost_usd, purse.requests)

    def settled(self, decision_id: str, cost_usd: float) -> None:
        """Put what an answer did cost in the place of what was reserved for it; a repeat with another cost corrects."""
        with self._lock:
            owner, reserved = self._reserved.get(decision_id, ("", math.nan))
            if math.isnan(reserved):
                return  # not decided by this pacer, or long ago
            self._reserved[decision_id] = (owner, cost_usd)
            purse = self._purses[owner]
            purse.left_usd += reserved - cost_usd
            purse.spent_usd += (cost_usd - reserved) / min(purse.requests, MEMORY)

    def status(self) -> dict[str, dict[str, float]]:
        """Give, per tenant, what is left and the running means per request, in dollars, and the price of money."""
        with self._lock:
            return {
                owner: {
                    "left_usd": purse.left_usd,
                    "income_usd": purse.income_usd,
                    "spent_usd": purse.spent_usd,
                    "quality_per_usd": purse.price,
                }
                for owner, purse in self._purses.items()
            }

    def _spend(self, purse: _Purse, usd: float) -> None:
        purse.left_usd -= usd
        purse.spent_usd = _moved(purse.spent_usd, usd, purse.requests)

    def _changed(self, catalog: Catalog) -> None:
        """Look at everything anew: prices moved, or candidates came or went."""
        if self._catalog is not None and catalog.names != self._catalog.names:
            places = {name: i for i, name in enumerate(self._catalog.names)}
            order = [places.get(name) for name in catalog.names]
            kept = [(_placed(w, order, -np.inf), n, _placed(t, order, 0.0)) for w, n, t in self._recent]
            self._recent = deque((row for row in kept if np.isfinite(row[0]).any()), maxlen=WINDOW)
        self._catalog = catalog
        for purse in self._purses.values():
            purse.due = 0

    def _solved(self, purse: _Purse, catalog: Catalog) -> float:
        wanted = np.stack([row[0] for row in self._recent])  # (n, K)
        prices = catalog.arrays
        tokens_in = np.array([row[1] for row in self._recent], dtype=np.float64)
        spent = np.outer(tokens_in, prices.usd_per_mtok_in) + np.stack([r[2] for r in self._recent]) * (
            prices.usd_per_mtok_out
        )
        least, most = TARGET_RANGE
        reserve = min(RESERVE, RESERVED_OVER * purse.requests) * purse.income_usd
        aim = purse.income_usd + (purse.left_usd - reserve) / PAID_BACK_OVER
        target = min(max(aim, least * purse.income_usd), most * purse.income_usd)
        beyond = purse.spent_usd / purse.expected_usd if purse.expected_usd > 0 else 1.0
        return price_of_money(wanted, spent / TOKENS_PER_MTOK, target / max(beyond, 0.1))


def price_of_money(wanted: FloatArray, cost_usd: FloatArray, target_usd: float) -> float:
    """Give the least worth of a dollar at which these requests cost no more than the target on average.

    Parameters
    ----------
    wanted : (n, K) quality points without the price of money; minus infinity where a candidate may not answer.
    cost_usd : (n, K).
    target_usd : mean cost of a request.

    Returns
    -------
    quality_per_usd : 0 where money need not be counted; at most 1e9, where the target is below the cheapest choices.

    Notes
    -----
    The mean cost of the choices argmax(wanted - worth x cost) never rises with the worth, so that bisection (of the
    logarithm) finds the place.
    """

    def mean_cost(worth: float) -> float:
        choice = (wanted - worth * cost_usd).argmax(axis=1)
        return float(cost_usd[np.arange(len(cost_usd)), choice].mean())

    if mean_cost(0.0) <= target_usd:
        return 0.0
    low, high = 1e-3, DEAREST_USD
    if mean_cost(high) > target_usd:
        return high
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean_cost(middle) > target_usd else (low, middle)
    return high


def _moved(mean: float, value: float, n: float) -> float:
    return mean + (value - mean) / min(n, MEMORY)


def _placed(values: FloatArray, order: list[int | None], missing: float) -> FloatArray:
    return np.array([missing if i is None else values[i] for i in order])
