"""An experiment as it runs in a service: decides while it runs, follows the ledger, and ends by itself or on demand."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from arbiter.errors import ArbiterError
from arbiter.experiments.experiment import Experiment
from arbiter.experiments.fold import ExperimentFold
from arbiter.experiments.mixing import route_batch
from arbiter.following import Follower
from arbiter.judgements import FeedbackRules
from arbiter.ledger import Ledger
from arbiter.records import Decision, Query
from arbiter.router import Router

logger = logging.getLogger(__name__)


class Trial:
    """One experiment of a service; safe to share between threads.

    What has ended stays so: a canary's stop is a fact of the ledger, at which every process of that ledger, and every
    later start, comes to the same end.

    Parameters
    ----------
    experiment : its arms and guards.
    rules : what feedback is taken to mean.
    ledger : what it follows; read at once.
    clock, follow_s : as of the service: events that other processes recorded are looked for every so often.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    """

    def __init__(
        self,
        experiment: Experiment,
        rules: FeedbackRules,
        ledger: Ledger,
        clock: Callable[[], float] = time.time,
        follow_s: float = 2.0,
    ) -> None:
        self.experiment = experiment
        self._ledger = ledger
        self._lock = threading.Lock()
        self._fold = ExperimentFold(experiment=experiment.name, rules=rules, guards=experiment.guards)
        self._ended: str | None = None
        self._catch_up()
        self._follower = Follower(self.look, clock, follow_s)

    @property
    def ended(self) -> str | None:
        """Why it no longer runs; None while it does."""
        return self._ended

    def end(self, why: str) -> None:
        """Send all traffic to the control from now on, in this process."""
        if self._ended is None:
            logger.warning("experiment %s ends: %s", self.experiment.name, why)
            self._ended = why

    def look(self) -> None:
        """Take in what is new, and end if a guard was passed; a ledger that cannot be read ends nothing."""
        try:
            self._catch_up()
        except ArbiterError as error:
            logger.error("experiment %s could not look at the ledger: %s", self.experiment.name, error)

    def follow(self) -> None:
        """Take in what is new, if it is time; on a thread, so that nobody waits for it."""
        if self._ended is None:
            self._follower.follow()

    def close(self) -> None:
        """Wait for a look under way."""
        self._follower.close()

    def route_batch(
        self, control: Router, queries: Sequence[Query], rng: np.random.Generator, workers: int = 1
    ) -> list[Decision]:
        """Decide as :func:`arbiter.experiments.mixing.route_batch` does."""
        return route_batch(self.experiment, control, queries, rng, workers)

    def _catch_up(self) -> None:
        with self._lock:
            self._fold.catch_up(self._ledger)
            if self._fold.stop is not None:
                self.end(self._fold.stop.text)
