"""What the training of the estimates takes: features and outcomes of n requests on K candidates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_WEIGHT = 5.0
"""Greatest weight of a rarely logged outcome against the mean of its candidate: past it, variance costs more than the
bias that it removes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeData:
    """Requests and what came of them.

    Attributes
    ----------
    batch, heads : features and gatekeeper's probabilities of the n requests.
    quality : (n, K), NaN where not observed.
    inclusion : (n, K), probability with which the cell was observed; 1 where always or unknown.
    folds : (n,), requests of one group share a fold.
    """

    batch: FeatureBatch
    heads: HeadProbabilities
    quality: FloatArray
    inclusion: FloatArray
    folds: IntArray

    @property
    def observed(self) -> NDArray[np.bool_]:
        """(n, K), where an outcome is known."""
        return ~np.isnan(self.quality)

    @property
    def weights(self) -> FloatArray:
        """(n, K) inverse inclusion, capped, mean 1 per candidate; 0 where not observed.

        Weights what each candidate was shown to what it could be asked: without them a model learns from the requests
        that the logging policy chose to give it.
        """
        raw = np.where(self.observed, 1.0 / np.maximum(self.inclusion, 1e-6), 0.0)
        count = np.maximum(self.observed.sum(axis=0), 1)
        mean = np.maximum(raw.sum(axis=0) / count, 1e-12)
        capped = np.minimum(raw / mean, MAX_WEIGHT)
        return np.asarray(capped / np.maximum(capped.sum(axis=0) / count, 1e-12))

    def take(self, rows: IntArray) -> "OutcomeData":
        """Give the requests at ``rows``."""
        return OutcomeData(
            batch=self.batch.take(rows),
            heads=HeadProbabilities(stacked=self.heads.stacked[rows]),
            quality=self.quality[rows],
            inclusion=self.inclusion[rows],
            folds=self.folds[rows],
        )
