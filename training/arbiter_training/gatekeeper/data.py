"""What the gatekeeper's training takes and how it is told to fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.records import Query

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledQueries:
    """Requests with the labels that are known.

    Attributes
    ----------
    queries : n requests.
    labels : head to (n,) index of the label in ``HEADS[head]``, -1 where unknown.
    folds : (n,) fold of each request; requests of one group share a fold.
    weights : (n,) positive weight of each request; None weighs all alike.
    """

    queries: Sequence[Query]
    labels: Mapping[str, IntArray]
    folds: IntArray
    weights: FloatArray | None = None

    @property
    def all_weights(self) -> FloatArray:
        """(n,) weights, of mean 1 where none were given."""
        return np.ones(len(self.queries)) if self.weights is None else self.weights


@dataclass(frozen=True, slots=True, kw_only=True)
class GatekeeperOptions:
    """How the heads are fitted.

    Attributes
    ----------
    inverse_penalty : candidates for scikit-learn's ``C`` of the linear stage; the out-of-fold log loss chooses.
    components : principal components of the embedding that the trees see.
    iterations : boosting rounds.
    keyword_shares : head to the weight of the keyword rules' log probabilities; heads not named have none. Set by
        leaving sources out, not by cross-validation: on the prompts that it learns from, a model needs no rules.
    false_alarms : share of requests below a level of risk that may be called at it or above.
    abstain_below : least probability of a domain verdict.
    seed : of the boosting.
    """

    inverse_penalty: tuple[float, ...] = (0.3, 1.0)
    components: int = 24
    iterations: int = 32
    keyword_shares: Mapping[str, float] = field(default_factory=lambda: {"harm": 0.3, "domain": 0.1})
    false_alarms: float = 0.05
    abstain_below: float = 0.3
    seed: int = 0
