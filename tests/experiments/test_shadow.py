"""A shadow is seen by nobody: not by its latency, not by its failures, not in the live ledger."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from two_routers import CHALLENGER, CHEAP, CONTROL, DEAR, text

from arbiter.errors import InvalidInputError
from arbiter.experiments import Shadow, ShadowRun, shadow_result
from arbiter.ledger import PromptPolicy, PromptStorage, SqliteLedger
from arbiter.policies import ConstantPolicy
from arbiter.records import Decision, Outcome, Query
from arbiter.service import Arbiter, ServiceOptions


class Slow(ConstantPolicy):
    """A policy that waits until it is let go, and then fails if it is told to."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__(np.ones(2))
        self.go, self.fails = threading.Event(), fails

    def action_probabilities(self, *given: object) -> NDArray[np.float64]:
        """Wait."""
        self.go.wait(30)
        if self.fails:
            raise ZeroDivisionError("no such thing")
        return super().action_probabilities(*given)  # type: ignore[arg-type]


def test_requests_do_not_wait_and_what_is_too_much_is_passed_over(tmp_path: Path) -> None:
    """Two may wait; the others of ten are counted, and the live decisions are all there."""
    slow = Slow()
    shadow = Shadow(
        challenger=replace(CHALLENGER, policy=slow), ledger=SqliteLedger(tmp_path / "shadow.db"), most_waiting=2
    )
    with Arbiter(CONTROL, options=ServiceOptions(shadow=shadow)) as service:
        decisions = [service.route(text(i)) for i in range(10)]  # would wait for ever if they waited at all
        slow.go.set()
        assert {d.model for d in decisions} == {DEAR}
        assert all(d.assignment is None for d in decisions)
        run = service.trials._shadow
        assert run is not None and run.passed_over == 8
        assert service.ledger.counts()[0].events == 10


def test_a_shadow_that_fails_is_counted_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No request knows of it."""
    slow = Slow(fails=True)
    slow.go.set()
    shadow = Shadow(challenger=replace(CHALLENGER, policy=slow), ledger=SqliteLedger(tmp_path / "shadow.db"))
    with Arbiter(CONTROL, options=ServiceOptions(shadow=shadow)) as service:
        assert not service.route(text(1)).degraded
        run = service.trials._shadow
    assert run is not None and run.failed == 1
    assert "a shadow decision failed: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("policy", [PromptPolicy.FULL, PromptPolicy.NONE])
def test_what_is_kept_of_texts_is_for_the_service_to_say(tmp_path: Path, policy: PromptPolicy) -> None:
    """The shadow's ledger keeps no more than the live one."""
    with Arbiter(
        CONTROL,
        options=ServiceOptions(
            prompts=PromptStorage(policy=policy),
            shadow=Shadow(challenger=CHALLENGER, ledger=SqliteLedger(tmp_path / "shadow.db")),
        ),
    ) as service:
        decision = service.route(f"{text(1)} melanoma")
        live = service.ledger.decision_event(decision.id).prompt
    with SqliteLedger(tmp_path / "shadow.db") as beside:
        event = beside.decision_event(decision.id)
        assert (event.prompt, event.model) == (live, CHEAP)
        assert ("melanoma" in repr(event)) == (policy is PromptPolicy.FULL)


def test_a_share_of_its_decisions_is_answered_and_told(tmp_path: Path) -> None:
    """With answers = 1 each one; the outcomes are in the shadow's ledger alone."""

    def answer(query: Query, decision: Decision) -> list[Outcome]:
        return [Outcome(decision_id=decision.id, model=decision.model, ok=True, cost_usd=0.5)]

    shadow = Shadow(challenger=CHALLENGER, ledger=SqliteLedger(tmp_path / "shadow.db"), answers=1.0)
    run = ShadowRun(shadow, PromptStorage(), lambda: 1.0, answer)
    live = Arbiter(CONTROL)
    decisions = [live.route(text(i)) for i in range(3)]
    run.observe([Query(text=text(i)) for i in range(3)], decisions)
    run.close()
    with SqliteLedger(tmp_path / "shadow.db") as beside:
        outcomes = [e.record for _, e in beside.events() if isinstance(e.record, Outcome)]
    assert [o.decision_id for o in outcomes] == [d.id for d in decisions]


def test_wrong_shadows_and_strange_ledgers_are_said(tmp_path: Path) -> None:
    """In one line."""
    with SqliteLedger(tmp_path / "a.db") as a, SqliteLedger(tmp_path / "b.db") as b:
        with pytest.raises(InvalidInputError, match="answers must lie"):
            Shadow(challenger=CHALLENGER, ledger=a, answers=1.5)
        with pytest.raises(InvalidInputError, match="no decision in common"):
            shadow_result(a, b)
