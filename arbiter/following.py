"""Looking at a shared ledger every so often, beside the requests, for what other processes recorded."""

import logging
import threading
from collections.abc import Callable, Sequence

from arbiter.errors import ArbiterError

logger = logging.getLogger(__name__)


class Follower:
    """Takes in what is new in a ledger, on a thread, so that no request waits for it.

    Parameters
    ----------
    looks : each takes in what is new for one reader; one that fails is tried again the next time.
    clock : gives seconds since 1970.
    every_s : seconds after which to look; infinite never does.
    """

    def __init__(self, looks: Sequence[Callable[[], None]], clock: Callable[[], float], every_s: float) -> None:
        self._looks = tuple(looks)
        self._clock = clock
        self._every_s = every_s
        self._looked_at = clock()
        self._thread: threading.Thread | None = None

    def follow(self) -> None:
        """Look, if it is time and no look is under way."""
        now = self._clock()
        if abs(now - self._looked_at) < self._every_s:  # a clock may be set back
            return
        self._looked_at = now
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look, name="arbiter-follower", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Wait for a look under way."""
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        for look in self._looks:
            try:
                look()
            except ArbiterError as error:
                logger.error("what other processes recorded is not taken in yet: %s", error)
