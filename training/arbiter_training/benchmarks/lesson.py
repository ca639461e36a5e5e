"""What a competitor may see in one round, and what it answers."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter_training.traffic import OutcomeMatrix
from arbiter_training.traffic.columns import IntArray, ObjectArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Requests as a competitor sees them.

    Attributes
    ----------
    batch : features, on the encoder that the competitor asked for.
    heads : the gatekeeper's probabilities.
    tasks : (n,) names of tasks; None where the benchmark has none.
    teacher : (n, d) vectors of the MiniLM, for a student to be taught on; None where there is to be none.
    """

    batch: FeatureBatch
    heads: HeadProbabilities
    tasks: ObjectArray | None
    teacher: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One round: outcomes to learn from, and requests to predict.

    Attributes
    ----------
    outcomes : the training rows; a partial log has NaN where nothing was observed.
    train, test : their features, and those of the test rows, whose outcomes nobody sees.
    expected_cost : (n_test, K) predicted dollars, the same for all competitors that learn from these outcomes.
    groups : (n_train,) near-duplicates share a number.
    seed : of everything random.
    """

    outcomes: OutcomeMatrix
    train: Part
    test: Part
    expected_cost: FloatArray
    groups: IntArray
    seed: int


class Predictor(Protocol):
    """A competitor that predicts quality and is then routed by quality less the price of money."""

    def __call__(self, lesson: Lesson) -> FloatArray:
        """Give the (n_test, K) predicted quality."""
        ...
