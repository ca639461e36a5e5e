"""Kinds of requests, each with a quality of its own per candidate: which kind a request is, its text tells softly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.features import FeatureBatch
from arbiter.linear import LinearMap
from arbiter.state import State

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindMixture:
    """A mixture whose weights the request decides (Jacobs, Jordan, Nowlan and Hinton, 1991) and whose parts are plain.

    quality_k = sum over kinds z of P(z | request) quality_zk, P by softmax of linear scores.

    Attributes
    ----------
    gate : Z scores.
    quality : (Z, K) in [0, 1].
    """

    gate: LinearMap
    quality: FloatArray

    def predict(self, batch: FeatureBatch) -> FloatArray:
        """Give the (n, K) quality expected of n requests."""
        return softmax(self.gate.scores(batch)) @ self.quality

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="kind_mixture", arrays={"quality": self.quality}, parts={"gate": self.gate.to_state()})

    @classmethod
    def from_state(cls, state: State) -> "KindMixture":
        """Rebuild from a bundle."""
        return cls(gate=LinearMap.from_state(state.parts["gate"]), quality=state.array("quality", np.float64))


def softmax(scores: FloatArray) -> FloatArray:
    """Map (n, Z) scores to probabilities, rows of sum 1."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
