"""What a request demands of the candidate that answers it, and what the service knows while it is decided."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from arbiter.errors import InvalidInputError
from arbiter.vocabulary import Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What a request demands of the candidate that answers it; each one filters before utility is weighed.

    Attributes
    ----------
    capabilities : what the candidate must be able to do.
    max_cost_usd, max_latency_s : limits on the estimate for this request; None is no limit.
    min_quality : floor of the estimated quality, in [0, 1]; None is no floor.
    max_output_tokens : room that the context window must leave for the answer; None takes the estimate.
    local_only : only candidates of tier ``local`` (privacy).
    latency_quantile : share of such requests that must stay below ``max_latency_s``, in (0, 1), e.g. 0.95; None limits
        the expected latency alone.
    regions, compliance : tags that the candidate must carry, all of them.
    languages : ISO 639-1 codes, such as ``de``, that the candidate must answer well in, all of them.
    allow : only these names; None allows all.
    deny : never these names.

    Raises
    ------
    InvalidInputError
        If a limit is not such a number, a capability is unknown, or a set is given as a text.
    """

    capabilities: frozenset[Capability] = frozenset()
    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    min_quality: float | None = None
    max_output_tokens: int | None = None
    latency_quantile: float | None = None
    local_only: bool = False
    regions: frozenset[str] = frozenset()
    compliance: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("capabilities", "regions", "compliance", "languages", "allow", "deny"):
            value = getattr(self, name)
            if isinstance(value, str):  # "x" in "xy" is true of texts
                raise InvalidInputError(f"{name} must be a set of names, got the text {value!r}; put it in a set")
            if value is not None:
                object.__setattr__(self, name, frozenset(value))
        unknown = sorted(self.capabilities - frozenset(Capability))
        if unknown:
            raise InvalidInputError(f"unknown capability {', '.join(unknown)}; there are {', '.join(Capability)}")
        limits = {"max_cost_usd": (0, math.inf), "max_latency_s": (0, math.inf), "min_quality": (0, 1)}
        for name, (least, most) in {**limits, "max_output_tokens": (1, math.inf)}.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InvalidInputError(f"{name} must lie in [{least}, {most}] or be None; got {value}")
        if self.latency_quantile is not None and not 0.0 < self.latency_quantile < 1.0:
            raise InvalidInputError(f"latency_quantile must lie between 0 and 1; got {self.latency_quantile}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Economy:
    """Why money weighs more than the strategy says: a quota runs out.

    Attributes
    ----------
    account : whose quota, and of which period.
    left_share : what it leaves, in [0, 1] of its limit.
    factor : how many times more a dollar weighs; 1 or more.
    """

    account: str
    left_share: float
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the service knows at the moment of a decision, beyond the request itself.

    Attributes
    ----------
    out : candidates that may not be called just now, to the reason: an open breaker, a provider's quota.
    budget_left_usd : what the asker's budget still pays for; None where there is no budget.
    warm_model : the candidate that holds the session's context in its prompt cache; None where none does.
    warm_tokens : how many of the request's input tokens that cache holds.
    quality_per_usd : what a dollar is worth just now, in quality points, in the place of the strategy's own; None
        leaves that.
    paced_usd : what a paced budget holds: a choice that may cost more waits, unless it is the cheapest; None where
        there is none.
    paced_least_usd : a choice that is expected to cost no more than this never waits for a paced budget.
    economy : makes a dollar weigh more, as the asker's quota runs out; None leaves its weight.
    """

    out: Mapping[str, str] = field(default_factory=dict)
    budget_left_usd: float | None = None
    warm_model: str | None = None
    warm_tokens: int = 0
    quality_per_usd: float | None = None
    paced_usd: float | None = None
    paced_least_usd: float = 0.0
    economy: Economy | None = None
