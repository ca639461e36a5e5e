"""How far what happens lies from what was expected: a distribution of factors around a mean, per candidate."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from arbiter.state import State

FloatArray = NDArray[np.float64]

LEVELS = np.concatenate([[0.01], np.arange(0.05, 0.951, 0.05), [0.975, 0.99, 0.995]])
"""Shares at which the factors are kept; between two of them the logarithm is interpolated."""

_NORMAL_SCORES = np.array([NormalDist().inv_cdf(float(level)) for level in LEVELS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispersion:
    """Quantiles of (what happened / what was expected), per candidate.

    Attributes
    ----------
    log_factors : (m, K), natural logarithm of the factor that a share ``LEVELS`` of the outcomes stays below; each
        column rises.
    """

    log_factors: FloatArray

    @classmethod
    def log_normal(cls, log_sd: FloatArray) -> "Dispersion":
        """Give the distribution whose logarithm is normal with these (K,) standard deviations and whose mean is 1."""
        return cls(log_factors=_NORMAL_SCORES[:, None] * log_sd - 0.5 * log_sd**2)

    def factors(self, level: float) -> FloatArray:
        """Give the (K,) factors that a share ``level`` in (0, 1) of the outcomes stays below.

        Beyond the outermost levels that are kept, the outermost factor stands.
        """
        at = float(np.clip(np.interp(level, LEVELS, np.arange(LEVELS.size)), 0.0, LEVELS.size - 1.0))
        below = min(int(at), LEVELS.size - 2)
        low, high = self.log_factors[below], self.log_factors[below + 1]
        return np.asarray(np.exp(low + (at - below) * (high - low)))

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="dispersion", arrays={"log_factors": self.log_factors})

    @classmethod
    def from_state(cls, state: State) -> "Dispersion":
        """Rebuild from a bundle."""
        return cls(log_factors=state.array("log_factors", np.float64))
