"""The small context vector on which online learning works."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.projection import Projection
from arbiter.state import State

FloatArray = NDArray[np.float64]

N_DOMAINS = len(HEADS["domain"])
N_LEVELS = 4
"""Entries after the domains: complexity, harm, stake, log tokens."""

LOG_TOKENS_SCALE = 8.0
"""Divides the logarithm of the prompt's tokens, so that it lies mostly in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextMap:
    """[1, projected embedding / sqrt(k), domain probabilities, complexity, harm, stake, log tokens].

    The first entry is the intercept. All entries are of the order of 1 or below, so that one prior precision fits.

    Attributes
    ----------
    projection : embedding to k principal components.
    fingerprint : changes when a context vector's entries mean something else; feedback on decisions of another one is
        not learned from.
    """

    projection: Projection
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.projection.mean.tobytes() + self.projection.components.tobytes())
        object.__setattr__(self, "fingerprint", f"context-{digest.hexdigest()[:12]}")

    @property
    def dim(self) -> int:
        """Length of the context vector."""
        return 1 + self.projection.dim + N_DOMAINS + N_LEVELS

    @staticmethod
    def complexity_column(dim: int) -> int:
        """Give the place of the expected complexity in a context vector of length ``dim``."""
        return dim - N_LEVELS

    def contexts(self, batch: FeatureBatch, heads: HeadProbabilities) -> FloatArray:
        """Give the (n, dim) context vectors of n requests."""
        tokens = np.log1p(batch.input_tokens) / LOG_TOKENS_SCALE
        columns = [
            np.ones((len(tokens), 1)),
            self.projection.apply(batch.embedding) / np.sqrt(self.projection.dim),
            heads.head("domain"),
            heads.level("complexity")[:, None],
            heads.at_least("harm", "high")[:, None],
            heads.at_least("stake", "high")[:, None],
            tokens[:, None],
        ]
        return np.concatenate(columns, axis=1)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="context_map", parts={"projection": self.projection.to_state()})

    @classmethod
    def from_state(cls, state: State) -> "ContextMap":
        """Rebuild from a bundle."""
        return cls(projection=Projection.from_state(state.parts["projection"]))
