"""The border at which the router fails open: whatever breaks while deciding, somebody is chosen."""

import logging
import secrets
from dataclasses import replace

import numpy as np

from arbiter import forked
from arbiter.cold_start import cold_start_router
from arbiter.errors import way_of, wordless
from arbiter.experiments import Trial
from arbiter.records import Decision, Query
from arbiter.router import Router
from arbiter.standing import Standing

logger = logging.getLogger(__name__)


class FailingOpen:
    """Decides by a router and, where that fails, by keyword rules and ratings; safe to share between threads.

    Parameters
    ----------
    standing : tells the circumstances of requests.
    seed : of the choices; None takes fresh entropy.
    workers : processes among which a great batch is divided.
    """

    def __init__(self, standing: Standing, seed: int | None, workers: int) -> None:
        self._standing = standing
        self._seeded = seed is not None
        self._workers = workers
        self._cold: Router | None = None
        self._rng = np.random.default_rng(seed)  # has a lock of its own: threads draw from it in turn

    def decide(self, router: Router, queries: list[Query], running: Trial | None) -> tuple[list[Query], list[Decision]]:
        """Give the requests with all their circumstances, and a decision on each.

        Parameters
        ----------
        router : the one that serves.
        queries : n requests.
        running : an experiment that decides in its stead; where that fails it is ended. None has none.
        """
        why = ""
        for trial in (running, None) if running is not None else (None,):
            try:
                placed, decisions = self._routed(router, queries, trial)
            except Exception as error:  # noqa: BLE001  # the border at which the router must fail open
                why = wordless(error)
                logger.error("routing failed (%s); answering from keyword rules and ratings", why)
                logger.debug("it came from\n%s", way_of(error))
                continue
            if why and running is not None:
                running.end(f"the challenger failed: {why}")
            return placed, self._identified(decisions)
        # Without a context, which is another than the router's: feedback on such a decision teaches nothing.
        return queries, self._identified(
            [
                replace(decision, degraded=(*decision.degraded, why), context=(), context_version="")
                for decision in self._cold_router(router).route_batch(queries, self._rng)
            ]
        )

    def _routed(self, router: Router, queries: list[Query], trial: Trial | None) -> tuple[list[Query], list[Decision]]:
        placed = self._standing.placed(queries, router.catalog)
        if trial is not None:
            return placed, trial.route_batch(router, placed, self._rng, self._workers)
        return placed, forked.route_batch(router, placed, self._rng, self._workers)

    def _cold_router(self, router: Router) -> Router:
        """Give the router that needs no training, under the limits of the one that failed; made once, as it is slow."""
        cold = self._cold
        if cold is None or cold.catalog is not router.catalog or cold.settings is not router.settings:
            cold = self._cold = cold_start_router(router.catalog, router.settings)
        return cold

    def _identified(self, decisions: list[Decision]) -> list[Decision]:
        """Give decisions identities that differ from those of an earlier process with the same seed."""
        return [replace(d, id=secrets.token_hex(16)) for d in decisions] if self._seeded else decisions
