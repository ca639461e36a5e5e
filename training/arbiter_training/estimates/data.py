"""What the training of the estimates takes: features and outcomes of n requests on K candidates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_WEIGHT = 5.0
"""Greatest weight of a rarely logged outcome against the mean of its candidate: past it, variance costs more than the
bias that it removes."""

FEW = 5.0
"""Pseudo-outcomes by which what is said of one candidate is drawn to what is known of all."""


def candidate_means(values: FloatArray, weights: FloatArray, strength: float = 0.0) -> FloatArray:
    """Give the weighted mean of each column.

    Parameters
    ----------
    values : (n, K), read only where the weight is above 0.
    weights : (n, K), at least 0.
    strength : pseudo-outcomes of the mean over all that each column gets, so that one outcome does not decide.

    Returns
    -------
    means : (K,); a column without weight takes the mean over all, since what is unknown is not 0.
    """
    total = weights.sum(axis=0)  # (K,)
    sums = (weights * np.where(weights > 0, values, 0.0)).sum(axis=0)
    pooled = sums.sum() / max(total.sum(), 1e-12)
    with_prior = total + strength
    return np.asarray(np.where(with_prior > 0, (sums + strength * pooled) / np.maximum(with_prior, 1e-12), pooled))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeData:
    """Requests and what came of them.

    Attributes
    ----------
    batch, heads : features and gatekeeper's probabilities of the n requests.
    quality : (n, K), NaN where not observed.
    inclusion : (n, K), probability with which the cell was observed; 1 where always or unknown.
    folds : (n,), requests of one group share a fold.
    teacher : (n, d) vectors of a large encoder, rows of length 1 or NaN where it was not asked: a student of it is
        taught, and takes the place of the embedding in the estimates. None teaches none.
    kinds : (n,) number of the kind of request that the log names, -1 where it names none. None names none.
    trust : (n, K), above 0: inverse noise variance of the outcome's source against a person's. None trusts all alike.

    Raises
    ------
    InvalidInputError
        If no outcome is known, or a known one lies outside [0, 1].
    """

    batch: FeatureBatch
    heads: HeadProbabilities
    quality: FloatArray
    inclusion: FloatArray
    folds: IntArray
    teacher: NDArray[np.float32] | None = None
    kinds: IntArray | None = None
    trust: FloatArray | None = None

    def __post_init__(self) -> None:
        known = self.quality[self.observed]
        if known.size == 0:
            raise InvalidInputError(
                "no outcome is known: quality is empty in every row; a router learns from judged rows"
            )
        if known.min() < 0.0 or known.max() > 1.0:
            raise InvalidInputError(f"quality must lie in [0, 1], it runs from {known.min():.3g} to {known.max():.3g}")

    @property
    def observed(self) -> NDArray[np.bool_]:
        """(n, K), where an outcome is known."""
        return ~np.isnan(self.quality)

    @property
    def weights(self) -> FloatArray:
        """(n, K) inverse inclusion, capped, mean 1 per candidate, times the trust in the source; 0 where not observed.

        The first weighs what each candidate was shown to what it could be asked: without it a model learns from the
        requests that the logging policy chose to give it. By the second a quality of half the precision counts for
        half an outcome, also against the priors.
        """
        raw = np.where(self.observed, 1.0 / np.maximum(self.inclusion, 1e-6), 0.0)
        count = np.maximum(self.observed.sum(axis=0), 1)
        mean = np.maximum(raw.sum(axis=0) / count, 1e-12)
        capped = np.minimum(raw / mean, MAX_WEIGHT)
        even = capped / np.maximum(capped.sum(axis=0) / count, 1e-12)
        return np.asarray(even if self.trust is None else even * self.trust)

    def take(self, rows: IntArray) -> "OutcomeData":
        """Give the requests at ``rows``."""
        return OutcomeData(
            batch=self.batch.take(rows),
            heads=HeadProbabilities(stacked=self.heads.stacked[rows]),
            quality=self.quality[rows],
            inclusion=self.inclusion[rows],
            folds=self.folds[rows],
            teacher=None if self.teacher is None else self.teacher[rows],
            kinds=None if self.kinds is None else self.kinds[rows],
            trust=None if self.trust is None else self.trust[rows],
        )
