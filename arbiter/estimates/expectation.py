"""The estimates of all candidates as arrays, the form in which policies read them."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.dispersion import Dispersion

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilityWeights:
    """What money and time are worth, in quality.

    Attributes
    ----------
    quality_per_usd : quality points (of 1) that one dollar must buy to be worth spending.
    quality_per_s : quality points that one second of waiting costs.
    """

    quality_per_usd: float = 0.0
    quality_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected of K candidates on one request, or on n of them.

    Attributes
    ----------
    quality, quality_se : (K,) or (n, K), mean in [0, 1] and its standard error.
    cost_usd : (K,) or (n, K).
    latency_s : (K,) or (n, K).
    output_tokens : (K,) or (n, K).
    weights : what money and time are worth in this decision.
    length_spread, latency_spread : distributions of length and latency around their means; None takes them as certain.
    """

    quality: FloatArray
    quality_se: FloatArray
    cost_usd: FloatArray
    latency_s: FloatArray
    output_tokens: FloatArray
    weights: UtilityWeights = field(default_factory=UtilityWeights)
    length_spread: Dispersion | None = None
    latency_spread: Dispersion | None = None

    @property
    def utility(self) -> FloatArray:
        """Quality less the price of money and time, in quality points; shape of ``quality``."""
        spent = self.weights.quality_per_usd * self.cost_usd
        return self.quality - spent - self.weights.quality_per_s * self.latency_s

    def output_tokens_at(self, level: float) -> FloatArray:
        """Give the length that a share ``level`` in (0, 1) of the answers stays below; shape of ``quality``."""
        spread = self.length_spread
        return self.output_tokens if spread is None else self.output_tokens * spread.factors(level)

    def latency_at(self, level: float) -> FloatArray:
        """Give the latency that a share ``level`` in (0, 1) of the answers stays below; shape of ``quality``."""
        spread = self.latency_spread
        return self.latency_s if spread is None else self.latency_s * spread.factors(level)

    def weighed(self, weights: UtilityWeights) -> Self:
        """Give the same expectation under other weights."""
        return replace(self, weights=weights)

    def row(self, i: int) -> "Expectation":
        """Give request ``i`` of a batch, arrays of shape (K,)."""
        return self._at(i)

    def take(self, rows: NDArray[np.int64]) -> "Expectation":
        """Give the requests at ``rows`` (positions, not a mask) of a batch, arrays of shape (len(rows), K)."""
        return self._at(rows)

    def _at(self, where: int | NDArray[np.int64]) -> "Expectation":
        return Expectation(
            quality=self.quality[where],
            quality_se=self.quality_se[where],
            cost_usd=self.cost_usd[where],
            latency_s=self.latency_s[where],
            output_tokens=self.output_tokens[where],
            weights=self.weights,
            length_spread=self.length_spread,
            latency_spread=self.latency_spread,
        )
