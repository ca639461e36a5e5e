"""A shadow: the challenger decides on live traffic beside the requests, and nobody gets its answer."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from arbiter.errors import InvalidInputError, wordless
from arbiter.ledger import Event, Ledger, PromptStorage
from arbiter.records import Decision, Feedback, Outcome, Query
from arbiter.router import Router

logger = logging.getLogger(__name__)

Answer = Callable[[Query, Decision], Iterable[Outcome | Feedback]]
"""Carries a shadow's decision out and tells what came of it, keyed by the decision's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A challenger that is tried without any user noticing.

    Attributes
    ----------
    challenger : decides on every request that the service decided on, under the same circumstances.
    ledger : a ledger of its own: each decision has the id of the live one, and its own probabilities.
    answers : share of the requests whose decision is also carried out, in the background, and paid for; in [0, 1].
    most_waiting : requests that may wait for the challenger; beyond that they are passed over, and counted.
    """

    challenger: Router
    ledger: Ledger
    answers: float = 0.0
    most_waiting: int = 100

    def __post_init__(self) -> None:
        if not 0.0 <= self.answers <= 1.0 or self.most_waiting < 1:
            raise InvalidInputError(
                f"answers must lie in [0, 1] and most_waiting be 1 or more, got {self.answers} and {self.most_waiting}"
            )


class ShadowRun:
    """A shadow of one service, on a thread of its own.

    Parameters
    ----------
    shadow : what is tried.
    prompts : what its ledger keeps of requests.
    clock : gives seconds since 1970.
    answer : carries its decisions out; None answers nothing.
    """

    def __init__(
        self, shadow: Shadow, prompts: PromptStorage, clock: Callable[[], float], answer: Answer | None = None
    ) -> None:
        self._shadow = shadow
        self._prompts = prompts
        self._clock = clock
        self._answer = answer
        self._rng = np.random.default_rng()  # on the one thread alone
        self._room = threading.Semaphore(shadow.most_waiting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="arbiter-shadow")
        self.passed_over = 0
        self.failed = 0

    def observe(self, queries: Sequence[Query], decisions: Sequence[Decision]) -> None:
        """Have the challenger decide on what was just decided; returns at once.

        Parameters
        ----------
        queries : n requests, with their circumstances.
        decisions : the live ones.
        """
        for query, decision in zip(queries, decisions, strict=True):
            if not self._room.acquire(blocking=False):
                self.passed_over += 1
                continue
            self._thread.submit(self._decide, query, decision.id).add_done_callback(self._done)

    def close(self) -> None:
        """Wait for what is under way, and let go of the shadow's ledger."""
        self._thread.shutdown(wait=True)
        self._shadow.ledger.close()

    def _decide(self, query: Query, decision_id: str) -> None:
        decision = replace(self._shadow.challenger.route(query, self._rng), id=decision_id)
        event = Event(
            record=self._prompts.decided(decision), timestamp=self._clock(), prompt=self._prompts.written(query)
        )
        self._shadow.ledger.append(event)
        if self._answer is not None and self._rng.random() < self._shadow.answers:
            found = list(self._answer(query, decision))
            self._shadow.ledger.append_many(Event(record=record, timestamp=self._clock()) for record in found)

    def _done(self, future: "Future[None]") -> None:
        """Count what failed: whatever breaks in a shadow, requests never know of it."""
        self._room.release()
        error = future.exception()
        if error is not None:
            self.failed += 1
            logger.error("a shadow decision failed: %s", wordless(error))
