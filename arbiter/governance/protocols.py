"""What governance asks of the user's own services, and the records that cross that border.

Each protocol has an embedded default: ``SqliteBudget``, ``SqliteAudit``, ``TomlFoundry`` of :mod:`arbiter.governance`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Period(StrEnum):
    """After what time a quota is full again."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who pays for a request.

    Attributes
    ----------
    user : the name that came with the request; None where none did.
    team : whose quota is used, too; None where there is none.
    """

    user: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One limit that an owner is under, and what it leaves.

    Attributes
    ----------
    account : whose quota, in words: ``user ada``, ``team research``, ``everyone``.
    period : after what time it is full again.
    limit_usd : what may be spent in a period.
    spent_usd : what was charged in this one.
    held_usd : what is reserved, at its worst, for calls in flight.
    """

    account: str
    period: Period
    limit_usd: float
    spent_usd: float
    held_usd: float

    @property
    def left_usd(self) -> float:
        """What may still be reserved; below 0 where calls in flight, or those that were paid, may cost more."""
        return self.limit_usd - self.spent_usd - self.held_usd

    @property
    def unspent_share(self) -> float:
        """What was not spent yet, in [0, 1] of the limit."""
        return min(1.0, max(0.0, 1.0 - self.spent_usd / self.limit_usd)) if self.limit_usd > 0.0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Money that is held for one call until it is settled, released or expires.

    Attributes
    ----------
    id : unique.
    owner : who pays.
    amount_usd : what the call is likely to cost at most.
    held_usd : what it may cost at the worst, which is held.
    made_at : seconds since 1970; the call is paid from the quotas of this day and month.
    expires_at : seconds since 1970; from then on nothing is held. It can still be settled.
    """

    id: str
    owner: Owner
    amount_usd: float
    held_usd: float
    made_at: float
    expires_at: float


class BudgetClient(Protocol):
    """Keeps quotas; reserve before a call, then settle it or, where nothing was spent, release it.

    Every method raises BudgetError where the quotas cannot be read or written: a budget that cannot be checked refuses.
    Safe to share between threads.
    """

    def quotas(self, owner: Owner) -> tuple[Quota, ...]:
        """Give every limit that the owner is under; empty where there is none."""
        ...

    def reserve(self, owner: Owner, amount_usd: float, held_usd: float | None = None) -> Reservation:
        """Hold what a call may cost in all of the owner's quotas, or in none.

        A call is let in by what it is likely to cost, and held at its worst. So the calls in flight can overspend a
        quota by no more than the last one's ``held_usd - amount_usd``: each earlier one was held at its worst when it
        was let in.

        Parameters
        ----------
        owner : who pays.
        amount_usd : what each quota must leave.
        held_usd : what is held until the call is settled; None holds the amount.

        Raises
        ------
        BudgetError
            If a quota leaves less, or cannot be checked.
        """
        ...

    def settle(self, reservation: Reservation, cost_usd: float) -> None:
        """Charge what a call did cost, however much, in the place of what was held; doing it twice charges once."""
        ...

    def release(self, reservation: Reservation) -> None:
        """Let go of what was held for a call that cost nothing; after a settlement it does nothing."""
        ...


class AuditKind(StrEnum):
    """What happened."""

    DECISION = "decision"
    COMPLETION = "completion"
    FAILURE = "failure"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One transaction, for compliance and cost.

    Attributes
    ----------
    kind : what happened.
    timestamp : seconds since 1970.
    owner : for whom.
    decision_id : of which decision; empty for a refusal, which has none.
    model : the candidate concerned; empty for a refusal.
    cost_usd : what it did cost; None where unknown.
    request, answer : what is kept of the texts (see :class:`arbiter.ledger.PromptStorage`); None for nothing.
    detail : anything else, JSON-ready.
    """

    kind: AuditKind
    timestamp: float
    owner: Owner
    decision_id: str = ""
    model: str = ""
    cost_usd: float | None = None
    request: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class AuditClient(Protocol):
    """Keeps transactions for those who must account for them. Safe to share between threads."""

    def record(self, entry: AuditEntry) -> None:
        """Keep an entry for good; raises AuditError where that fails."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    """A model of the user's own that a foundry knows, such as a fine-tuned one.

    Attributes
    ----------
    name : the candidate's.
    values : keys of a catalog entry (see :class:`arbiter.records.Candidate`) to plain values.
    base : the candidate that it was tuned from, whose entry holds where ``values`` say nothing else; None where
        unknown.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    base: str | None = None


class ModelFoundryClient(Protocol):
    """Finds models that the user's organisation made."""

    def models(self) -> tuple[FoundModel, ...]:
        """Give what is there now; raises CatalogError where the foundry cannot be read."""
        ...
