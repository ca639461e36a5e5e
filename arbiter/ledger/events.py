"""What a ledger holds: decisions, outcomes and feedback, each with the time at which it happened."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from arbiter.errors import InvalidInputError, LedgerError
from arbiter.ledger.codec import (
    decision_from_json,
    decision_to_json,
    feedback_from_json,
    feedback_to_json,
    outcome_from_json,
    outcome_to_json,
)
from arbiter.records import Decision, Feedback, Outcome

Record = Decision | Outcome | Feedback


class EventKind(StrEnum):
    """What an event records."""

    DECISION = "decision"
    OUTCOME = "outcome"
    FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened and is never changed again; a correction is a later event.

    Attributes
    ----------
    record : the decision, outcome or feedback.
    timestamp : seconds since 1970 (UTC), given by the caller.
    prompt : what is kept of the request of a decision (see :class:`arbiter.ledger.prompts.PromptStorage`);
        JSON-ready, None for nothing.
    """

    record: Record
    timestamp: float
    prompt: Mapping[str, Any] | None = None

    @property
    def kind(self) -> EventKind:
        """What is recorded."""
        match self.record:
            case Decision():
                return EventKind.DECISION
            case Outcome():
                return EventKind.OUTCOME
            case Feedback():
                return EventKind.FEEDBACK

    @property
    def decision_id(self) -> str:
        """The decision that the event is, or belongs to."""
        return self.record.id if isinstance(self.record, Decision) else self.record.decision_id

    @property
    def model(self) -> str | None:
        """The model chosen, or the one that served; None for feedback."""
        return None if isinstance(self.record, Feedback) else self.record.model

    @property
    def source(self) -> str:
        """Who judged; empty save for feedback."""
        return str(self.record.source) if isinstance(self.record, Feedback) else ""

    @property
    def key(self) -> str:
        """What tells several judgements of one source apart, and several answers to one decision; may be empty."""
        match self.record:
            case Feedback() as feedback:
                return feedback.key
            case Outcome() as outcome:
                return outcome.response_id or ""
            case Decision():
                return ""

    def payload(self) -> str:
        """Give record and prompt as JSON text, the same for equal events.

        Raises
        ------
        InvalidInputError
            If a text in it is none, as half a character: no database would take it, now or later.
        """
        match self.record:
            case Decision() as decision:
                values = decision_to_json(decision)
            case Outcome() as outcome:
                values = outcome_to_json(outcome)
            case Feedback() as feedback:
                values = feedback_to_json(feedback)
        if self.prompt is not None:
            values["prompt"] = dict(self.prompt)
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"a text in a {self.kind} cannot be written as UTF-8: {error}") from error
        return text

    @classmethod
    def parse(cls, kind: str, timestamp: float, payload: str) -> "Event":
        """Rebuild an event.

        Parameters
        ----------
        kind : ``decision``, ``outcome`` or ``feedback``.
        timestamp : seconds since 1970.
        payload : what :meth:`payload` gave.

        Raises
        ------
        LedgerError
            If the kind is unknown or the payload is not such a record.
        """
        try:
            values = json.loads(payload)
            prompt = values.pop("prompt", None)
            read = _READERS[EventKind(kind)]
        except (ValueError, TypeError, AttributeError) as error:
            raise LedgerError(f"an event of kind {kind!r} in the ledger cannot be read: {error}") from error
        return cls(record=read(values), timestamp=timestamp, prompt=prompt)


_READERS: dict[EventKind, Callable[[Mapping[str, Any]], Record]] = {
    EventKind.DECISION: decision_from_json,
    EventKind.OUTCOME: outcome_from_json,
    EventKind.FEEDBACK: feedback_from_json,
}
