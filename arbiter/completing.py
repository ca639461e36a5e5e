"""The part of the service that has decisions carried out."""

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from arbiter.errors import InvalidInputError, LedgerError
from arbiter.execution import AnswerStream, AsyncAnswerStream, Execution, Executor, HealthFollower, Plan, Run
from arbiter.governance.auditing import tell_outcome
from arbiter.intake import Request
from arbiter.ledger import Event, Ledger
from arbiter.records import Decision, Query
from arbiter.route_options import RouteOptions, read_query
from arbiter.router import Router
from arbiter.service_options import ServiceOptions
from arbiter.standing import Standing
from arbiter.telling import Telling
from arbiter.trials import Trials
from arbiter.vocabulary import Capability

logger = logging.getLogger(__name__)

Params = Mapping[str, Any]


class Completing(ABC):
    """Routes a request, has the decision carried out, and records what came of it.

    Attributes
    ----------
    ledger, options, standing, telling, trials : the service's.
    """

    ledger: Ledger
    options: ServiceOptions
    standing: Standing
    telling: Telling
    trials: Trials

    def __init__(self, router: Router) -> None:
        clock, follow_s = self.options.clock, self.options.execution.health.follow_s
        self._executing = Executor(router.catalog, self.options.execution, self._ended, clock, self.options.governance)
        self._executing_lock = threading.Lock()
        health = self._executing.health
        self._health = HealthFollower(self.ledger, health, lambda: self.router.catalog, follow_s)
        self._health.catch_up()

    @property
    @abstractmethod
    def router(self) -> Router:
        """The router as it stands."""

    @abstractmethod
    def route(self, request: Request, **options: Unpack[RouteOptions]) -> Decision:
        """Choose a candidate for a request."""

    @property
    def executor(self) -> Executor:
        """What carries decisions out, over the catalog as it stands."""
        catalog = self.router.catalog
        with self._executing_lock:
            if self._executing.catalog is not catalog:
                self._executing = self._executing.over(catalog)
            return self._executing

    def complete(
        self,
        request: Request,
        *,
        params: Params | None = None,
        plan: Plan | None = None,
        **options: Unpack[RouteOptions],
    ) -> Execution:
        """Route a request and give the answer.

        Parameters
        ----------
        request : a prompt, OpenAI messages, or a Query.
        params : passed to the provider untouched, in OpenAI's names; tools, a JSON form and a limit of the answer's
            length are also demanded of the candidate.
        plan : how the decision is carried out; None takes that of its strategy.
        options : as of :meth:`route`.

        Returns
        -------
        execution : answer and decision; the ledger holds the outcome of every call.

        Raises
        ------
        InvalidInputError
            If the request, an option or a parameter is wrong.
        BudgetError
            As :meth:`route`.
        AllCandidatesFailedError
            If nobody answers.
        MissingExtraError
            If litellm is not installed.
        """
        query, decision = self._decided(request, params, options)
        return self.executor.complete(query, decision, plan=plan, **(params or {}))

    async def acomplete(
        self,
        request: Request,
        *,
        params: Params | None = None,
        plan: Plan | None = None,
        **options: Unpack[RouteOptions],
    ) -> Execution:
        """Do the same on the caller's event loop, which waits for nothing meanwhile."""
        query, decision = await self._adecided(request, params, options)
        return await self.executor.acomplete(query, decision, plan=plan, **(params or {}))

    def stream(
        self,
        request: Request,
        *,
        params: Params | None = None,
        plan: Plan | None = None,
        **options: Unpack[RouteOptions],
    ) -> AnswerStream:
        """Route a request and give the answer part by part; see :meth:`arbiter.execution.Executor.stream`."""
        query, decision = self._decided(request, params, options)
        return self.executor.stream(query, decision, plan=plan, **(params or {}))

    async def astream(
        self,
        request: Request,
        *,
        params: Params | None = None,
        plan: Plan | None = None,
        **options: Unpack[RouteOptions],
    ) -> AsyncAnswerStream:
        """Do the same on the caller's event loop."""
        query, decision = await self._adecided(request, params, options)
        return await self.executor.astream(query, decision, plan=plan, **(params or {}))

    def _out(self) -> Mapping[str, str]:
        """Give who may not be called just now: by the user's own hook, and by what came of calls."""
        self._health.look()
        told = self.options.standing.out
        return {**self.executor.out(), **(told() if told is not None else {})}

    def _decided(self, request: Request, params: Params | None, options: RouteOptions) -> tuple[Query, Decision]:
        query = demanding(read_query(request, options), params or {})
        return query, self.route(query)

    async def _adecided(self, request: Request, params: Params | None, options: RouteOptions) -> tuple[Query, Decision]:
        """Decide in a thread where somebody is asked who may take his time; else at once, which takes a millisecond."""
        budgets = (self.options.standing.budget_left_usd, self.options.governance.budget)
        asks = self.options.assessor is not None or any(budget is not None for budget in budgets)
        return (
            await asyncio.to_thread(self._decided, request, params, options)
            if asks
            else self._decided(request, params, options)
        )

    def _ended(self, run: Run) -> None:
        """Record what came of every call; where the ledger does not take it, the answer still reaches the caller."""
        decision, attempts, now = run.decision, run.attempts, self.options.clock()
        outcomes = [attempt.outcome(decision.id) for attempt in attempts]
        events = [Event(record=outcome, timestamp=now) for outcome in outcomes]
        try:
            self.ledger.append_many(events)
        except (LedgerError, InvalidInputError) as error:
            logger.error("the ledger failed at the outcomes of decision %s: %s", decision.id, error)
        for tried, outcome in zip(run.tried, outcomes, strict=True):
            self.standing.answered(outcome)
            answer = "" if tried.reply is None else tried.reply.text
            tell_outcome(self.options.governance, run.query, outcome, answer, now)
        self.trials.follow()
        served = next((a.model for a in attempts if a.reason is None), None)
        if served not in (None, decision.model):
            self.standing.served(run.query, served)
        self.telling.recorded(events)
        self.telling.over(run)


def demanding(query: Query, params: Params) -> Query:
    """Give a request that demands of its candidate what its parameters need: tools, JSON, room to answer."""
    form = params.get("response_format")
    plain = form is None or (isinstance(form, Mapping) and form.get("type") == "text")
    needed = {Capability.TOOLS: bool(params.get("tools")), Capability.JSON_MODE: not plain}
    own = query.requirements
    capabilities = own.capabilities | {capability for capability, asked in needed.items() if asked}
    room = own.max_output_tokens or params.get("max_completion_tokens") or params.get("max_tokens")
    if capabilities == own.capabilities and room == own.max_output_tokens:
        return query
    return replace(query, requirements=replace(own, capabilities=capabilities, max_output_tokens=room))
