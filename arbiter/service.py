"""The service: a router with a ledger and a clock, that learns from feedback and never fails to answer."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from arbiter.cold_start import cold_start_router
from arbiter.errors import InvalidInputError, LedgerError
from arbiter.intake import Request, read_request
from arbiter.learning import after_feedback, replay
from arbiter.ledger import Event, Ledger, PromptStorage, SqliteLedger
from arbiter.loading import load_router
from arbiter.records import Decision, Feedback, Query, Requirements
from arbiter.router import Router
from arbiter.strategies import read_strategy
from arbiter.vocabulary import Capability, FeedbackSource

logger = logging.getLogger(__name__)


class RouteOptions(TypedDict, total=False):
    """What a call may ask for besides the request; see :class:`arbiter.records.Requirements` and ``Query``."""

    capabilities: frozenset[Capability]
    max_cost_usd: float | None
    max_latency_s: float | None
    min_quality: float | None
    max_output_tokens: int | None
    local_only: bool
    regions: frozenset[str]
    compliance: frozenset[str]
    allow: frozenset[str] | None
    deny: frozenset[str]
    strategy: str | None
    session_id: str | None
    user: str | None


OF_QUERY = ("session_id", "user")


class FeedbackDetails(TypedDict, total=False):
    """What feedback may carry besides a decision's id and a quality; see :class:`arbiter.records.Feedback`."""

    cost_usd: float | None
    latency_s: float | None
    source: FeedbackSource | str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """How a service runs.

    Attributes
    ----------
    seed : of the choices; None takes fresh entropy, as serving should (a repeated seed repeats the choices).
    clock : gives seconds since 1970.
    prompts : what the ledger keeps of requests.
    """

    seed: int | None = None
    clock: Callable[[], float] = time.time
    prompts: PromptStorage = field(default_factory=PromptStorage)


class Arbiter:
    """Routes requests, records decisions and feedback, and learns; safe to share between threads.

    Readers take the router as it stands, an immutable snapshot; one lock orders the updates.

    Parameters
    ----------
    router : what decides.
    ledger : what records; the feedback that it holds is folded in at once. None keeps a ledger in memory.
    options : seed, clock, privacy.
    """

    def __init__(self, router: Router, ledger: Ledger | None = None, options: ServiceOptions | None = None) -> None:
        self.ledger: Ledger = ledger if ledger is not None else SqliteLedger(":memory:")
        self.options = options or ServiceOptions()
        self._loaded = router
        self._router, self._judgements = replay(router, self.ledger)
        self._rng = np.random.default_rng(self.options.seed)
        self._lock = threading.Lock()
        self._rng_lock = threading.Lock()

    @property
    def router(self) -> Router:
        """The router as it stands, with everything learned so far."""
        return self._router

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
            If the request or an option is wrong. Nothing else: whatever breaks inside, the router answers from
            keyword rules and ratings, and says so in ``decision.degraded``.
        """
        return self.route_batch([request], **options)[0]

    def route_batch(self, requests: Sequence[Request], **options: Unpack[RouteOptions]) -> list[Decision]:
        """Choose a candidate for each request; the same as one by one, faster."""
        queries = [_query(request, options) for request in requests]
        if not queries:
            return []
        return self._recorded(queries, self._decide(queries))

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
            If the feedback cannot be written: then it has not been learned from either.
        """
        record = _feedback(decision_id, quality, details)
        decision = self.ledger.decision(decision_id)
        with self._lock:
            self.ledger.append(Event(record=record, timestamp=self.options.clock()))
            before, after = self._judgements.change(record)
            self._router = after_feedback(self._router, decision, before, after)

    def swap(self, router: Router) -> None:
        """Serve another router from now on; what the ledger holds is folded into it first."""
        learned, judgements = replay(router, self.ledger)
        with self._lock:
            self._loaded, self._router, self._judgements = router, learned, judgements

    def close(self) -> None:
        """Write what is pending and let go of the ledger."""
        self.ledger.close()

    def _decide(self, queries: Sequence[Query]) -> list[Decision]:
        router, rng = self._router, self._spawned()
        try:
            return router.route_batch(queries, rng)
        except Exception as error:  # noqa: BLE001  # the one border at which the router must fail open
            logger.exception("routing failed; answering from keyword rules and ratings")
            why = f"{type(error).__name__}: {error}"
        decisions = cold_start_router(router.catalog).route_batch(queries, rng)
        return [replace(decision, degraded=(*decision.degraded, why)) for decision in decisions]

    def _spawned(self) -> np.random.Generator:
        with self._rng_lock:
            return self._rng.spawn(1)[0]

    def _recorded(self, queries: Sequence[Query], decisions: list[Decision]) -> list[Decision]:
        now = self.options.clock()
        kept = [self.options.prompts.kept(query) for query in queries]
        events = [Event(record=d, timestamp=now, prompt=k) for d, k in zip(decisions, kept, strict=True)]
        try:
            self.ledger.append_many(events)
        except LedgerError as error:
            logger.error("the ledger did not take %d decisions: %s", len(events), error)
            return [replace(decision, degraded=(*decision.degraded, f"ledger: {error}")) for decision in decisions]
        return decisions


def load(
    source: str | Path | None = None, *, ledger: str | Path | Ledger | None = None, options: ServiceOptions | None = None
) -> Arbiter:
    """Load a router and serve it.

    Parameters
    ----------
    source : a bundle's folder, ``models:/arbiter@champion`` of an MLflow registry, or None for the shipped default.
    ledger : a SQLite file, or any ledger; None keeps decisions in memory, so that feedback works until the process
        ends.
    options : seed, clock, privacy.

    Raises
    ------
    BundleError
        If there is no bundle, or it is damaged.
    LedgerError
        If the ledger cannot be opened.
    """
    opened = SqliteLedger(ledger) if isinstance(ledger, str | Path) else ledger
    return Arbiter(load_router(source), opened, options)


def _query(request: Request, options: RouteOptions) -> Query:
    allowed = RouteOptions.__optional_keys__
    unknown = sorted(set(options) - allowed)
    if unknown:
        raise InvalidInputError(f"unknown option {', '.join(unknown)}; there are {', '.join(sorted(allowed))}")
    required = {k: v for k, v in options.items() if k not in OF_QUERY and k != "strategy"}
    query = read_request(request, Requirements(**required) if required else None)  # type: ignore[arg-type]  # TypedDict
    changes: dict[str, object] = {k: options[k] for k in OF_QUERY if k in options}  # type: ignore[literal-required]
    strategy = options.get("strategy")
    if strategy is not None:
        changes["strategy"] = read_strategy(strategy)
    return replace(query, **changes) if changes else query  # type: ignore[arg-type]


def _feedback(decision_id: str, quality: float | None, details: FeedbackDetails) -> Feedback:
    if quality is not None and not 0.0 <= quality <= 1.0:
        raise InvalidInputError(f"quality must lie in [0, 1], got {quality}; divide by the greatest value of the scale")
    for name in ("cost_usd", "latency_s"):
        value = details.get(name)
        if value is not None and not value >= 0:
            raise InvalidInputError(f"{name} must be a number from 0 up, or None where unknown; got {value}")
    source = details.get("source", FeedbackSource.HUMAN)
    if source not in set(FeedbackSource):
        raise InvalidInputError(f"unknown source {source!r}; there are {', '.join(FeedbackSource)}")
    return Feedback(
        decision_id=decision_id,
        quality=None if quality is None else float(quality),
        cost_usd=details.get("cost_usd"),
        latency_s=details.get("latency_s"),
        source=FeedbackSource(source),
        key=details.get("key", ""),
    )


