"""What processes tell one another of the deployments' health: the outcomes in their common ledger."""

import logging
from collections.abc import Callable

from arbiter.catalog import Catalog
from arbiter.errors import LedgerError
from arbiter.execution.health import Health
from arbiter.following import Follower
from arbiter.ledger import Ledger
from arbiter.records import Outcome

logger = logging.getLogger(__name__)

LATEST = 2_000
"""Outcomes that are read at once; of more than these in so short a time, the latest say enough."""


class HealthFollower:
    """Reads the outcomes that other processes recorded, now and then, on a thread, so that nobody waits for it.

    Parameters
    ----------
    ledger, health : from where, and into what.
    catalog : gives the candidates as they stand.
    follow_s : between two looks.
    """

    def __init__(self, ledger: Ledger, health: Health, catalog: Callable[[], Catalog], follow_s: float) -> None:
        self._ledger = ledger
        self._health = health
        self._catalog = catalog
        self._position = 0
        self._follower = Follower(self.catch_up, health.now, follow_s)

    def look(self) -> None:
        """Look on a thread, if it is time."""
        if self._ledger.identity:
            self._follower.follow()

    def catch_up(self) -> None:
        """Take in what is new; a ledger that cannot be read now is read later."""
        try:
            self._position = fold(self._ledger, self._health, self._catalog(), self._position)
        except LedgerError as error:
            logger.warning("the health that other processes see is not known: %s", error)

    def close(self) -> None:
        """Wait for a look under way."""
        self._follower.close()


def fold(ledger: Ledger, health: Health, catalog: Catalog, after: int = 0) -> int:
    """Take the latest outcomes of a ledger into health; give the number of the last one.

    Raises
    ------
    LedgerError
        If it cannot be read.
    """
    known = {candidate.name: candidate for candidate in catalog}
    for position, event in ledger.outcomes(after, LATEST):
        assert isinstance(event.record, Outcome), "the ledger gives outcomes"
        health.observed(event.record, known.get(event.record.model), event.timestamp)
        after = position
    return after
