"""What budgets hold: a fold over decisions, and over what their answers did cost."""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.records import Decision, Feedback, Outcome, Query

FloatArray = NDArray[np.float64]

DAY_S = 86_400.0

WINDOW = 200
"""Latest requests on which the price of money is solved for."""

MEMORY = 200.0
"""Requests after which the weight of one in the running means has fallen to 1 / e."""

SHARE_OVER_S, SHARE_OVER = 10.0, 20.0
"""The requests that a process has of all are counted over so many seconds, and over so many requests at least."""

MOST_RESERVED = 100_000
"""Decisions whose cost may still be settled; the oldest are taken to have cost what was expected."""


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
    income_usd, spent_usd, expected_usd : running means per request of what came in, was spent, and was expected to be.
    requests : seen so far.
    lately, own : running numbers of requests, and of those that this process made.
    share : the part of the budget that this is.
    """

    left_usd: float
    seen_at: float | None = None
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
        requests = self.requests + 1.0
        return replace(
            self,
            left_usd=min(self.left_usd + income, most),
            seen_at=at if self.seen_at is None else max(self.seen_at, at),
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
        return replace(self, left_usd=share * self.left_usd, share=share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a request wanted, by candidate, apart from money.

    Attributes
    ----------
    names : the K candidates.
    wanted : (K,) quality points without the price of money; minus infinity where a candidate might not answer.
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
                if name in decision.action_probs
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """What a decision costs, as far as is known.

    Attributes
    ----------
    owner : whose budget pays.
    expected_usd : by the router.
    called_usd : sum over the calls that were recorded, None before one told its cost.
    told_usd : what feedback said last.
    latest : the latest recorded call; the same one again is a repeat, as it is in the ledger.
    """

    owner: str
    expected_usd: float
    called_usd: float | None = None
    told_usd: float | None = None
    latest: Outcome | None = None

    @property
    def usd(self) -> float:
        """What was measured, by the calls before by feedback; else what was expected."""
        told = self.expected_usd if self.told_usd is None else self.told_usd
        return told if self.called_usd is None else self.called_usd

    def after(self, record: Outcome | Feedback) -> "_Cost":
        if record == self.latest or record.cost_usd is None:
            return replace(self, latest=record) if isinstance(record, Outcome) else self
        if isinstance(record, Feedback):
            return replace(self, told_usd=record.cost_usd)
        return replace(self, called_usd=(self.called_usd or 0.0) + record.cost_usd, latest=record)


class Purses:
    """All tenants' budgets; not safe to share between threads.

    Parameters
    ----------
    options : the budget.
    before : what these go on from; it may be taken further only where these are thrown away afterwards. None starts
        anew.
    whole : whether to go on from all of that, or from the parts that fall to this process.

    Attributes
    ----------
    purses : owner to what it holds, as far as anything happened.
    wishes : of the latest requests.
    """

    def __init__(self, options: PacingOptions, before: "Purses | None" = None, *, whole: bool = False) -> None:
        self._options = options
        self._before = before
        self._whole = whole
        self.purses: dict[str, Purse] = {}
        self.wishes: deque[Wish] = deque(() if before is None else before.wishes, maxlen=WINDOW)
        self._costs: OrderedDict[str, _Cost] = OrderedDict()

    def all(self) -> dict[str, Purse]:
        """Give every owner's purse."""
        known = () if self._before is None else self._before.all()
        return {owner: self._purse(owner) for owner in {**dict.fromkeys(known), **self.purses}}

    def earned(self, owner: str, at: float) -> Purse:
        """Give the purse from which a request at this time would be paid; nothing changes."""
        return self._purse(owner).earned(self._options, owner, at)

    def decided(self, decision: Decision, owner: str, at: float, mine: bool = True) -> None:
        """Take a decision in: what its request brings, what it is expected to cost, and what was wanted.

        Parameters
        ----------
        decision : a repeat is left out.
        owner : who pays.
        at : seconds since 1970.
        mine : whether this process made it.
        """
        if self._cost(decision.id) is not None:
            return
        estimate = decision.estimates.get(decision.model)
        usd = estimate.cost_usd if estimate is not None and math.isfinite(estimate.cost_usd) else 0.0
        before = self._purse(owner)
        self.purses[owner] = before.earned(self._options, owner, at).paid(usd).counted(before.elapsed_s(at), mine)
        self._costs[decision.id] = _Cost(owner=owner, expected_usd=usd)
        if len(self._costs) > MOST_RESERVED:
            self._costs.popitem(last=False)
        wish = Wish.of(decision)
        if wish is not None:
            self.wishes.append(wish)

    def answered(self, record: Outcome | Feedback) -> None:
        """Put what an answer did cost in the place of what was expected; of decisions long ago nothing is known."""
        known = self._cost(record.decision_id)
        if known is None:
            return
        now = self._costs[record.decision_id] = known.after(record)
        if now.usd != known.usd:
            self.purses[now.owner] = self._purse(now.owner).corrected(now.usd - known.usd)

    def _purse(self, owner: str) -> Purse:
        found = self.purses.get(owner)
        if found is None and self._before is not None:
            before = self._before._purse(owner)
            found = before if self._whole else before.part()
        return found or Purse(left_usd=self._options.start_usd)

    def _cost(self, decision_id: str) -> _Cost | None:
        found = self._costs.get(decision_id)
        return found if found is not None or self._before is None else self._before._cost(decision_id)


def _moved(mean: float, value: float, n: float) -> float:
    return mean + (value - mean) / min(n, MEMORY)
