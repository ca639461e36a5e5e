"""A budget, what it holds, and the part of it that falls to one of several processes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from arbiter.errors import InvalidInputError
from arbiter.records import Query

DAY_S = 86_400.0

MEMORY = 200.0
"""Requests after which the weight of one in the running means has fallen to 1 / e."""

SHARE_OVER_S, SHARE_OVER = 10.0, 20.0
"""The requests that a process has of all are counted over so many seconds, and over so many requests at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingOptions:
    """A budget that is spent evenly.

    Attributes
    ----------
    usd_per_request : what each request brings into the budget.
    usd_per_day : what each day brings into it, evenly by the clock. One of the two is given.
    tenants : tenant to its own amount, of the same kind; others share nothing and have the common amount each.
    tenant : tells whose budget a request is paid from; None takes ``query.user``. Services that share a ledger are told
        of each other's requests by user and session alone.
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

    def brought(self, owner: str, elapsed_s: float, share: float = 1.0) -> float:
        """Give the dollars that a request brings which comes ``elapsed_s`` after the one before it.

        Parameters
        ----------
        owner : whose request.
        elapsed_s : seconds.
        share : part of the income by the clock that falls to the process that asks.
        """
        if self.usd_per_request is not None:
            return self.tenants.get(owner, self.usd_per_request)
        assert self.usd_per_day is not None
        return self.tenants.get(owner, self.usd_per_day) * elapsed_s / DAY_S * share


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """One tenant's budget, or one process' part of it.

    Attributes
    ----------
    left_usd : brought less spent.
    seen_at : time of the latest request, in seconds since 1970; None before one.
    brought_usd : what the latest request brought: by the clock at most what may be carried, however long nobody asked.
    came_usd : what came in so far and had room.
    income_usd, spent_usd, expected_usd : running means per request of what came in, was spent, and was expected to be.
    requests : seen so far.
    lately, own : running numbers of requests, and of those that this process made.
    share : the part of the budget that this is.
    """

    left_usd: float
    seen_at: float | None = None
    brought_usd: float = 0.0
    came_usd: float = 0.0
    income_usd: float = 0.0
    spent_usd: float = 0.0
    expected_usd: float = 0.0
    requests: float = 0.0
    lately: float = 0.0
    own: float = 0.0
    share: float = 1.0

    def elapsed_s(self, at: float) -> float:
        """Give the seconds since the latest request; 0 before one, and where another clock is ahead."""
        return 0.0 if self.seen_at is None else max(at - self.seen_at, 0.0)

    def earned(self, options: PacingOptions, owner: str, at: float) -> "Purse":
        """Give the purse with what a request brings."""
        income = options.brought(owner, self.elapsed_s(at), self.share)
        most = math.inf if options.most_carried_usd is None else options.most_carried_usd * self.share
        requests, left = self.requests + 1.0, min(self.left_usd + income, most)
        return replace(
            self,
            left_usd=left,
            seen_at=at if self.seen_at is None else max(self.seen_at, at),
            brought_usd=income if options.usd_per_day is None else min(income, most),
            came_usd=self.came_usd + max(left - self.left_usd, 0.0),
            income_usd=_moved(self.income_usd, income, requests),
            requests=requests,
        )

    def paid(self, usd: float) -> "Purse":
        """Give the purse after the latest request, which is expected to cost so much."""
        return replace(
            self,
            left_usd=self.left_usd - usd,
            spent_usd=_moved(self.spent_usd, usd, self.requests),
            expected_usd=_moved(self.expected_usd, usd, self.requests),
        )

    def corrected(self, usd: float) -> "Purse":
        """Give the purse when so much more was spent than had been thought."""
        spent = self.spent_usd + usd / min(max(self.requests, 1.0), MEMORY)
        return replace(self, left_usd=self.left_usd - usd, spent_usd=spent)

    def counted(self, elapsed_s: float, mine: bool) -> "Purse":
        """Give the purse that knows who made its latest request, so many seconds after the one before."""
        keep = math.exp(-min(elapsed_s / SHARE_OVER_S, 1.0 / SHARE_OVER))
        return replace(self, lately=keep * self.lately + 1.0, own=keep * self.own + mine)

    def part(self) -> "Purse":
        """Give the part that falls to this process: that of its requests in all of late, which its own are paid from.

        A process that has made none has the part of one request in :data:`SHARE_OVER`, so that it can start.
        """
        share = max(self.own / self.lately, 1.0 / SHARE_OVER) if self.lately > 0.0 else 1.0
        return replace(self, left_usd=share * self.left_usd, came_usd=share * self.came_usd, share=share)


def _moved(mean: float, value: float, n: float) -> float:
    return mean + (value - mean) / min(n, MEMORY)
