"""What the log says of drift."""

import logging
from collections.abc import Iterable

from arbiter.drift.report import Drift, DriftOptions

MOST_TOLD = 5
"""Changes that one line names; the surest ones."""

logger = logging.getLogger(__name__)


def tell(changes: Iterable[Drift], options: DriftOptions) -> None:
    """Say what has changed: a warning where offline evaluations of before no longer hold, else in passing."""
    surest = sorted(changes, key=lambda drift: drift.p_value)
    ending, rates = ([drift for drift in surest if drift.ends_evaluation is ends] for ends in (True, False))
    since = f"since the first {options.block} decisions"
    if ending:
        logger.warning(
            "traffic or models have changed %s: evaluations of that time no longer hold: %s", since, _named(ending)
        )
    if rates:
        logger.info("feedback has changed %s: %s", since, _named(rates))


def _named(surest: list[Drift]) -> str:
    more = [f"{len(surest) - MOST_TOLD} more"] if len(surest) > MOST_TOLD else []
    return "; ".join([*(drift.text for drift in surest[:MOST_TOLD]), *more])
