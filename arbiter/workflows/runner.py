"""Runs workflows: each step is routed and carried out, and kept before the next one begins."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from arbiter.intake import read_request
from arbiter.route_options import RouteOptions, read_query
from arbiter.service import Arbiter
from arbiter.workflows.evaluators import Answered, tell_quality
from arbiter.workflows.state import StepResult, WorkflowState
from arbiter.workflows.steps import INPUT, Step, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowResult:
    """A finished run.

    Attributes
    ----------
    run_id : of the run.
    steps : name to result, in their order.
    resumed : names of the steps that an earlier call had finished and that were not paid for again.
    """

    run_id: str
    steps: Mapping[str, StepResult]
    resumed: tuple[str, ...]

    @property
    def text(self) -> str:
        """The last step's answer."""
        return list(self.steps.values())[-1].text

    @property
    def cost_usd(self) -> float:
        """What all steps did cost, whoever paid for them when."""
        return sum(step.cost_usd for step in self.steps.values())


class WorkflowRunner:
    """Runs workflows on a service; safe to share between threads.

    A step that is finished is in the state before the next one begins: a run that was killed goes on with the step
    that it was at. An answer that had come and was not kept yet when the process died is asked for again.

    Parameters
    ----------
    service : routes, calls and learns.
    state : keeps what is finished; None keeps it in memory, and resumes within the process alone.
    """

    def __init__(self, service: Arbiter, state: WorkflowState | None = None) -> None:
        self._service = service
        self._state = state or WorkflowState(":memory:")

    def run(
        self, workflow: Workflow, text: str, run_id: str | None = None, *, user: str | None = None
    ) -> WorkflowResult:
        """Run a workflow to its end, or go on where an earlier call of the same run stopped.

        Parameters
        ----------
        workflow : its steps.
        text : the input.
        run_id : names the run, for going on with it; None makes a new one. It is also the session of its decisions.
        user : whose budget pays.

        Raises
        ------
        WorkflowError
            If the run was started as something else, somebody else runs it, or its state cannot be used.
        AllCandidatesFailedError, BudgetError, InvalidInputError
            As :meth:`arbiter.Arbiter.complete`; what was finished before stays finished.
        """
        run_id = run_id or secrets.token_hex(16)
        self._state.begin(run_id, workflow.name, workflow.fingerprint, text)
        try:
            return self._run(workflow, text, run_id, user)
        finally:
            self._state.leave(run_id)

    def _run(self, workflow: Workflow, text: str, run_id: str, user: str | None) -> WorkflowResult:
        earlier = self._state.results(run_id)
        steps: dict[str, StepResult] = {}
        for i, step in enumerate(workflow.steps):
            known = {INPUT: text, **{name: result.text for name, result in steps.items()}}
            messages = workflow.messages(i, known)
            result = earlier.get(step.name) or self._carried_out(run_id, step, messages, user)
            if step.evaluators and result.qualities is None:
                result = self._judged(run_id, step, messages, result)
            steps[step.name] = result
        return WorkflowResult(run_id=run_id, steps=steps, resumed=tuple(name for name in steps if name in earlier))

    def _carried_out(self, run_id: str, step: Step, messages: list[dict[str, str]], user: str | None) -> StepResult:
        own: RouteOptions = {"session_id": run_id, "user": user, **step.options}
        done = self._service.complete(read_query(messages, own), params=step.params)
        result = StepResult(
            decision_id=done.decision.id,
            model=done.model,
            text=done.text,
            cost_usd=done.cost_usd,
            latency_s=done.latency_s,
        )
        self._state.finish(run_id, step.name, result)
        return result

    def _judged(self, run_id: str, step: Step, messages: list[dict[str, str]], result: StepResult) -> StepResult:
        decision = self._service.ledger.decision(result.decision_id)
        query = replace(read_request(messages), user=decision.user, session_id=decision.session_id)
        answered = Answered(query=query, decision=decision, text=result.text)
        qualities = tell_quality(self._service, answered, step.evaluators)
        self._state.judge(run_id, step.name, qualities)
        return replace(result, qualities=qualities)
