"""What every model of quality offers, and the one that needs no outcomes: ratings of the catalog and difficulty."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.state import State

FloatArray = NDArray[np.float64]

DIFFICULTY = np.array([-2.5, -1.5, 0.0, 1.2, 2.2])
"""Log-odds that a request of each complexity costs against a moderate one: a prior that outcomes replace."""

PRIOR_SE = 0.1
"""Standard error of a rated quality: ratings of models differ by about this much from one evaluation to another."""


class QualityModel(Protocol):
    """Predicts the quality that each candidate's answer will have."""

    def predict(self, batch: FeatureBatch, heads: HeadProbabilities) -> tuple[FloatArray, FloatArray]:
        """Give the (n, K) mean in [0, 1] and the (n, K) standard error of that mean."""
        ...

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedQuality:
    """Quality from the catalog's rating and the request's complexity: the one-parameter logistic model (Rasch, 1960).

    quality = sum over complexities c of P(c) sigmoid(logit(rating) - difficulty(c)).

    Attributes
    ----------
    ratings : (K,) in (0, 1), each candidate's quality on requests of moderate complexity.
    """

    ratings: FloatArray

    def predict(self, batch: FeatureBatch, heads: HeadProbabilities) -> tuple[FloatArray, FloatArray]:
        """See :meth:`QualityModel.predict`."""
        rated = np.clip(self.ratings, 0.01, 0.99)
        skill = np.log(rated / (1.0 - rated))
        by_level = 1.0 / (1.0 + np.exp(DIFFICULTY[:, None] - skill))  # (5, K)
        mean = heads.head("complexity") @ by_level
        return mean, np.full_like(mean, PRIOR_SE)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="rated_quality", arrays={"ratings": self.ratings})

    @classmethod
    def from_state(cls, state: State) -> "RatedQuality":
        """Rebuild from a bundle."""
        return cls(ratings=state.array("ratings", np.float64))
