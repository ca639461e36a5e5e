"""Drift as a running service sees it: looked for beside the requests, and told in the log."""

import logging
import math
import threading
from collections.abc import Callable

from arbiter.drift.fold import DriftFold
from arbiter.drift.report import DriftOptions, DriftReport
from arbiter.drift.telling import tell
from arbiter.drift.text import read_fold, snapshot_name, to_text
from arbiter.errors import LedgerError
from arbiter.following import Follower
from arbiter.ledger import Ledger, Snapshot

SNAPSHOT_EVERY = 10_000
"""Events after which a snapshot is kept. To fold that many again takes a second or two, on a thread."""

AT_ONCE, PAUSE_S = 10, 0.001
"""So many events are read between two pauses, in which whoever waits for the interpreter gets it: a long ledger that is
read for the first time does not hold requests up."""

logger = logging.getLogger(__name__)


class DriftWatch:
    """Folds a ledger's events, whoever recorded them, and says in the log what has newly changed.

    It reads on a thread of its own, now and then, so that no request waits for it, not at the start either. A change of
    the traffic, or of a model, is told once, when it becomes known, and by each process for itself; a service that
    starts says what holds by then.

    Parameters
    ----------
    ledger : whose traffic. One that ends with the process is not looked into, save by :meth:`look`.
    options : how drift is looked for, and how often.
    clock : gives seconds since 1970.

    Attributes
    ----------
    report : as of the last look.
    """

    def __init__(self, ledger: Ledger, options: DriftOptions, clock: Callable[[], float]) -> None:
        self._ledger, self._options, self._clock = ledger, options, clock
        self._watches = bool(ledger.identity) and math.isfinite(options.follow_s)
        self._fold = DriftFold(options)
        self._position = self._unkept = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._follower = Follower((self.look,), clock, options.follow_s if self._watches else math.inf)
        self.report = DriftReport()

    def follow(self) -> None:
        """Look on a thread, if it is time."""
        self._follower.follow()

    def look(self) -> None:
        """Take in what is new in the ledger, and tell what has newly changed.

        Raises
        ------
        LedgerError
            If it cannot be read; then the next look goes on from there.
        """
        with self._lock:
            self._look()

    def _look(self) -> None:
        if self._position == 0:
            self._resume()
        for position, event in self._ledger.events(self._position):
            self._fold.take(event.record, event.timestamp)
            self._position, self._unkept = position, self._unkept + 1
            if self._unkept % AT_ONCE == 0 and self._closing.wait(PAUSE_S):
                break
        before, self.report = self.report, self._fold.report
        self._tell(self.report, before)
        if self._unkept >= SNAPSHOT_EVERY and self._watches:
            try:
                self._keep()
            except LedgerError as error:
                logger.warning("no snapshot of drift is kept: %s", error)

    def snapshot(self) -> None:
        """Look, and keep in the ledger what was found, so that a start need not fold it anew.

        It is done now and then anyway; nothing is where a look is under way, which may take long on a long ledger.

        Raises
        ------
        LedgerError
            If it cannot be read or written.
        """
        if self._watches and self._lock.acquire(blocking=False):
            try:
                self._look()
                self._keep()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End a look under way."""
        self._closing.set()
        self._follower.close()

    def _resume(self) -> None:
        found = self._ledger.snapshot(snapshot_name(self._options))
        fold = None if found is None else read_fold(self._options, found.payload)
        if found is not None and fold is not None:
            self._fold, self._position = fold, found.position

    def _keep(self) -> None:
        self._unkept = 0
        if self._position > 0:
            snapshot = Snapshot(position=self._position, taken_at=self._clock(), payload=to_text(self._fold))
            self._ledger.keep_snapshot(snapshot_name(self._options), snapshot)

    def _tell(self, report: DriftReport, known: DriftReport) -> None:
        """Say what holds now and did not at the last look, and whether an evaluation holds again."""
        before = {drift.subject for drift in known.latest}
        tell((drift for drift in report.latest if drift.subject not in before), self._options)
        if report.evaluation_holds and not known.evaluation_holds:
            logger.info("traffic and models are again as in the first %d decisions", self._options.block)
