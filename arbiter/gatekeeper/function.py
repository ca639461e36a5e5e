"""The user's own function as an assessor."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.opinion import Answer, Opinion, read_answer
from arbiter.gatekeeper.waiting import gathered
from arbiter.records import Query
from arbiter.vocabulary import ProfileSource

THREADS = 8
"""Calls of a user's function at the same time: those of a batch wait for one another's turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAssessor:
    """Asks a function of the user's.

    What it raises, or gives that cannot be read, becomes the reason why the base gatekeeper spoke instead
    (``profile.fell_back``, ``decision.degraded``), and is logged.

    Attributes
    ----------
    function : from a request to what :func:`arbiter.gatekeeper.opinion.read_answer` reads: a complexity such as
        ``"expert"``, a mapping such as ``{"domain": "law", "risk": "high"}``, a profile, or None to say nothing.
    time_limit_s : seconds for the requests of one call; a function that takes longer is not waited for.
    lowers_risk : whether it may call harm and stake lower than the base gatekeeper does; keyword rules raise them.
    """

    function: Callable[[Query], Answer]
    time_limit_s: float = 1.0
    lowers_risk: bool = True
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="arbiter-assessor"),
        init=False,
        repr=False,
        compare=False,
    )

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InvalidInputError(f"an assessing function must be callable, got {self.function!r:.80}")
        if not self.time_limit_s > 0.0:
            raise InvalidInputError(f"time_limit_s must be above 0, got {self.time_limit_s}")

    @property
    def source(self) -> ProfileSource:
        """The user."""
        return ProfileSource.USER

    def opinions(self, queries: Sequence[Query]) -> list[Opinion]:
        """See :meth:`arbiter.gatekeeper.opinion.Assessor.opinions`."""
        futures: list[Future[Opinion]] = [self._pool.submit(self._ask, query) for query in queries]
        return gathered(futures, time.monotonic() + self.time_limit_s, "the assessing function")

    def _ask(self, query: Query) -> Opinion:
        return read_answer(self.function(query))
