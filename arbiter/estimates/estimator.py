"""Quality, cost and latency of every candidate, for a batch of requests."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.catalog.catalog import typical_latency_s
from arbiter.estimates.dispersion import Dispersion
from arbiter.estimates.expectation import Expectation
from arbiter.estimates.quality import QualityModel
from arbiter.estimates.tokens import OutputLength
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.records import Candidate
from arbiter.state import State

FloatArray = NDArray[np.float64]

TOKENS_PER_MTOK = 1e6

PRIOR_LOG_SD = 0.5
"""Spread of the latency around its mean where neither measurements nor a 99th percentile are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Latency of each candidate as this deployment sees it.

    Attributes
    ----------
    ttft_s : (K,) time to first token.
    output_tokens_per_s : (K,) speed after it.
    dispersion : of the latency around its mean, that of the unknown length included; None where nothing is known.
    """

    ttft_s: FloatArray
    output_tokens_per_s: FloatArray
    dispersion: Dispersion | None = None

    @classmethod
    def of(cls, catalog: Catalog) -> "Speed":
        """Take the catalog's priors."""
        return cls(
            ttft_s=catalog.arrays.ttft_s,
            output_tokens_per_s=catalog.arrays.output_tokens_per_s,
            dispersion=Dispersion.log_normal(np.array([_log_sd(candidate) for candidate in catalog])),
        )

    @property
    def spread(self) -> Dispersion:
        """Distribution of the latency around its mean: as measured, else a prior."""
        return self.dispersion or Dispersion.log_normal(np.full(self.ttft_s.size, PRIOR_LOG_SD))

    def latency_s(self, output_tokens: FloatArray) -> FloatArray:
        """Give the (n, K) time to the last token for answers of (n, K) tokens."""
        return np.asarray(self.ttft_s + output_tokens / self.output_tokens_per_s)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        arrays = {"ttft_s": self.ttft_s, "output_tokens_per_s": self.output_tokens_per_s}
        parts = {} if self.dispersion is None else {"dispersion": self.dispersion.to_state()}
        return State(kind="speed", arrays=arrays, parts=parts)

    @classmethod
    def from_state(cls, state: State) -> "Speed":
        """Rebuild from a bundle."""
        arrays = {name: array.astype(np.float64) for name, array in state.arrays.items()}
        spread = state.parts.get("dispersion")
        return cls(dispersion=None if spread is None else Dispersion.from_state(spread), **arrays)


def _log_sd(candidate: Candidate) -> float:
    """Give the spread of the log-normal latency whose mean and 99th percentile are the catalog's."""
    if candidate.latency_p99_s is None:
        return PRIOR_LOG_SD
    z = NormalDist().inv_cdf(0.99)
    log_factor = math.log(max(candidate.latency_p99_s / typical_latency_s(candidate), 1.0))
    return z - math.sqrt(max(z * z - 2.0 * log_factor, 0.0))  # log factor = z sd - sd^2 / 2


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
        output_tokens = self.length.predict(contexts, batch)
        prices = catalog.arrays
        spent_in = np.outer(batch.input_tokens, prices.usd_per_mtok_in)
        cost_usd = (spent_in + output_tokens * prices.usd_per_mtok_out) / TOKENS_PER_MTOK
        return Expectation(
            quality=quality,
            quality_se=quality_se,
            cost_usd=cost_usd,
            latency_s=self.speed.latency_s(output_tokens),
            output_tokens=output_tokens,
            length_spread=self.length.spread,
            latency_spread=self.speed.spread,
        )
