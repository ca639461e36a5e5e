"""What every encoder offers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.state import State


class Encoder(Protocol):
    """Turns texts into vectors of unit length."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when the vectors would: the key of the embedding cache."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts.

        Parameters
        ----------
        texts : n texts; an empty text gives the zero vector.

        Returns
        -------
        vectors : (n, dim) float32, rows of Euclidean length 1 (or 0 for a text without tokens).
        """
        ...

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        ...
