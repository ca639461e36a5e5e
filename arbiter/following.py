"""Looking at a shared ledger every so often, beside the requests."""

import threading
from collections.abc import Callable


class Follower:
    """Looks on a thread of its own, if it is time and no look is under way, so that no request waits for it.

    Parameters
    ----------
    look : looks; raises nothing.
    clock : gives seconds since 1970.
    every_s : seconds between looks; infinite never looks.
    """

    def __init__(self, look: Callable[[], None], clock: Callable[[], float], every_s: float) -> None:
        self._look = look
        self._clock = clock
        self._every_s = every_s
        self._looked_at = clock()
        self._thread: threading.Thread | None = None

    def follow(self) -> None:
        """Look, if it is time."""
        now = self._clock()
        if 0.0 <= now - self._looked_at < self._every_s:
            return
        self._looked_at = now
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look, name="arbiter-follower", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Wait for a look under way."""
        if self._thread is not None:
            self._thread.join()
