"""The router as it stands, and all that moves it: feedback of this process and of others, swaps, changes."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from arbiter.errors import ArbiterError, LedgerError
from arbiter.following import Follower
from arbiter.judgements import FeedbackRules
from arbiter.learning import Replay, replay, resumed
from arbiter.ledger import Ledger, Snapshot
from arbiter.router import Router
from arbiter.snapshots import policy_text, snapshot_name

SNAPSHOT_EVERY = 500
"""Feedbacks after which a snapshot is kept. To fold that many again at a start costs some tenths of a second."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerOptions:
    """How a learner runs.

    Attributes
    ----------
    rules : what feedback is taken to mean.
    clock : gives seconds since 1970.
    follow_s : seconds after which feedback that other processes recorded is looked for; infinite never does.
    """

    rules: FeedbackRules
    clock: Callable[[], float]
    follow_s: float


class Learner:
    """Folds a ledger's feedback into a router; readers take the router without a lock.

    Parameters
    ----------
    router : what learns; what the ledger holds is folded in at once.
    ledger : from what.
    options : see there.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    """

    def __init__(self, router: Router, ledger: Ledger, options: LearnerOptions) -> None:
        self._ledger = ledger
        self._options = options
        self._lock = threading.Lock()
        self._replay = resumed(router, ledger, options.rules)
        self._name = self._snapshot_name(router)
        self._unkept = 0  # feedbacks since the last snapshot
        self._catch_up()
        self._follower = Follower(self.learn, options.clock, options.follow_s)

    @property
    def router(self) -> Router:
        """The router as it stands, with everything learned so far."""
        return self._replay.router

    def learn(self) -> None:
        """Take in the feedback that is new in the ledger, whoever recorded it.

        What cannot be read now is taken in later: a feedback is acknowledged when it is in the ledger.
        """
        try:
            with self._lock:
                self._catch_up()
        except ArbiterError as error:
            logger.error("feedback is in the ledger and not learned yet: %s", error)

    def follow(self) -> None:
        """Look for feedback that other processes recorded, if it is time; on a thread, so that nobody waits for it."""
        if self._ledger.identity:
            self._follower.follow()

    def swap(self, router: Router) -> None:
        """Go on with another router; the ledger is folded into it first, and only the last part of that under lock."""
        replayed = replay(router, self._ledger, self._options.rules)
        with self._lock:
            replayed.catch_up(self._ledger)
            self._replay, self._name = replayed, self._snapshot_name(router)
            self._unkept = SNAPSHOT_EVERY  # so the next feedback keeps one

    def change(self, change: Callable[[Router], Router]) -> None:
        """Go on with a changed router. It is the fold from no bundle any more, so no snapshots are kept of it."""
        with self._lock:
            old = self._replay
            self._replay = Replay(router=change(old.router), rules=old.rules, position=old.position)
            self._name = None

    def snapshot(self) -> bool:
        """Keep a snapshot now; say whether there can be one.

        Raises
        ------
        LedgerError
            If it cannot be written.
        """
        with self._lock:
            self._replay.catch_up(self._ledger)
            self._keep_snapshot()
            return self._name is not None

    def close(self) -> None:
        """Wait for a look under way."""
        self._follower.close()

    def _snapshot_name(self, router: Router) -> str | None:
        return snapshot_name(router, self._options.rules) if self._ledger.identity else None

    def _catch_up(self) -> None:
        self._unkept += self._replay.catch_up(self._ledger)
        if self._unkept >= SNAPSHOT_EVERY:
            try:
                self._keep_snapshot()
            except LedgerError as error:
                logger.warning("no snapshot of what was learned is kept: %s", error)

    def _keep_snapshot(self) -> None:
        self._unkept = 0
        if self._name is None:
            return
        payload = policy_text(self._replay.router.policy)
        snapshot = Snapshot(position=self._replay.position, taken_at=self._options.clock(), payload=payload)
        self._ledger.keep_snapshot(self._name, snapshot)
