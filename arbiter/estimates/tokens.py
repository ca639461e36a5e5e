"""How long the answer will be, per candidate: what cost and latency are computed from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.state import State

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLength:
    """exp(context . weights) x smear: a log-linear model per candidate.

    Attributes
    ----------
    weights : (d, K), on the policy's context vector, whose first entry is 1.
    smear : (K,), mean of the exponentiated residuals, which makes the mean unbiased (Duan, 1983).
    most : (K,), the greatest length predicted: the greatest seen, or the model's limit.
    """

    weights: FloatArray
    smear: FloatArray
    most: FloatArray

    def predict(self, contexts: FloatArray) -> FloatArray:
        """Give the (n, K) expected output tokens for (n, d) contexts, at least 1."""
        log_tokens = np.minimum(contexts @ self.weights, 20.0)
        return np.clip(np.exp(log_tokens) * self.smear, 1.0, self.most)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="output_length", arrays={"weights": self.weights, "smear": self.smear, "most": self.most})

    @classmethod
    def from_state(cls, state: State) -> "OutputLength":
        """Rebuild from a bundle."""
        return cls(**{name: array.astype(np.float64) for name, array in state.arrays.items()})
