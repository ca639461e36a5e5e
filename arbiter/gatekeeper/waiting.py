"""Waiting for opinions until a moment, and no longer."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, wait

from arbiter.errors import way_of, wordless
from arbiter.gatekeeper.opinion import Opinion

logger = logging.getLogger(__name__)


def gathered(futures: Sequence[Future[Opinion]], until: float, who: str) -> list[Opinion]:
    """Give the opinion of each future; where one failed or is late, an opinion that says so and nothing else.

    Parameters
    ----------
    futures : one per request; those that are late are cancelled.
    until : moment by ``time.monotonic()``.
    who : is named in the reasons and in the log.
    """
    wait(futures, timeout=max(until - time.monotonic(), 0.0))
    return [_opinion(future, who) for future in futures]


def _opinion(future: Future[Opinion], who: str) -> Opinion:
    if not future.done():
        future.cancel()
        return _silent(f"{who} took too long", None)
    if (error := future.exception()) is None:
        return future.result()
    return _silent(f"{who} failed: {wordless(error)}", error)


def _silent(why: str, error: BaseException | None) -> Opinion:
    logger.warning("%s; the base gatekeeper answers", why)
    logger.debug("it came from\n%s", way_of(error))
    return Opinion(error=why)
