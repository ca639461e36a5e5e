"""A claim, what was measured for it, and what follows."""

import math
from dataclasses import dataclass, field

from arbiter_training.simulator.compare import Spread

MET, MISSED, OPEN = "met", "missed", "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a figure has to lie.

    Attributes
    ----------
    least, most : ends, which belong to it.
    """

    least: float = -math.inf
    most: float = math.inf

    def verdict(self, found: Spread) -> str:
        """Say whether the whole interval lies inside, the whole interval outside, or neither."""
        if math.isnan(found.low):
            return OPEN
        if self.least <= found.low and found.high <= self.most:
            return MET
        return MISSED if found.high < self.least or found.low > self.most else OPEN

    @property
    def text(self) -> str:
        """Say it."""
        if math.isinf(self.least):
            return f"at most {self.most:g}"
        return f"at least {self.least:g}" if math.isinf(self.most) else f"{self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One figure of one policy.

    Attributes
    ----------
    ground : traffic.
    claim : which claim, such as ``stationary``.
    what : what was measured, in words.
    found : over the seeds.
    target : None where nothing was claimed.
    others : rival to the same figure.
    digits : after the point.
    """

    ground: str
    claim: str
    what: str
    found: Spread
    target: Target | None = None
    others: dict[str, Spread] = field(default_factory=dict)
    digits: int = 4

    @property
    def verdict(self) -> str:
        """Say whether the claim is met; empty where there is none."""
        return "" if self.target is None else self.target.verdict(self.found)
