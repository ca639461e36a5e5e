"""Other learners on the same streams: what a rival is, and how one is played."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter_training.simulator.course import BoolArray, Course, FloatArray, IntArray
from arbiter_training.simulator.stream import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One request, as a rival sees it.

    Attributes
    ----------
    row : position in the traffic, under which the rival has its features.
    present : (K,) who can be called.
    prices : (K,) factors on the catalog's prices.
    """

    row: int
    present: BoolArray
    prices: FloatArray


class Learner(Protocol):
    """A rival on one stream; it is told what arbiter is told, and of costs as soon as they are paid."""

    def choose(self, offer: Offer) -> int:
        """Give the place of the model that answers."""
        ...

    def pay(self, cost_usd: float) -> None:
        """Learn what the last answer cost."""
        ...

    def learn(self, row: int, k: int, quality: float) -> None:
        """Learn how an answer to a request was judged."""
        ...

    def welcome(self, k: int, rows: IntArray, quality: FloatArray) -> None:
        """Learn that a model was added, with judged answers on rows that are in no stream."""
        ...


class Rival(Protocol):
    """Makes learners."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def paces(self) -> bool:
        """Whether it keeps to a budget; who does not has no part in a stream that has one."""
        ...

    def start(self, present: BoolArray, budget_usd: float, seed: int) -> Learner:
        """Begin a stream with the models that are present.

        Parameters
        ----------
        present : (K,).
        budget_usd : dollars per request to pace to, for those who weigh money so.
        seed : of everything random.
        """
        ...


def play(rival: Rival, course: Course, budget_usd: float, seed: int, scored: FloatArray) -> Trace:
    """Play one stream.

    Parameters
    ----------
    rival : who plays.
    course : of the seed.
    budget_usd : see :meth:`Rival.start`.
    seed : of the rival's own draws.
    scored : (n, K) qualities on the rows from which a newcomer's judged answers are drawn.
    """
    learner = rival.start(course.present(0), budget_usd, seed)
    waiting: deque[tuple[int, int, int, float]] = deque()
    drawn = np.zeros(course.n, dtype=np.int64)
    for t in range(course.n):
        if course.newcomer is not None and t == course.joins:
            learner.welcome(course.newcomer, course.scored, scored[course.scored, course.newcomer])
        while waiting and waiting[0][0] <= t:
            _, row, k, quality = waiting.popleft()
            learner.learn(row, k, quality)
        row = int(course.order[t])
        k = learner.choose(Offer(row=row, present=course.present(t), prices=course.prices[t]))
        learner.pay(float(course.cost_usd[t, k]))
        drawn[t] = k
        if course.judged[t]:
            waiting.append((t + course.delay + 1, row, k, float(course.quality[t, k])))
    return Trace(
        shares=_one_hot(drawn, course.quality.shape[1]),
        drawn=drawn,
        bandit_share=np.ones(course.n),
        true_quality=course.quality,
        true_cost_usd=course.cost_usd,
    )


def _one_hot(drawn: NDArray[np.int64], k: int) -> FloatArray:
    return np.asarray(np.eye(k)[drawn])
