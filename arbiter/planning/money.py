"""Sums of money that are not certain: a mean, what varies by itself, and what varies together."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from arbiter.ope.distributions import normal_quantile

BAND = 0.80
"""Probability of the band of every projection."""

BAND_Z = normal_quantile((1.0 + BAND) / 2.0)
"""Half the band's width for a normal of deviation 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An uncertain amount, in US dollars.

    Attributes
    ----------
    mean : the expectation.
    own_var : variance that is independent from amount to amount: which requests happen to come.
    common_sd : deviation that all amounts of one use case share: its volume and its mean cost are not known.
    """

    mean: float
    own_var: float = 0.0
    common_sd: float = 0.0

    @property
    def sd(self) -> float:
        """Deviation, both parts together."""
        return math.sqrt(self.own_var + self.common_sd**2)

    def quantile(self, level: float) -> float:
        """Give what is not exceeded with a probability, of the log-normal with this mean and deviation.

        A sum of positive, skewed amounts is itself positive and skewed; its first two moments are kept (Fenton, 1960).
        """
        if self.mean <= 0.0 or self.sd == 0.0:
            return self.mean
        sigma = math.sqrt(math.log1p((self.sd / self.mean) ** 2))
        return self.mean * math.exp(sigma * normal_quantile(level) - sigma**2 / 2.0)

    @property
    def low(self) -> float:
        """Lower end of the 80 % band."""
        return self.quantile((1.0 - BAND) / 2.0)

    @property
    def high(self) -> float:
        """Upper end of the 80 % band."""
        return self.quantile((1.0 + BAND) / 2.0)

    def scaled(self, factor: float) -> "Money":
        """Give the amount times a number that is certain."""
        return Money(mean=self.mean * factor, own_var=self.own_var * factor**2, common_sd=self.common_sd * abs(factor))


def together(parts: Iterable[Money]) -> Money:
    """Sum amounts of one use case: what they share adds up, what is their own averages out."""
    listed = list(parts)
    return Money(
        mean=sum(part.mean for part in listed),
        own_var=sum(part.own_var for part in listed),
        common_sd=sum(part.common_sd for part in listed),
    )


def apart(parts: Iterable[Money]) -> Money:
    """Sum amounts of different use cases, which are taken as independent."""
    listed = list(parts)
    return Money(mean=sum(part.mean for part in listed), own_var=sum(part.sd**2 for part in listed))
