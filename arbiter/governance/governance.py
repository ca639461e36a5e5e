"""What a service asks before it spends, and tells after it has spent."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from arbiter.errors import BudgetError, InvalidInputError
from arbiter.governance.amounts import Asked, call_cost
from arbiter.governance.economy import EconomyOptions
from arbiter.governance.protocols import AuditClient, BudgetClient, ModelFoundryClient, Owner, Quota, Reservation
from arbiter.ledger import PromptStorage
from arbiter.records import Candidate, Estimate, Query

logger = logging.getLogger(__name__)


def paid_by_user(query: Query) -> Owner:
    """Give the owner where there are no teams."""
    return Owner(user=query.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """Who pays for a service's calls, who is told of them, and where its own models are found; by default nobody.

    Attributes
    ----------
    budget : keeps quotas; None limits nothing.
    owner : tells who pays for a request, such as ``lambda query: Owner(user=query.user, team=TEAMS.get(query.user))``.
    economy : how choices become cheaper as a quota runs out; None lets them be.
    audit : is told of every decision, call and refusal; None tells nobody.
    audit_content : what the audit keeps of requests and answers.
    audit_required : whether a decision that cannot be audited is refused; else the error is logged, and said in
        ``decision.degraded``.
    foundry : finds models of the user's own; None has none. See :meth:`arbiter.Arbiter.discover`.
    """

    budget: BudgetClient | None = None
    owner: Callable[[Query], Owner] = paid_by_user
    economy: EconomyOptions | None = field(default_factory=EconomyOptions)
    audit: AuditClient | None = None
    audit_content: PromptStorage = field(default_factory=PromptStorage)
    audit_required: bool = False
    foundry: ModelFoundryClient | None = None
    _unsettled: list[tuple[Reservation, float]] = field(default_factory=list, init=False, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.audit_required and self.audit is None:
            raise InvalidInputError("audit_required needs an audit; give one, such as SqliteAudit('audit.db')")

    def quotas(self, query: Query) -> tuple[Quota, ...]:
        """Give the limits that the asker of a request is under; raises BudgetError where they cannot be read."""
        return () if self.budget is None else self.budget.quotas(self.owner(query))

    def reserve(
        self, query: Query, candidate: Candidate | None, estimate: Estimate | None = None, asked: Asked | None = None
    ) -> Reservation | None:
        """Hold what a call may cost; to be done before each call of each candidate.

        Parameters
        ----------
        query : the request.
        candidate : who is about to be called; None for a model without a known price, such as a judge: nothing is held,
            and the quota must not be overspent already.
        estimate : what is expected of it, ``decision.estimates.get(candidate.name)``.
        asked : what is passed to the provider; None sets no limit. A caller that sets one is held to less, and more of
            them fit into a quota at once.

        Returns
        -------
        reservation : to be settled or released; None where there is no budget.

        Raises
        ------
        BudgetError
            If the budget leaves less, or cannot be checked.
        """
        if self.budget is None:
            return None
        self._settle_late(self.budget)
        if candidate is None:
            return self.budget.reserve(self.owner(query), 0.0)
        cost = call_cost(query, candidate, estimate, asked or Asked())
        if not cost.likely_usd >= 0.0:  # NaN, too
            raise BudgetError(f"a call of {candidate.name} may cost {cost.likely_usd}; give it prices in the catalog")
        return self.budget.reserve(self.owner(query), cost.likely_usd, cost.most_usd)

    def settle(self, reservation: Reservation | None, cost_usd: float | None) -> None:
        """Charge what a call did cost; to be done once after each call that may have cost something.

        Never raises BudgetError: the answer is there and paid for. What cannot be charged now is charged before the
        next reservation of this process, which is refused until then.

        Parameters
        ----------
        reservation : what :meth:`reserve` gave.
        cost_usd : measured; None where it is not known, as of a stream that was cut: then what was likely is charged.
        """
        if self.budget is None or reservation is None:
            return
        cost = reservation.amount_usd if cost_usd is None else cost_usd
        try:
            self.budget.settle(reservation, cost)
        except BudgetError as error:
            logger.error("$%.6f of %s could not be charged yet: %s", cost, reservation.owner, error)
            with self._lock:
                self._unsettled.append((reservation, cost))

    def release(self, reservation: Reservation | None) -> None:
        """Let go of what was held for a call that cost nothing, such as a refused connection. Never raises BudgetError.

        Parameters
        ----------
        reservation : what :meth:`reserve` gave.
        """
        if self.budget is None or reservation is None:
            return
        try:
            self.budget.release(reservation)
        except BudgetError as error:
            logger.error("a reservation of %s stays until it expires: %s", reservation.owner, error)

    def _settle_late(self, budget: BudgetClient) -> None:
        with self._lock:
            while self._unsettled:
                budget.settle(*self._unsettled[0])
                del self._unsettled[0]
