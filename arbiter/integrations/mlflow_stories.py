"""What is known of one decision so far, while its trace is written: the choice and the calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arbiter.execution import Run
from arbiter.execution.run import Tried
from arbiter.integrations.telemetry import Attributes, call_attributes
from arbiter.ledger import Event, PromptStorage
from arbiter.records import Decision, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a provider.

    Attributes
    ----------
    outcome : what came of it.
    start_ns, end_ns : since 1970.
    provider : litellm's name; empty where unknown.
    error : class and status of what failed.
    answer : what is kept of the answer: ``text``, ``sha256``, or nothing.
    attributes : by the GenAI conventions.
    """

    outcome: Outcome
    start_ns: int
    end_ns: int
    provider: str = ""
    error: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)

    @classmethod
    def recorded(cls, event: Event) -> "Call":
        """Give a call that was made elsewhere, from the event of its outcome, which came at its end."""
        outcome = event.record
        assert isinstance(outcome, Outcome), "calls are recorded as outcomes"
        end = nanoseconds(event.timestamp)
        return cls(outcome=outcome, start_ns=end - nanoseconds(outcome.latency_s or 0.0), end_ns=end)

    @classmethod
    def carried_out(cls, run: Run, tried: Tried, began_ns: int, prompts: PromptStorage) -> "Call":
        """Give a call that arbiter made, in a request that began at ``began_ns``."""
        attempt, reply = tried.attempt, tried.reply
        start = began_ns + nanoseconds(attempt.started_s)
        return cls(
            outcome=attempt.outcome(run.decision.id),
            start_ns=start,
            end_ns=start + nanoseconds(attempt.latency_s),
            provider=attempt.provider,
            error=attempt.error,
            answer={} if reply is None else prompts.written_text(reply.text) or {},
            attributes=call_attributes(run, tried, content=False),
        )


@dataclass(slots=True, kw_only=True)
class Story:
    """What is known of one decision so far.

    Attributes
    ----------
    decided : the event of the decision, with what is kept of its request.
    calls : number of an attempt to its call.
    """

    decided: Event
    calls: dict[int, Call] = field(default_factory=dict)

    @property
    def decision(self) -> Decision:
        """The decision."""
        assert isinstance(self.decided.record, Decision), "a story begins with a decision"
        return self.decided.record

    @property
    def start_ns(self) -> int:
        """When it began."""
        return min([nanoseconds(self.decided.timestamp), *(call.start_ns for call in self.calls.values())])

    @property
    def end_ns(self) -> int:
        """When the last call ended."""
        return max([nanoseconds(self.decided.timestamp), *(call.end_ns for call in self.calls.values())])

    @property
    def failed(self) -> bool:
        """Whether calls were made and none of them gave an answer."""
        return bool(self.calls) and not any(call.outcome.ok for call in self.calls.values())


def nanoseconds(seconds: float) -> int:
    """Give a time in nanoseconds, to the microsecond, which is as far as a float of this century tells."""
    return round(seconds * 1e6) * 1_000
