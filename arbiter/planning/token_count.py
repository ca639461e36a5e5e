"""How many tokens a request or an answer has: a log-normal, given by mean and deviation or by two quantiles."""

import math
from dataclasses import dataclass

from arbiter.ope.distributions import normal_quantile

P90_Z = normal_quantile(0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """A distribution of token counts.

    Lengths of prompts and answers are taken as log-normal: positive, and skewed to the right.

    Attributes
    ----------
    mean, sd : tokens; a deviation of 0 is a fixed length.
    """

    mean: float
    sd: float = 0.0

    @classmethod
    def from_quantiles(cls, p50: float, p90: float) -> "TokenCount":
        """Give the log-normal with this median and ninth decile: sigma = ln(p90 / p50) / z(0.9)."""
        sigma = math.log(p90 / p50) / P90_Z
        mean = p50 * math.exp(sigma**2 / 2.0)
        return cls(mean=mean, sd=mean * math.sqrt(math.expm1(sigma**2)))

    @property
    def log_sd(self) -> float:
        """Deviation of the logarithm, sqrt(ln(1 + (sd / mean)^2)); 0 where there are no tokens."""
        return math.sqrt(math.log1p((self.sd / self.mean) ** 2)) if self.mean > 0 else 0.0

    def quantile(self, level: float) -> float:
        """Give the tokens that a share ``level`` of the requests stays below."""
        if self.mean <= 0:
            return 0.0
        return self.mean * math.exp(self.log_sd * normal_quantile(level) - self.log_sd**2 / 2.0)

    def excess_share(self, cap: float) -> float:
        """Give the share of all tokens that lies beyond a cap, E[(X - cap)+] / E[X], in closed form.

        The partial expectation of a log-normal (the same as in Black and Scholes, 1973, eq. 13, without interest).
        """
        if self.mean <= 0 or cap <= 0:
            return 1.0 if self.mean > 0 else 0.0
        if self.sd == 0:
            return max(self.mean - cap, 0.0) / self.mean
        d1 = (math.log(self.mean / cap) + self.log_sd**2 / 2.0) / self.log_sd
        return _normal(d1) - cap / self.mean * _normal(d1 - self.log_sd)


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
