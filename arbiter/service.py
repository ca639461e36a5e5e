"""The service: a router with a ledger and a clock, that learns from feedback and never fails to answer."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, Unpack

from arbiter.completing import Completing
from arbiter.drift import DriftWatch
from arbiter.errors import InvalidInputError, LedgerError, UnknownDecisionError
from arbiter.failing_open import FailingOpen
from arbiter.feedback_details import FeedbackDetails, read_feedback, read_outcome
from arbiter.following import Follower
from arbiter.governance.auditing import audited, refusals_told, tell_outcome
from arbiter.intake import Request
from arbiter.judgements import preferred
from arbiter.learner import Learner, LearnerOptions
from arbiter.ledger import BufferedLedger, Event, Ledger, SqliteLedger, open_ledger
from arbiter.loading import load_router
from arbiter.observed import observed
from arbiter.records import Decision, Feedback, Outcome, Query
from arbiter.rotation import Rotation
from arbiter.route_options import RouteOptions, read_query
from arbiter.router import Router
from arbiter.service_options import ServiceOptions
from arbiter.standing import Standing
from arbiter.telling import Telling
from arbiter.tending import Tending
from arbiter.trials import Trials

__all__ = ["Arbiter", "ServiceOptions", "load"]

ATTEMPTS = 5
"""Times that a request is decided at most, where others spend meanwhile what it was decided by."""

logger = logging.getLogger(__name__)


class Arbiter(Completing, Tending):
    """Routes requests, carries decisions out, records what came of them, and learns; safe to share between threads.

    Readers take the router as it stands, an immutable snapshot; one lock orders the updates. What was learned is the
    fold over the ledger's feedback in its order, whichever process recorded it.

    Parameters
    ----------
    router : what decides.
    ledger : what records; the feedback that it holds is folded in at once. None keeps a ledger in memory.
    options : seed, clock, privacy.
    """

    def __init__(self, router: Router, ledger: Ledger | None = None, options: ServiceOptions | None = None) -> None:
        self.ledger: Ledger = ledger if ledger is not None else SqliteLedger(":memory:")
        self.options = options or ServiceOptions()
        o, shared = self.options, bool(self.ledger.identity) and math.isfinite(self.options.follow_s)
        self.standing = Standing(replace(o.standing, out=self._out), o.clock, o.governance, shared=shared)
        self._rotation = Rotation(o.turns, o.seed)
        self.telling = Telling(o.observers, o.listeners, o.prompts)
        self._learner = Learner(o.serving(router), self.ledger, LearnerOptions(rules=o.feedback, clock=o.clock))
        self.standing.follow(self.ledger)
        looks = (self._learner.learn, lambda: self.standing.follow(self.ledger))
        self._follower = Follower(looks, o.clock, o.follow_s if shared else math.inf)
        self.drift = DriftWatch(self.ledger, o.drift, o.clock)
        self._deciding = FailingOpen(self.standing, o.seed, o.workers)
        super().__init__(router)
        self.trials = Trials(o, self.ledger)

    @property
    def router(self) -> Router:
        """The router as it stands, with everything learned so far."""
        return self._learner.router

    def route(self, request: Request, **options: Unpack[RouteOptions]) -> Decision:
        """Choose a candidate for a request.

        Parameters
        ----------
        request : a prompt, OpenAI messages, or a Query.
        options : limits and wishes, e.g. ``max_cost_usd=0.02``.

        Returns
        -------
        decision : with its propensity; recorded in the ledger.

        Raises
        ------
        InvalidInputError
            If the request or an option is wrong.
        BudgetError
            If the service asks a budget, and it pays for nobody.
        AuditError
            If the decision cannot be audited and must be. Nothing else: whatever breaks inside, the router answers from
            keyword rules and ratings, and says so in ``decision.degraded``.
        """
        return self.route_batch([request], **options)[0]

    def route_batch(self, requests: Sequence[Request], **options: Unpack[RouteOptions]) -> list[Decision]:
        """Choose a candidate for each request; the same as one by one, faster.

        Raises
        ------
        InvalidInputError
            If a request or an option is wrong; then none is routed.
        BudgetError
            If the service asks a budget, and it pays for nobody. Nothing is recorded then, save, where a budget is
            paced, of the requests before: that decides one by one.
        """
        if isinstance(requests, str | Query):  # a text would be taken for a list of letters
            raise InvalidInputError(f"route_batch takes a list of requests, got {requests!r:.80}; use route for one")
        queries = [read_query(request, options) for request in requests]
        if not queries:
            return []
        self._look_around()
        # What one request may cost hangs on what the one before it did, where a budget is paced.
        parts = [queries] if self.standing.pacer is None else [[query] for query in queries]
        return [decision for part in parts for decision in self._served(part)]

    def feedback(self, decision_id: str, quality: float | None = None, **details: Unpack[FeedbackDetails]) -> None:
        """Record a judgement of a decision's answer, and learn from it.

        The decision may be named by the id of the answer, too, where an outcome with that id was recorded.

        Late, partial and repeated feedback are all normal: None is unknown, never 0; the last value of one
        (decision, source, key) holds.

        Parameters
        ----------
        decision_id : ``decision.id``, or ``response.id``.
        quality : in [0, 1].
        details : ``cost_usd``, ``latency_s``, ``source`` (human, judge, implicit, code), ``key``.

        Raises
        ------
        InvalidInputError
            If a value is wrong.
        UnknownDecisionError
            If the ledger holds no such decision and no such answer.
        LedgerError
            If the feedback cannot be written: then it has not been learned from either. Once this returns, it is in
            the ledger for good.
        """
        record = read_feedback(decision_id, quality, details)
        decision = self._decision_named(decision_id)
        self._learn([(decision, replace(record, decision_id=decision.id))])

    def observe(self, request: Request, model: str, **options: Unpack[RouteOptions]) -> Decision:
        """Record that somebody else chose a model for a request, so that feedback on its answer teaches the router.

        Parameters
        ----------
        request : a prompt, OpenAI messages, or a Query.
        model : the one that was called, under its name in the catalog where that has it.
        options : such as ``user`` and ``session_id``.

        Returns
        -------
        decision : with an unknown propensity; see :func:`arbiter.observed.observed`.

        Raises
        ------
        InvalidInputError
            If the request or an option is wrong.
        """
        query = read_query(request, options)
        (query,), (decision,) = self._deciding.decide(self.router, [query], None)
        return self._recorded([query], [observed(decision, model)], self.options.clock())[0]

    def record(self, outcome: Outcome) -> None:
        """Record what came of one call that you made for a decision: metrics, budgets and audit know of it.

        Its cost is charged to the quotas of ``options.governance``, as the decision's user's: :meth:`complete` charges
        its own calls, so this is for those made elsewhere. Recording it again charges nothing.

        Raises
        ------
        InvalidInputError, UnknownDecisionError, LedgerError
            If a value is wrong, the ledger does not hold the decision, or it cannot be written.
        """
        outcome = read_outcome(outcome)
        decision = self.ledger.decision(outcome.decision_id)  # a buffered ledger would find out too late to say it here
        now, governance = self.options.clock(), self.options.governance
        event = Event(record=outcome, timestamp=now)
        self.ledger.append(event)
        self.telling.recorded([event])
        query = Query(text="", user=decision.user, session_id=decision.session_id)
        governance.charge(f"{decision.id} {outcome.model} {outcome.attempt}", query, outcome.cost_usd, now)
        tell_outcome(governance, query, outcome, "", now)
        self.standing.answered(outcome)
        self.trials.look()

    def prefer(self, winner_id: str, over: str) -> None:
        """Record that one decision's answer is better than another's, and learn from it.

        Parameters
        ----------
        winner_id, over : ids of two decisions on the same request.

        Raises
        ------
        InvalidInputError, UnknownDecisionError, LedgerError
            As :meth:`feedback`; see :func:`arbiter.judgements.preferred`.
        """
        winner, loser = self.ledger.decision(winner_id), self.ledger.decision(over)
        self._learn(list(zip((winner, loser), preferred(winner, loser), strict=True)))

    def _served(self, queries: list[Query]) -> list[Decision]:
        governance = self.options.governance
        with refusals_told(governance, queries, self.options.clock):
            queries, decisions, now = self._reserved(self.standing.budgeted(queries))
        for query, decision in zip(queries, decisions, strict=True):
            self.standing.served(query, decision.model)
        decisions = self._recorded(queries, decisions, now)
        decisions = audited(governance, queries, decisions, now)
        self.trials.observe(queries, decisions)
        return decisions

    def _reserved(self, queries: list[Query]) -> tuple[list[Query], list[Decision], float]:
        """Decide until nobody else has spent meanwhile what it was decided by; give the time of the decisions, too."""
        for attempt in range(ATTEMPTS):
            placed, decided = self._deciding.decide(self.router, queries, self.trials.running)
            decisions, now = self._rotation.turned(decided), self.options.clock()
            self.standing.require_paid(placed, decisions)
            if self.standing.reserved(placed, decisions, now, last=attempt == ATTEMPTS - 1):
                break
            self._rotation.give_back(decisions)
        return placed, decisions, now

    def _decision_named(self, name: str) -> Decision:
        """Give the decision of that id, or the one whose answer has it."""
        try:
            return self.ledger.decision(name)
        except UnknownDecisionError as unknown:
            try:
                return self.ledger.decision(self.ledger.answered(name))
            except UnknownDecisionError:
                raise unknown from None

    def _learn(self, judged: Sequence[tuple[Decision, Feedback]]) -> None:
        for decision, record in judged:
            self.options.feedback.quality(decision, record)  # a reward that is wrong is refused before it is recorded
        now = self.options.clock()
        events = [Event(record=record, timestamp=now) for _, record in judged]
        self.ledger.append_many(events)
        self.telling.recorded(events)
        for _, record in judged:
            self.standing.answered(record)
        self._learner.learn()
        self.trials.look()

    def close(self) -> None:
        """End calls that are under way, write what is pending, and let go of the ledger."""
        self.executor.close()
        self.trials.close()
        self._health.close()
        self._follower.close()
        self.drift.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _recorded(self, queries: Sequence[Query], decisions: list[Decision], now: float) -> list[Decision]:
        kept, pairs = self.options.prompts, zip(queries, decisions, strict=True)
        events = [Event(record=kept.decided(d), timestamp=now, prompt=kept.written(q)) for q, d in pairs]
        self.telling.recorded(events)
        try:
            self.ledger.append_many(events)
        except (LedgerError, InvalidInputError) as error:
            logger.error("the ledger failed at %d decisions: %s", len(decisions), error)
            return [replace(decision, degraded=(*decision.degraded, f"ledger: {error}")) for decision in decisions]
        return decisions


def load(
    source: str | Path | None = None,
    *,
    ledger: str | Path | Ledger | None = None,
    options: ServiceOptions | None = None,
) -> Arbiter:
    """Load a router and serve it.

    Parameters
    ----------
    source : a bundle's folder, ``models:/arbiter@champion`` of an MLflow registry, or None for the shipped default.
    ledger : an SQLite file, ``postgresql://user@host/database`` for many hosts, or any ledger; None keeps decisions in
        memory, so that feedback works until the service is closed. Decisions are written in the background
        (:class:`arbiter.ledger.BufferedLedger`); give a ``SqliteLedger`` to have each on the disk before ``route``
        returns.
    options : seed, clock, privacy.

    Raises
    ------
    BundleError
        If there is no bundle, or it is damaged.
    LedgerError
        If the ledger cannot be opened.
    """
    router = load_router(source)  # first: where it fails, no ledger's file is made
    kept: str | Path | Ledger = ":memory:" if ledger is None else ledger
    return Arbiter(router, BufferedLedger(open_ledger(kept)) if isinstance(kept, str | Path) else kept, options)
