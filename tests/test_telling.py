"""Listeners hear all that is recorded; what they do is no request's business."""

from collections.abc import Sequence

import pytest
from small_world import small_base

from arbiter.execution import Run
from arbiter.ledger import Event, EventKind, PromptPolicy, PromptStorage
from arbiter.records import Outcome
from arbiter.service import Arbiter, ServiceOptions


class Listening:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def recorded(self, events: Sequence[Event]) -> None:
        """Keep events."""
        self.heard.extend(events)

    def carried_out(self, run: Run, prompts: PromptStorage) -> None:
        """Hear of none."""
        raise AssertionError("nothing is carried out here")


class Broken(Listening):
    """Fails."""

    def recorded(self, events: Sequence[Event]) -> None:
        """Fail."""
        raise RuntimeError("a text that quotes the request")


def test_listeners_hear_what_the_ledger_holds() -> None:
    """The same events in the same order, with as much of the request as is kept."""
    listening = Listening()
    options = ServiceOptions(listeners=(listening,), prompts=PromptStorage(policy=PromptPolicy.NONE))
    with Arbiter(small_base(), None, options) as service:
        first, second = service.route_batch(["Name a river", "Prove it"])
        service.record(Outcome(decision_id=first.id, model=first.model, ok=True, cost_usd=0.1))
        service.feedback(second.id, quality=0.5)
        service.prefer(first.id, over=second.id)
        held = [event for _, event in service.ledger.events()]
    assert listening.heard == held and "river" not in repr(held)
    assert [event.kind for event in held] == [EventKind.DECISION] * 2 + [EventKind.OUTCOME] + [EventKind.FEEDBACK] * 3


def test_a_listener_that_fails_costs_nobody_anything(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged without what it said, and the next one hears."""
    listening = Listening()
    with Arbiter(small_base(), None, ServiceOptions(listeners=(Broken(), listening))) as service:
        decision = service.route("Name a river")
        service.feedback(decision.id, quality=0.5)
        assert len(service.ledger.feedback_for(decision.id)) == 1
    assert len(listening.heard) == 2
    assert "a listener failed: RuntimeError" in caplog.text and "quotes" not in caplog.text
