"""Budget pacing: what a dollar must be worth just now, so that spending follows a budget and none of it lies idle."""

import math
import threading
from dataclasses import dataclass, replace

from arbiter.catalog import Catalog
from arbiter.purse import PacingOptions, Purse
from arbiter.purses import MOST_RESERVED, Purses, purses_name, read_purses
from arbiter.records import Decision, Feedback, Outcome, Query

__all__ = ["BudgetPacer", "PacingOptions"]

SOLVED_EVERY = 10
"""Requests after which the price is solved anew; a changed price of a model does so at once."""

PAID_BACK_OVER = 30.0
"""Requests over which what was spent too much or too little is made up."""

RESERVE = 10.0
"""Requests' income that a budget holds back for answers that cost no more than this, so that a dearer one does not
leave only the cheapest model to the next requests."""

RESERVED_OVER = 0.1
"""Part of a request's income that goes into the reserve until it is full."""

ADVANCED = 0.005
"""Part of what came in that may be spent ahead, until it is as much as the reserve: half of the hundredth by which a
budget may be overspent. The other half is for what answers err by."""

TARGET_RANGE = (0.5, 4.0)
"""Least and greatest spending aimed at, against what a request brings into the budget. To pay a debt back at once would
cost more quality than to pay it back slowly, since of what a dollar buys the first cents buy the most."""


@dataclass(slots=True)
class _Solved:
    """The price of money for one tenant.

    Attributes
    ----------
    price : what a dollar is worth, in quality points; NaN before it is known.
    due : requests until it is solved anew.
    """

    price: float = math.nan
    due: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """A decision of this process that the fold does not hold yet."""

    decision: Decision
    owner: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What of a process' own is in the ledger, if the ledger is read from now on: so many answers, these decisions."""

    answers: int
    decisions: frozenset[str]


