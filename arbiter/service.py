"""The service: a router with a ledger and a clock, that learns from feedback and never fails to answer."""

import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from arbiter import forked
from arbiter.cold_start import cold_start_router
from arbiter.completing import Completing
from arbiter.errors import InvalidInputError, LedgerError
from arbiter.feedback_details import FeedbackDetails, read_feedback
from arbiter.gatekeeper.assessed import assessed
from arbiter.intake import Request
from arbiter.judgements import preferred
from arbiter.learner import Learner, LearnerOptions
from arbiter.ledger import BufferedLedger, Event, Ledger, Pruned, SqliteLedger, open_ledger
from arbiter.loading import load_router
from arbiter.records import Decision, Feedback, Outcome, Query
from arbiter.route_options import RouteOptions, read_query
from arbiter.router import Router
from arbiter.service_options import ServiceOptions
from arbiter.standing import Standing

DAY_S = 86_400.0

__all__ = ["Arbiter", "ServiceOptions", "load"]

logger = logging.getLogger(__name__)


class Arbiter(Completing):
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
        self.standing = Standing(self.options.standing, self.options.clock)
        o = self.options
        how = LearnerOptions(rules=o.feedback, clock=o.clock, follow_s=o.follow_s)
        self._learner = Learner(self._assessing(router), self.ledger, how)
        self.standing.resumed(self.ledger, router.catalog)
        self._cold: Router | None = None
        self._rng = np.random.default_rng(self.options.seed)
        self._rng_lock = threading.Lock()
        super().__init__(router)

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
            If the service asks a budget, and it pays for nobody. Nothing else: whatever breaks inside, the router
            answers from keyword rules and ratings, and says so in ``decision.degraded``.
        """
        return self.route_batch([request], **options)[0]

    def route_batch(self, requests: Sequence[Request], **options: Unpack[RouteOptions]) -> list[Decision]:
        """Choose a candidate for each request; the same as one by one, faster.

        Raises
        ------
        InvalidInputError
            If a request or an option is wrong; then none is routed.
        """
        if isinstance(requests, str | Query):  # a text would be taken for a list of letters
            raise InvalidInputError(f"route_batch takes a list of requests, got {requests!r:.80}; use route for one")
        queries = [read_query(request, options) for request in requests]
        if not queries:
            return []
        self._learner.follow()
        queries = self.standing.budgeted(queries)
        decisions = self._decide(queries)
        self.standing.require_paid(queries, decisions)
        decisions = self._recorded(queries, decisions)
        for query, decision in zip(queries, decisions, strict=True):
            self.standing.served(query, decision.model)
            self.standing.reserved(query, decision)
        return decisions

    def feedback(self, decision_id: str, quality: float | None = None, **details: Unpack[FeedbackDetails]) -> None:
        """Record a judgement of a decision's answer, and learn from it.

        Late, partial and repeated feedback are all normal: None is unknown, never 0; the last value of one
        (decision, source, key) holds.

        Parameters
        ----------
        decision_id : ``decision.id``.
        quality : in [0, 1].
        details : ``cost_usd``, ``latency_s``, ``source`` (human, judge, implicit, code), ``key``.

        Raises
        ------
        InvalidInputError
            If a value is wrong.
        UnknownDecisionError
            If the ledger does not hold the decision.
        LedgerError
            If the feedback cannot be written: then it has not been learned from either. Once this returns, it is in
            the ledger for good.
        """
        record = read_feedback(decision_id, quality, details)
        self._learn([(self.ledger.decision(decision_id), record)])

    def record(self, outcome: Outcome) -> None:
        """Record what came of one call, made for a decision: the metrics and the paced budget know of it.

        Raises
        ------
        UnknownDecisionError
            If the ledger does not hold the decision.
        LedgerError
            If it cannot be written.
        """
        self.ledger.decision(outcome.decision_id)  # a buffered ledger would find out too late to say it here
        self.ledger.append(Event(record=outcome, timestamp=self.options.clock()))
        self.standing.measured(outcome.decision_id, outcome.cost_usd)

    def prefer(self, winner_id: str, over: str) -> None:
        """Record that one decision's answer is better than another's, and learn from it.

        Parameters
        ----------
        winner_id, over : ids of two decisions on the same request.

        Raises
        ------
        InvalidInputError, UnknownDecisionError, LedgerError
            As :meth:`feedback`; see :func:`arbiter.learning.preferred`.
        """
        winner, loser = self.ledger.decision(winner_id), self.ledger.decision(over)
        self._learn(list(zip((winner, loser), preferred(winner, loser), strict=True)))

    def _learn(self, judged: Sequence[tuple[Decision, Feedback]]) -> None:
        for decision, record in judged:
            self.options.feedback.quality(decision, record)  # a reward that is wrong is refused before it is recorded
        now = self.options.clock()
        self.ledger.append_many(Event(record=record, timestamp=now) for _, record in judged)
        for decision, record in judged:
            self.standing.measured(decision.id, record.cost_usd)
        self._learner.learn()

    def swap(self, router: Router) -> None:
        """Serve another router from now on; what the ledger holds is folded into it first.

        Requests are answered meanwhile, by the old router; feedback waits only for the last part of the fold.

        Raises
        ------
        LedgerError
            If the ledger cannot be read; then the old router goes on.
        """
        self._learner.swap(self._assessing(router))

    def change(self, change: Callable[[Router], Router]) -> None:
        """Serve a changed router from now on, with everything learned so far; see :mod:`arbiter.lineup`.

        To keep it beyond this process, save ``router`` as a bundle; the bundle remembers how far it has learned.

        Parameters
        ----------
        change : gives another router, e.g. ``lambda old: lineup.repriced(old, "gpt-4o", usd_per_mtok_in=2.0)``.
        """
        self._learner.change(change)

    def snapshot(self) -> bool:
        """Keep in the ledger what was learned so far, so that a start need not fold it anew; done now and then anyway.

        Returns
        -------
        kept : False where a start could not tell that it is the same fold: after :meth:`change`, with a reward that has
            no version, in a ledger that ends with the process.

        Raises
        ------
        LedgerError
            If it cannot be written.
        """
        return self._learner.snapshot()

    def prune(self, older_than_days: float) -> Pruned:
        """Delete old decisions and all that belongs to them from the ledger, after a snapshot of what they taught.

        See :meth:`arbiter.ledger.Ledger.prune`. Feedback on a deleted decision is refused from then on, and a bundle
        that was trained later no longer learns from them.

        Raises
        ------
        InvalidInputError
            If the number of days is not above 0.
        LedgerError
            If it cannot be written.
        """
        if not older_than_days > 0.0:
            raise InvalidInputError(f"older_than_days must be above 0, got {older_than_days}")
        before = self.options.clock() - older_than_days * DAY_S  # read first: the snapshot must be younger
        self.snapshot()
        return self.ledger.prune(before)

    def close(self) -> None:
        """End calls that are under way, write what is pending, and let go of the ledger."""
        self.executor.close()
        self._learner.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _assessing(self, router: Router) -> Router:
        """Give the router that asks this service's assessor, if it has one."""
        if self.options.assessor is None:
            return router
        return replace(router, gatekeeper=assessed(router.gatekeeper, self.options.assessor))

    def _decide(self, queries: Sequence[Query]) -> list[Decision]:
        router, rng = self.router, self._spawned()
        try:
            return forked.route_batch(router, self.standing.placed(queries, router.catalog), rng, self.options.workers)
        except Exception as error:  # the one border at which the router must fail open
            logger.exception("routing failed; answering from keyword rules and ratings")
            why = f"{type(error).__name__}: {error}"
        # Without a context, which is another than the router's: feedback on such a decision teaches nothing.
        return [
            replace(decision, degraded=(*decision.degraded, why), context=(), context_version="")
            for decision in self._cold_router(router).route_batch(queries, rng)
        ]

    def _cold_router(self, router: Router) -> Router:
        """Give the router that needs no training, under the limits of the one that failed; made once, as it is slow."""
        cold = self._cold
        if cold is None or cold.catalog is not router.catalog or cold.settings is not router.settings:
            cold = self._cold = cold_start_router(router.catalog, router.settings)
        return cold

    def _spawned(self) -> np.random.Generator:
        with self._rng_lock:
            return self._rng.spawn(1)[0]

    def _recorded(self, queries: Sequence[Query], decisions: list[Decision]) -> list[Decision]:
        if self.options.seed is not None:  # of the choices: identities must differ from those of an earlier process
            decisions = [replace(decision, id=secrets.token_hex(16)) for decision in decisions]
        try:
            self._record(queries, decisions)
        except (LedgerError, InvalidInputError) as error:
            logger.error("the ledger did not take %d decisions: %s", len(decisions), error)
            return [replace(decision, degraded=(*decision.degraded, f"ledger: {error}")) for decision in decisions]
        return decisions

    def _record(self, queries: Sequence[Query], decisions: Sequence[Decision]) -> None:
        now = self.options.clock()
        kept = [self._kept(query) for query in queries]
        self.ledger.append_many(Event(record=d, timestamp=now, prompt=k) for d, k in zip(decisions, kept, strict=True))

    def _kept(self, query: Query) -> Mapping[str, Any] | None:
        """Give what the ledger keeps of a request; nothing where it cannot be written down."""
        kept = self.options.prompts.kept(query)
        try:
            json.dumps(kept, ensure_ascii=False).encode()
        except (TypeError, ValueError) as error:  # objects in messages, or half a character in a text
            logger.warning("a request is recorded without its text: %s", type(error).__name__)
            return None
        return kept


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
        memory, so that feedback works until the process ends. For a file or a server decisions are written in the
        background (:class:`arbiter.ledger.BufferedLedger`); give a ``SqliteLedger`` to have each on the disk before
        ``route`` returns.
    options : seed, clock, privacy.

    Raises
    ------
    BundleError
        If there is no bundle, or it is damaged.
    LedgerError
        If the ledger cannot be opened.
    """
    router = load_router(source)  # first: where it fails, no ledger's file is made
    opened = BufferedLedger(open_ledger(ledger)) if isinstance(ledger, str | Path) else ledger
    return Arbiter(router, opened, options)
