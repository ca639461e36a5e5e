"""Those who are told what a service did: observers of requests that are over, listeners to all that is recorded."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from arbiter.errors import way_of, wordless
from arbiter.execution import Run
from arbiter.ledger import Event, PromptStorage

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Hears what a service records, on the thread that served the request: whoever has work to do queues it."""

    def recorded(self, events: Sequence[Event]) -> None:
        """Hear of decisions, outcomes or feedback, as the ledger is given them: each request as far as it is kept."""
        ...

    def carried_out(self, run: Run, prompts: PromptStorage) -> None:
        """Hear of a request that is over.

        Parameters
        ----------
        run : with its texts.
        prompts : what may be kept of these.
        """
        ...


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells them; whatever they raise is logged, and the request is served all the same.

    Attributes
    ----------
    observers, listeners, prompts : the service's options.
    """

    observers: Sequence[Callable[[Run], None]]
    listeners: Sequence[Listener]
    prompts: PromptStorage

    def recorded(self, events: Sequence[Event]) -> None:
        """Tell the listeners of events."""
        for listener in self.listeners:
            self._tell("a listener", listener.recorded, events)

    def over(self, run: Run) -> None:
        """Tell all of a request that is over."""
        for observe in self.observers:
            self._tell("an observer", observe, run)
        for listener in self.listeners:
            self._tell("a listener", listener.carried_out, run, self.prompts)

    def _tell(self, who: str, hear: Callable[..., None], *what: Any) -> None:
        try:
            hear(*what)
        except Exception as error:  # noqa: BLE001  # foreign code, and the request has been answered
            logger.error("%s failed: %s", who, wordless(error))
            logger.debug("it came from\n%s", way_of(error))
