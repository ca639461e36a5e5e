"""Quality, cost and latency of every candidate, for a batch of requests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.estimates.expectation import Expectation
from arbiter.estimates.quality import QualityModel
from arbiter.estimates.tokens import OutputLength
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.state import State

FloatArray = NDArray[np.float64]

TOKENS_PER_MTOK = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Latency of each candidate as this deployment sees it.

    Attributes
    ----------
    ttft_s : (K,) time to first token.
    output_tokens_per_s : (K,) speed after it.
    """

    ttft_s: FloatArray
    output_tokens_per_s: FloatArray

    @classmethod
    def of(cls, catalog: Catalog) -> "Speed":
        """Take the catalog's priors."""
        return cls(ttft_s=catalog.arrays.ttft_s, output_tokens_per_s=catalog.arrays.output_tokens_per_s)

    def latency_s(self, output_tokens: FloatArray) -> FloatArray:
        """Give the (n, K) time to the last token for answers of (n, K) tokens."""
        return np.asarray(self.ttft_s + output_tokens / self.output_tokens_per_s)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        arrays = {"ttft_s": self.ttft_s, "output_tokens_per_s": self.output_tokens_per_s}
        return State(kind="speed", arrays=arrays)

    @classmethod
    def from_state(cls, state: State) -> "Speed":
        """Rebuild from a bundle."""
        return cls(**{name: array.astype(np.float64) for name, array in state.arrays.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """Puts the models of quality, length and speed together with the catalog's prices.

    Attributes
    ----------
    quality, length, speed : the learned or prior models, for K candidates in the catalog's order.
    """

    quality: QualityModel
    length: OutputLength
    speed: Speed

    def expect(
        self, catalog: Catalog, batch: FeatureBatch, heads: HeadProbabilities, contexts: FloatArray
    ) -> Expectation:
        """Estimate n requests on the K candidates.

        Prices are the catalog's at the moment of the call, never learned: a changed price acts at once.

        Parameters
        ----------
        catalog : K candidates.
        batch : features of the n requests, with their input tokens.
        heads : the gatekeeper's probabilities.
        contexts : (n, d) the policy's context vectors.

        Returns
        -------
        expectation : arrays (n, K).
        """
        quality, quality_se = self.quality.predict(batch, heads)
        output_tokens = self.length.predict(contexts)
        prices = catalog.arrays
        spent_in = np.outer(batch.input_tokens, prices.usd_per_mtok_in)
        cost_usd = (spent_in + output_tokens * prices.usd_per_mtok_out) / TOKENS_PER_MTOK
        return Expectation(
            quality=quality,
            quality_se=quality_se,
            cost_usd=cost_usd,
            latency_s=self.speed.latency_s(output_tokens),
            output_tokens=output_tokens,
        )
