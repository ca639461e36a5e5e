"""A centred linear projection of embeddings to few dense dimensions (principal components, fitted in training)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """``(x - mean) @ components``, the components scaled so that each output has variance 1 on the training texts.

    Attributes
    ----------
    mean : (d,) float64.
    components : (d, k) float64.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]

    @property
    def dim(self) -> int:
        """Number of outputs, k."""
        return int(self.components.shape[1])

    def apply(self, embedding: NDArray[np.float32]) -> NDArray[np.float64]:
        """Project (n, d) embeddings to (n, k) float64."""
        return np.asarray((embedding - self.mean) @ self.components)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="projection", arrays={"mean": self.mean, "components": self.components})

    @classmethod
    def from_state(cls, state: State) -> "Projection":
        """Rebuild from a bundle."""
        return cls(mean=state.array("mean", np.float64), components=state.array("components", np.float64))
