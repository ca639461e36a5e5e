"""The guard: from the blend to what is believed of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.state import State

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The prediction for the best constant choice, plus guarded differences to it; fitted out of fold.

    quality_k = intercept_k + level blend_anchor + slope (blend_k - blend_anchor).

    Attributes
    ----------
    anchor : position of the candidate whose mean is surest to be high.
    level : how far predictions for the anchor came true.
    slope : how far predicted differences to it did.
    intercept : (K,) sets the means of the candidates, less a caution for those that are little known.
    """

    anchor: int
    level: float
    slope: float
    intercept: FloatArray

    def apply(self, blend: FloatArray) -> FloatArray:
        """Give the (n, K) guarded quality, in [0, 1], of an (n, K) blend."""
        base = blend[:, [self.anchor]]
        return np.clip(self.intercept + self.level * base + self.slope * (blend - base), 0.0, 1.0)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        settings = {"anchor": self.anchor, "level": self.level, "slope": self.slope}
        return State(kind="guard", settings=settings, arrays={"intercept": self.intercept})

    @classmethod
    def from_state(cls, state: State) -> "Guard":
        """Rebuild from a bundle."""
        return cls(intercept=state.array("intercept", np.float64), **state.settings)
