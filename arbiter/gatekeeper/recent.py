"""Opinions that were given already, the least recently used dropped first."""

import threading
from collections import OrderedDict

from arbiter.gatekeeper.opinion import Opinion


class RecentOpinions:
    """A cache of bounded size; safe to share between threads.

    Parameters
    ----------
    size : opinions kept; 0 keeps none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, Opinion] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Opinion | None:
        """Give what is kept under ``key``, None where nothing is."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, opinion: Opinion) -> None:
        """Keep an opinion, and drop the oldest where there are too many."""
        with self._lock:
            self._kept[key] = opinion
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
