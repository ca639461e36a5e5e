"""A run is paid for once: killed at any step, it goes on with that step."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openai_server
import pytest
from openai_server import OpenAIServer, answers, fails
from provider_world import CHEAP, NAMES, QUIET, require_litellm, running

from arbiter.errors import AllCandidatesFailedError, WorkflowError
from arbiter.processes import this_process
from arbiter.workflows import ByFunction, Exact, Step, StepResult, Workflow, WorkflowRunner, WorkflowState

pytestmark = QUIET
PROCESS = Path(__file__).with_name("workflow_process.py")
STEP = re.compile(r"STEP-(\d)")
ONLY = {"allow": frozenset({CHEAP})}


def answer_steps(handler: Any, body: Mapping[str, Any]) -> None:
    """Answer each step with its own name."""
    (number,) = STEP.findall(body["messages"][-1]["content"])[:1]
    handler.reply(body, {"content": f"answer {number}"}, tokens=(10, 5))


def asked(server: OpenAIServer) -> Counter[str]:
    """Give how often each step reached the provider."""
    return Counter(STEP.findall(body["messages"][-1]["content"])[0] for body in server.bodies)


def wait_for(server: OpenAIServer, requests: int) -> None:
    until = time.monotonic() + 60.0
    while server.requests < requests:
        assert time.monotonic() < until, f"only {server.requests} requests came"
        time.sleep(0.01)


def three() -> Workflow:
    steps = (
        Step(name="first", prompt="STEP-1 of {input}", options=ONLY, evaluators=(Exact(expected="answer 1"),)),
        Step(name="second", prompt="STEP-2 after {first}", options=ONLY),
        Step(name="third", prompt="STEP-3 after {second}", options=ONLY),
    )
    return Workflow(name="three", steps=steps)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_run_resumes_and_pays_for_no_finished_step_twice(tmp_path: Path) -> None:
    """Killed while the second step is at the provider, and again in the third; what had ended is asked once."""
    require_litellm()
    with openai_server.running() as server:
        command = [sys.executable, str(PROCESS), server.url, str(tmp_path)]
        for n, expected in ((2, {"1": 1, "2": 1}), (4, {"1": 1, "2": 2, "3": 1})):
            stalled = str(n // 2 + 1)

            def stall_at(handler: Any, body: Mapping[str, Any], stalled: str = stalled) -> None:
                if f"STEP-{stalled}" in body["messages"][-1]["content"]:
                    handler.waited(60.0)
                else:
                    answer_steps(handler, body)

            server.behave = stall_at
            with subprocess.Popen(command) as process:
                wait_for(server, n)
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert asked(server) == expected
        server.behave = answer_steps
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        text, resumed, cost = done.stdout.strip().split("|")
        assert (text, resumed) == ("answer 3", "first,second")
        assert asked(server) == {"1": 1, "2": 2, "3": 2}  # those that were at the provider when it fell are asked again
        again = subprocess.run(command, capture_output=True, text=True, check=True)
        assert again.stdout.strip() == f"answer 3|first,second,third|{cost}"
        assert server.requests == 5


def test_steps_build_on_one_another_and_are_judged() -> None:
    """Each is a decision of one session; what evaluators say is feedback."""
    with running() as world:
        world.servers[CHEAP].behave = answer_steps
        done = WorkflowRunner(world.service).run(three(), "it", "run-1", user="ada")
        assert done.text == "answer 3" and done.resumed == ()
        assert [body["messages"][-1]["content"] for body in world.servers[CHEAP].bodies] == [
            "STEP-1 of it",
            "STEP-2 after answer 1",
            "STEP-3 after answer 2",
        ]
        decisions = [world.service.ledger.decision(step.decision_id) for step in done.steps.values()]
        assert {(d.session_id, d.user) for d in decisions} == {("run-1", "ada")}
        assert done.steps["first"].qualities == {"exact": 1.0}
        (said,) = world.service.ledger.feedback_for(decisions[0].id)
        assert (said.quality, said.key) == (1.0, "exact")
        assert done.cost_usd == pytest.approx(world.billed_usd)


def test_a_step_that_fails_is_asked_again_and_the_others_are_not() -> None:
    """The error reaches the caller; the next call of the same run goes on there."""
    with running() as world:
        runner, server = WorkflowRunner(world.service), world.servers[CHEAP]
        server.script.extend([answers("answer 1"), fails(400)])
        with pytest.raises(AllCandidatesFailedError):
            runner.run(three(), "it", "run-1")
        server.behave = answer_steps
        done = runner.run(three(), "it", "run-1")
        assert done.resumed == ("first",)
        assert asked(server) == {"1": 1, "2": 2, "3": 1}
        assert runner.run(three(), "it").resumed == ()  # a run without a name is a new one


def test_an_answer_that_was_not_judged_yet_is_judged_on_resuming() -> None:
    """The process fell between the answer and its judgement: it is judged, and not asked again."""
    with running() as world:
        state = WorkflowState(":memory:")
        world.servers[CHEAP].behave = answer_steps
        first = Workflow(name="one", steps=(Step(name="first", prompt="STEP-1", evaluators=(Broken(),)),))
        with pytest.raises(ZeroDivisionError):
            WorkflowRunner(world.service, state).run(first, "it", "run-1")
        mended = Workflow(
            name="one", steps=(Step(name="first", prompt="STEP-1", evaluators=(ByFunction(function=lambda a: 0.5),)),)
        )
        done = WorkflowRunner(world.service, state).run(mended, "it", "run-1")
        assert done.resumed == ("first",) and done.steps["first"].qualities == {"function": 0.5}
        assert world.requests == 1


class Broken(ByFunction):
    """An evaluator that fails."""

    def __init__(self) -> None:
        super().__init__(function=lambda answered: 1 / 0)


RESULT = StepResult(decision_id="d", model=NAMES[0], text="größer", cost_usd=0.1, latency_s=1.5)


def test_a_state_gives_back_what_it_was_given(tmp_path: Path) -> None:
    """Across restarts, exactly."""
    state = WorkflowState(tmp_path / "state.db")
    state.begin("r", "w", "f", "input")
    state.finish("r", "a", RESULT)
    state.judge("r", "a", {"exact": 1.0})
    state.close()
    again = WorkflowState(tmp_path / "state.db")
    (found,) = again.results("r").values()
    assert found == StepResult(**{**{n: getattr(RESULT, n) for n in StepResult.__slots__}, "qualities": {"exact": 1.0}})
    assert again.runs() == {"r": "w"}
    again.forget("r")
    assert again.runs() == {} == again.results("r")
    again.close()


def test_a_run_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    """Until it is left, its process ends, or nothing was finished for ten minutes."""
    now = [1000.0]
    state = WorkflowState(tmp_path / "state.db", clock=lambda: now[0])
    state.begin("r", "w", "f", "input")
    with pytest.raises(WorkflowError, match="being run by somebody else"):
        state.begin("r", "w", "f", "input")
    state.leave("r")
    state.begin("r", "w", "f", "input")
    now[0] += 601.0
    state.begin("r", "w", "f", "input")
    place, _, started = this_process().rsplit(" ", 2) if this_process() else ("", "", "")
    if place:
        state._store.rows("SELECT 1")
        with state._store.writing() as transaction:  # a process that is gone holds it
            transaction.execute("UPDATE runs SET holder = ?", (f"{place} 999999999 {started}",))
        state.begin("r", "w", "f", "input")
    state.close()


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        (("w", "f", "other"), "another input"),
        (("w", "other", "input"), "another workflow"),
        (("v", "f", "input"), "workflow"),
    ],
)
def test_a_run_is_what_it_was_started_as(asked_for: tuple[str, str, str], said: str) -> None:
    """Answers to other questions are not mixed."""
    state = WorkflowState(":memory:")
    state.begin("r", "w", "f", "input")
    state.leave("r")
    with pytest.raises(WorkflowError, match=said):
        state.begin("r", *asked_for)


def test_a_damaged_state_is_said(tmp_path: Path) -> None:
    """A file of another kind, and a step that was changed."""
    (tmp_path / "text.db").write_text("a" * 5000)
    with pytest.raises(WorkflowError, match=r"workflow state .* is damaged"):
        WorkflowState(tmp_path / "text.db")
    state = WorkflowState(tmp_path / "state.db")
    state.begin("r", "w", "f", "input")
    state.finish("r", "a", RESULT)
    shell = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    shell.execute("UPDATE steps SET payload = '{}'")
    shell.close()
    with pytest.raises(WorkflowError, match="cannot be read"):
        state.results("r")
    state.close()
