"""What every ledger offers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from arbiter.ledger.events import Event, EventKind
from arbiter.records import Decision, Feedback

WATCH = "watch-"
"""Begins the names of snapshots whose folds watch and decide nothing. Deleting does not look at these: what they hold
lets no event go that something else still has to learn, and what they lack holds none back."""

BUDGET = "pacing-"
"""Begins the names of snapshots of paced budgets. Deleting keeps what they lack, but what they hold is not learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCount:
    """How many events of one kind concern one model.

    Attributes
    ----------
    kind, model : what is counted; feedback counts for the model that the decision chose.
    events : their number; corrections count, exact repeats are not kept and do not.
    """

    kind: EventKind
    model: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One feedback with what a fold needs to know beside it.

    Attributes
    ----------
    sequence : number of the event.
    timestamp : seconds since 1970 at which the feedback came.
    feedback : what was said.
    decision : of what.
    earlier : the feedback on the same decision that came before, in order.
    earlier_at : seconds since 1970 at which each of these came.
    served : the model that answered: the chosen one, unless a call of another one had succeeded by the time of the
        first feedback. So all feedback on a decision is about one model.
    """

    sequence: int
    timestamp: float
    feedback: Feedback
    decision: Decision
    earlier: tuple[Feedback, ...]
    earlier_at: tuple[float, ...]
    served: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a fold had come to, so that the next one need not start at the beginning.

    Attributes
    ----------
    position : sequence number of the last feedback that is in it.
    taken_at : seconds since 1970.
    payload : text.
    """

    position: int
    taken_at: float
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What :meth:`Ledger.prune` did.

    Attributes
    ----------
    events : number of events that were deleted.
    held_back : old decisions that stayed because no snapshot holds their feedback yet.
    """

    events: int
    held_back: int


class Ledger(Protocol):
    """Keeps events in the order of their arrival and never changes one.

    Appending is idempotent. A decision, outcome or feedback that is already held is not held twice, so a caller that
    does not know whether an append went through may repeat it. Feedback with the (decision, source, key) of an
    earlier one corrects it.
    """

    @property
    def identity(self) -> str:
        """What tells this ledger from every other; empty for one that ends with the process."""
        ...

    def append(self, event: Event) -> None:
        """Keep an event.

        Raises
        ------
        UnknownDecisionError
            If an outcome or feedback names a decision that the ledger does not hold.
        InvalidInputError
            If a decision has the id of another one.
        LedgerError
            If the event cannot be written.
        """
        ...

    def append_many(self, events: Iterable[Event]) -> None:
        """Keep all events or, where one is refused, none; raises as :meth:`append` does."""
        ...

    def decision_event(self, decision_id: str) -> Event:
        """Give the event of a decision, with what was kept of its request.

        Raises
        ------
        UnknownDecisionError
            If the ledger does not hold it.
        """
        ...

    def decision(self, decision_id: str) -> Decision:
        """Give a decision; raises UnknownDecisionError if the ledger does not hold it."""
        ...

    def answered(self, response_id: str) -> str:
        """Give the id of the decision that an answer belongs to, by the answer's own id; of repeated ids, the latest.

        Raises
        ------
        UnknownDecisionError
            If no outcome names such an answer.
        """
        ...

    def events(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """Give sequence number and event, in order, of all events after sequence number ``after``.

        Sequence numbers grow, and no event appears later below a number that was already given: the greatest one
        seen is a high-water mark.
        """
        ...

    def judged(self, after: int = 0) -> Iterator[Judged]:
        """Give all feedback after a sequence number, in order; as :meth:`events`, without the rest."""
        ...

    def outcomes(self, after: int, most: int) -> list[tuple[int, Event]]:
        """Give sequence number and event, in order, of the last ``most`` outcomes after a sequence number."""
        ...

    def last_judged(self) -> int:
        """Give the sequence number of the last feedback, 0 where there is none."""
        ...

    def feedback_for(self, decision_id: str) -> tuple[Feedback, ...]:
        """Give the feedback that holds for a decision, one per (source, key); empty where there is none.

        Of repeated feedback each field has its latest known value: a later judgement of quality replaces the earlier,
        and feedback that knows only the latency does not unmake what was known of quality.

        Raises
        ------
        UnknownDecisionError
            If the ledger does not hold the decision.
        """
        ...

    def counts(self) -> tuple[EventCount, ...]:
        """Give the numbers of events by kind and model."""
        ...

    def snapshot(self, name: str) -> Snapshot | None:
        """Give the snapshot of that name; None where there is none, or it is damaged."""
        ...

    def keep_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """Keep a snapshot in place of the one of that name, unless that one knows more.

        Raises
        ------
        LedgerError
            If it cannot be written.
        """
        ...

    def prune(self, before: float) -> Pruned:
        """Delete the decisions of which nothing was heard since a time, with all that belongs to them.

        What was learned from them must live on in snapshots: a judged decision goes only if every snapshot holds its
        feedback, save those of :data:`WATCH`, and one that is not of a :data:`BUDGET` does. A snapshot that was itself
        not renewed since that time goes, too, and holds back nothing.

        Parameters
        ----------
        before : seconds since 1970.

        Raises
        ------
        LedgerError
            If it cannot be written.
        """
        ...

    def pruned_through(self) -> int:
        """Give the greatest sequence number of a feedback that was deleted, 0 where none was."""
        ...

    def close(self) -> None:
        """Write what is pending and let go of files; closing twice is no error."""
        ...
