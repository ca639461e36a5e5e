"""The executor: a decision becomes an answer."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from arbiter.background import BackgroundLoop
from arbiter.catalog import Catalog
from arbiter.errors import InvalidInputError
from arbiter.execution.attempts import Execution
from arbiter.execution.calls import close_clients
from arbiter.execution.deployments import Deployments, Turns
from arbiter.execution.options import ExecutionOptions
from arbiter.execution.plans import DEFAULT_PLANS, Plan, StreamingPlan
from arbiter.execution.run import Run
from arbiter.execution.streams import AnswerStream, AsyncAnswerStream
from arbiter.records import Decision, Query
from arbiter.strategies import STRATEGIES

MOST_AT_ONCE = 10_000
"""Requests of one process at the same time; a bound against a runaway, not a limit to tune."""

OURS = frozenset({"messages", "model", "stream", "max_retries", "num_retries", "fallbacks"})
"""What a caller cannot pass on: the decision, the plan and the method that is called say it."""


class Executor:
    """Carries decisions out; safe to share between threads and event loops.

    Synchronous calls run on an event loop of the executor's own, so that there is one way of doing it, and whatever the
    caller gives up is cancelled at the provider. Asynchronous ones run on the caller's.

    Parameters
    ----------
    catalog : whose candidates the decisions name.
    options : deployments and limits.
    ended : is told of each request that is over, answered or not, with its attempts; in the thread of the loop.
    """

    def __init__(
        self, catalog: Catalog, options: ExecutionOptions | None = None, ended: Callable[[Run], None] | None = None
    ) -> None:
        self.catalog = catalog
        self.options = options or ExecutionOptions()
        self._ended: Callable[[Run], None] = ended or _nothing
        self._loop = BackgroundLoop(MOST_AT_ONCE)
        self._turns = Turns()

    def over(self, catalog: Catalog) -> Self:
        """Give the executor of another catalog, which shares everything else with this one."""
        other = type(self).__new__(type(self))
        other.__dict__ = {**self.__dict__, "catalog": catalog}
        return other

    def complete(self, query: Query, decision: Decision, *, plan: Plan | None = None, **params: Any) -> Execution:
        """Carry a decision out and wait for the answer.

        Parameters
        ----------
        query, decision : what was asked, and what was decided.
        plan : how; None takes that of the decision's strategy.
        params : passed to the provider untouched, in OpenAI's names: ``tools``, ``response_format``, ``temperature``,
            ...; ``timeout`` is the seconds that the whole request may take.

        Returns
        -------
        execution : the answer, with every call that was made.

        Raises
        ------
        InvalidInputError
            If a parameter is one that the decision settles.
        AllCandidatesFailedError
            If nobody answers.
        MissingExtraError
            If litellm is not installed.
        """
        return self._loop.run(lambda: self.acomplete(query, decision, plan=plan, **params))

    async def acomplete(
        self, query: Query, decision: Decision, *, plan: Plan | None = None, **params: Any
    ) -> Execution:
        """Do the same on the caller's event loop; whoever is cancelled meanwhile cancels the call."""
        chosen, run = self._plan(decision, plan), self._run(query, decision, params)
        try:
            return await chosen.carry_out(run)
        finally:
            self._ended(run)

    def stream(self, query: Query, decision: Decision, *, plan: Plan | None = None, **params: Any) -> AnswerStream:
        """Carry a decision out and give the answer part by part, from the first one on.

        Whoever fails before his first part is replaced, as by :meth:`complete`; after it nobody can be.

        Raises
        ------
        InvalidInputError
            If the plan needs whole answers.
        AllCandidatesFailedError
            If nobody begins to answer.
        StreamBrokenError
            From the iteration, if the answer breaks off.
        """
        return AnswerStream(self._loop.run(lambda: self.astream(query, decision, plan=plan, **params)), self._loop)

    async def astream(
        self, query: Query, decision: Decision, *, plan: Plan | None = None, **params: Any
    ) -> AsyncAnswerStream:
        """Do the same on the caller's event loop."""
        chosen = self._plan(decision, plan)
        if not isinstance(chosen, StreamingPlan):
            raise InvalidInputError(
                f"the plan {type(chosen).__name__} of strategy {decision.strategy} reads whole answers and cannot "
                "stream; complete without stream, or take another strategy"
            )
        run = self._run(query, decision, params)
        begun = None
        try:
            begun = await chosen.begin(run)
        finally:
            if begun is None:
                self._ended(run)
        return await AsyncAnswerStream.of(run, begun, self._ended)

    def close(self) -> None:
        """Cancel what still runs on the executor's own loop, close its connections, and end its thread."""
        if self._loop.running:
            self._loop.run(close_clients)
        self._loop.close()

    async def aclose(self) -> None:
        """Close the connections that calls on the running loop have left open for the next ones."""
        await close_clients()

    def _plan(self, decision: Decision, given: Plan | None) -> Plan:
        return given or DEFAULT_PLANS[STRATEGIES[decision.strategy].plan]

    def _run(self, query: Query, decision: Decision, params: Mapping[str, Any]) -> Run:
        if wrong := sorted(OURS & set(params)):
            raise InvalidInputError(f"{', '.join(wrong)} cannot be passed on: the decision settles it")
        places = Deployments(self.catalog, self.options, self._turns)
        return Run(query, decision, params, self.options, places)


def _nothing(run: Run) -> None:
    """Hear of a request that is over, where nobody wants to."""
