"""What every ledger offers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from arbiter.ledger.events import Event, EventKind
from arbiter.records import Decision, Feedback


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


class Ledger(Protocol):
    """Keeps events in the order of their arrival and never changes one.

    Appending is idempotent. A decision, outcome or feedback that is already held is not held twice, so a caller that
    does not know whether an append went through may repeat it. Feedback with the (decision, source, key) of an
    earlier one corrects it.
    """

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

    def events(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """Give sequence number and event, in order, of all events after sequence number ``after``.

        Sequence numbers grow, and no event appears later below a number that was already given: the greatest one
        seen is a high-water mark.
        """
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

    def close(self) -> None:
        """Write what is pending and let go of files; closing twice is no error."""
        ...
