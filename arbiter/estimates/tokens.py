"""How long the answer will be, per candidate: what cost and latency are computed from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.dispersion import Dispersion
from arbiter.features import FeatureBatch
from arbiter.linear import LinearMap
from arbiter.state import State

FloatArray = NDArray[np.float64]

PRIOR_LOG_SD = 0.7
"""Spread of a length around its mean before any was measured: answers to alike requests differ by a factor of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLength:
    """exp(context . weights + text) x smear: a log-linear model per candidate.

    Attributes
    ----------
    weights : (d, K), on the policy's context vector, whose first entry is 1.
    smear : (K,), mean of the exponentiated residuals, which makes the mean unbiased (Duan, 1983); of a candidate that
        borrows its weights, times how much longer it is.
    most : (K,), the greatest length predicted: the greatest seen, or the model's limit.
    dispersion : of the length around its mean; None where none was measured.
    text : (1 score) what all features of a request add to the logarithm, for all candidates alike; None adds nothing.
    """

    weights: FloatArray
    smear: FloatArray
    most: FloatArray
    dispersion: Dispersion | None = None
    text: LinearMap | None = None

    @property
    def spread(self) -> Dispersion:
        """Distribution of the length around its mean: as measured, else a prior."""
        return self.dispersion or Dispersion.log_normal(np.full(self.smear.size, PRIOR_LOG_SD))

    def predict(self, contexts: FloatArray, batch: FeatureBatch | None = None) -> FloatArray:
        """Give the (n, K) expected output tokens, at least 1.

        Parameters
        ----------
        contexts : (n, d).
        batch : features of the n requests; may be left out only where ``text`` is None.
        """
        log_tokens = contexts @ self.weights
        if self.text is not None:
            assert batch is not None, "a length that reads the text needs its features"
            log_tokens = log_tokens + self.text.scores(batch)
        log_tokens = np.minimum(log_tokens, 20.0)
        return np.clip(np.exp(log_tokens) * self.smear, 1.0, self.most)

    def quantile(self, contexts: FloatArray, level: float, batch: FeatureBatch | None = None) -> FloatArray:
        """Give the (n, K) output tokens that a share ``level`` of the answers stays below; see :meth:`predict`."""
        return np.clip(self.predict(contexts, batch) * self.spread.factors(level), 1.0, self.most)

    def mixed(self, mixing: FloatArray, factor: FloatArray) -> "OutputLength":
        """Give the lengths of another list of candidates.

        Parameters
        ----------
        mixing : (K', K), rows of sum 1: each is a mean of these, on the log scale.
        factor : (K',) by which each is longer than that.
        """
        spread = self.spread.log_factors @ mixing.T
        return OutputLength(
            weights=self.weights @ mixing.T,
            smear=np.exp(mixing @ np.log(self.smear)) * factor,
            most=np.maximum(np.exp(mixing @ np.log(self.most)) * factor, 1.0),
            dispersion=Dispersion(log_factors=spread),
            text=self.text,
        )

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(
            kind="output_length",
            arrays={"weights": self.weights, "smear": self.smear, "most": self.most},
            parts={name: part.to_state() for name, part in self._parts().items() if part is not None},
        )

    def _parts(self) -> dict[str, Dispersion | LinearMap | None]:
        return {"dispersion": self.dispersion, "text": self.text}

    @classmethod
    def from_state(cls, state: State) -> "OutputLength":
        """Rebuild from a bundle."""
        arrays = {name: array.astype(np.float64) for name, array in state.arrays.items()}
        spread, text = state.parts.get("dispersion"), state.parts.get("text")
        return cls(
            dispersion=None if spread is None else Dispersion.from_state(spread),
            text=None if text is None else LinearMap.from_state(text),
            **arrays,
        )