class BudgetPacer:
    """Solves for the price of money at which recent requests, routed by it, would have cost what the budget allows.

    Recent requests are kept as qualities and tokens, not as costs, so that a model's new price acts at once. What was
    spent beside the plan (an answer longer than expected, exploration) is made up over the next thirty requests, and
    corrected for by the running ratio of spent to expected. It is the dual variable of a knapsack with one constraint
    (Badanidiyuru, Kleinberg and Slivkins, 2013; Balseiro, Lu and Mirrokni, 2020); theory and code part in that it is
    solved for on a window, not moved by gradient steps, which takes some hundred requests after a price change.

    Safe to share between threads: a decision that others have overtaken, so that one of its candidates may cost more
    than is left now, is not taken (:meth:`reserve`) and made anew.

    **Several processes, one budget.** The budget is a fold over the ledger, the same in every process that has read as
    far (:meth:`take`). What a process did since, it adds itself until it reads it. Between two reads it pays out of a
    part of the budget, as great as its part of the requests lately: the parts add up to the budget, so that processes
    which do not see each other's last decisions cannot all spend the same dollar, and each pays back only its own part
    of what was spent too much. The hard cap then holds save for what N processes decide within the time between two
    reads, and only where their parts of the traffic have just changed: a process that starts may spend a twentieth of
    what is there, and those that start together on an empty ledger do not know of each other before the first read.

    Parameters
    ----------
    options : the budget.
    shared : whether other processes spend from it, too, and the ledger is read now and then.
    """

    def __init__(self, options: PacingOptions, *, shared: bool = False) -> None:
        self.options = options
        self.shared = shared
        self._folded = Purses(options)
        self._now = Purses(options, self._folded) if shared else self._folded
        self._own: dict[str, _Own] = {}
        self._answers: list[Outcome | Feedback] = []
        self._solved: dict[str, _Solved] = {}
        self._catalog: Catalog | None = None
        self._pure = True  # whether the fold holds what the ledger does and nothing else
        self._lock = threading.Lock()

    @property
    def snapshot_name(self) -> str | None:
        """What a snapshot of the fold is called; None where there can be none (:func:`arbiter.purses.purses_name`)."""
        return purses_name(self.options) if self._pure else None

    def snapshot(self) -> str:
        """Give the fold as text; requests wait for a copy of it, not for the writing."""
        with self._lock:
            folded = self._folded.copy()
        return folded.to_text()

    def resume(self, text: str) -> bool:
        """Go on from a snapshot, before anything else happens; say whether it could be read."""
        found = read_purses(self.options, text)
        if found is not None:
            self._folded = found
            self._now = self._ahead(whole=False) if self.shared else found
        return found is not None

    def asked(self, query: Query, catalog: Catalog, now: float) -> Query:
        """Give a request with how it is to be decided, as its circumstances say it.

        ``quality_per_usd`` is what a dollar must be worth, unless nothing is known yet. ``paced_usd`` is what may be
        spent on it, less than 0 in debt: what the budget holds now, and what may be spent ahead, beside its reserve; of
        the reserve what :data:`RESERVE` requests bring in. ``paced_least_usd`` is what it brings itself: who is
        expected to cost no more adds to no debt.

        Parameters
        ----------
        query : the request.
        catalog : K candidates at their prices of this moment.
        now : seconds since 1970.
        """
        owner = self.options.owner(query)
        with self._lock:
            purse = self._now.earned(owner, now)
            if catalog is not self._catalog:
                self._catalog = catalog
                self._solved.clear()
            solved = self._solved.setdefault(owner, _Solved())
            if solved.due <= 0:
                solved.price, solved.due = self._solve(owner, purse, self._now, catalog), SOLVED_EVERY
            solved.due -= 1
            told = replace(
                query.circumstances,
                quality_per_usd=None if math.isnan(solved.price) else solved.price,
                paced_usd=self._may_cost(purse),
                paced_least_usd=purse.brought_usd,
            )
        return replace(query, circumstances=told)

    def reserve(self, query: Query, decision: Decision, now: float) -> bool:
        """Take a decision in as :meth:`decided`, unless it is out of date; say whether it was taken.

        It is where a candidate was eligible that may by now cost more than is left, whoever was drawn: to ask only the
        one that was would make it rarer than its propensity says. What one may cost is here what nine of ten such
        answers stay below, as decisions say, not what 19 of 20 do, as the hard cap asks.

        Parameters
        ----------
        query : with the circumstances that it was decided under.
        decision, now : as of :meth:`decided`.
        """
        owner, allowed = self.options.owner(query), query.circumstances.paced_usd
        with self._lock:
            if allowed is not None:
                left = self._may_cost(self._now.earned(owner, now))
                if left < allowed and any(usd > left for usd in _that_may_wait(query, decision)):
                    return False
            self._take_in(owner, decision, now)
            return True

    def decided(self, query: Query, decision: Decision, now: float) -> None:
        """Take a request's income in, reserve what its decision is expected to cost, and learn what it wanted.

        Parameters
        ----------
        query, decision : of this process; tell it before the ledger holds the decision.
        now : the time under which the ledger will hold it.
        """
        with self._lock:
            self._take_in(self.options.owner(query), decision, now)

    def answered(self, record: Outcome | Feedback) -> None:
        """Put what an answer did cost in the place of what was reserved for it.

        The costs of several calls add up; feedback counts where no call told its cost, and its last value holds.
        """
        if record.cost_usd is None:
            return
        with self._lock:
            self._now.answered(record)
            if self.shared:
                self._answers.append(record)

    def mark(self) -> Mark:
        """Say what the ledger must hold of this process' own when it is read after this."""
        with self._lock:
            return Mark(answers=len(self._answers), decisions=frozenset(self._own))

    def take(self, record: Decision | Outcome | Feedback, at: float) -> None:
        """Take the ledger's next event in, whoever recorded it.

        Parameters
        ----------
        record : in the order of the ledger.
        at : when it happened, in seconds since 1970.
        """
        with self._lock:
            if isinstance(record, Decision):
                owner = self.options.owner(Query(text="", user=record.user, session_id=record.session_id))
                self._folded.decided(record, owner, at, mine=self._own.pop(record.id, None) is not None)
            else:
                self._folded.answered(record)

    def caught_up(self, mark: Mark) -> None:
        """Go on from what was taken in since the mark; what the ledger then lacks it has refused, and was spent."""
        with self._lock:
            for decision_id in [each for each in self._own if each in mark.decisions]:
                self._settle(decision_id)
            del self._answers[: mark.answers]
            if not self.shared:
                return
            self._now = self._ahead(whole=False)

    def status(self, catalog: Catalog) -> dict[str, dict[str, float]]:
        """Give, per tenant, what is left and the running means per request, in dollars, and the price of money.

        Of a shared budget that is the whole of it, as far as it is known here, and ``share`` is this process' part.

        Parameters
        ----------
        catalog : K candidates at their prices of this moment.
        """
        with self._lock:
            whole = self._ahead(whole=True) if self.shared else self._folded
            return {
                owner: {
                    "left_usd": purse.left_usd,
                    "income_usd": purse.income_usd,
                    "spent_usd": purse.spent_usd,
                    "quality_per_usd": self._solve(owner, purse, whole, catalog),
                    "share": purse.part().share,
                }
                for owner, purse in whole.all().items()
            }

    def _ahead(self, *, whole: bool) -> Purses:
        """Give the fold with what this process did since."""
        ahead = Purses(self.options, self._folded, whole=whole)
        for own in self._own.values():
            ahead.decided(own.decision, own.owner, own.at)
        for answer in self._answers:
            ahead.answered(answer)
        return ahead

    def _take_in(self, owner: str, decision: Decision, now: float) -> None:
        self._now.decided(decision, owner, now)
        if self.shared:
            self._own[decision.id] = _Own(decision=decision, owner=owner, at=now)
            if len(self._own) > MOST_RESERVED:  # no ledger takes them
                self._settle(next(iter(self._own)))

    def _may_cost(self, purse: Purse) -> float:
        """Give what one answer may cost of what a purse holds; all of it where nothing more can be carried."""
        most, left = self.options.most_carried_usd, purse.left_usd + _advance_usd(purse)
        if most is not None and purse.left_usd >= most * purse.share:
            return left
        return max(left - _reserve_usd(purse), min(left, RESERVE * purse.income_usd))

    def _settle(self, decision_id: str) -> None:
        own, self._pure = self._own.pop(decision_id), False
        self._folded.decided(own.decision, own.owner, own.at)

    def _solve(self, owner: str, purse: Purse, purses: Purses, catalog: Catalog) -> float:
        least, most = TARGET_RANGE
        aim = purse.income_usd + (purse.left_usd + _advance_usd(purse) - _reserve_usd(purse)) / PAID_BACK_OVER
        target = min(max(aim, least * purse.income_usd), most * purse.income_usd)
        beyond = purse.spent_usd / purse.expected_usd if purse.expected_usd > 0 else 1.0
        return purses.wishes.price(owner, catalog, target / max(beyond, 0.1))


def _reserve_usd(purse: Purse) -> float:
    return min(RESERVE, RESERVED_OVER * purse.requests) * purse.income_usd * purse.share


def _advance_usd(purse: Purse) -> float:
    return min(RESERVE * purse.income_usd * purse.share, ADVANCED * purse.came_usd)


def _that_may_wait(query: Query, decision: Decision) -> list[float]:
    """Give what each eligible candidate may cost that a budget may shut out: not the cheapest, nor who never waits."""
    rows = [decision.estimates[name] for name in decision.action_probs]
    dear = sorted((row.cost_usd if row.cost_p90_usd is None else row.cost_p90_usd, row.cost_usd) for row in rows)
    return [usd for usd, expected_usd in dear[1:] if expected_usd > query.circumstances.paced_least_usd]
