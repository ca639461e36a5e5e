"""What a router is told, as opposed to what it learned. Every value is a default that a user can change."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import UtilityWeights
from arbiter.vocabulary import Objective, Risk, Strategy, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveWeights:
    """What an objective gives up, in quality points, for spending one reference cost or one reference latency.

    Attributes
    ----------
    cost : quality points that the reference cost must buy.
    latency : quality points that the reference latency costs.
    """

    cost: float
    latency: float

    def __post_init__(self) -> None:
        for name, value in (("cost", self.cost), ("latency", self.latency)):
            if not 0.0 <= value < math.inf:
                raise InvalidInputError(f"an objective's weight of {name} must be a number from 0 up, got {value}")


DEFAULT_OBJECTIVES: Mapping[Objective, ObjectiveWeights] = MappingProxyType(
    {
        Objective.BALANCED: ObjectiveWeights(cost=0.10, latency=0.02),
        Objective.QUALITY: ObjectiveWeights(cost=0.005, latency=0.001),
        Objective.COST: ObjectiveWeights(cost=1.0, latency=0.01),
        Objective.LATENCY: ObjectiveWeights(cost=0.02, latency=0.5),
        Objective.LEARNED: ObjectiveWeights(cost=0.10, latency=0.0),
    }
)
"""Balanced gives up ten points of quality for the price of the dearest candidate; the others lean as they are named.
``learned`` weighs what training measured, quality and cost."""

DEFAULT_RISK_TIER: Mapping[Risk, Tier] = MappingProxyType({Risk.HIGH: Tier.FRONTIER, Risk.CRITICAL: Tier.FRONTIER})
"""Risk high or critical needs a frontier candidate."""

DEFAULT_FALLBACKS: Mapping[Risk, int] = MappingProxyType(
    {Risk.MINIMAL: 5, Risk.LOW: 3, Risk.MEDIUM: 2, Risk.HIGH: 1, Risk.CRITICAL: 0}
)
"""How many fallbacks are named: the riskier a request, the sooner a person should look instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a router weighs and limits.

    Attributes
    ----------
    strategy : what is done where the request asks for nothing else.
    reference_cost_usd, reference_latency_s : what the objectives' weights are per; from training, the mean of the
        dearest (slowest) candidate.
    objectives : weights, for every objective.
    risk_tier : the tier that a risk needs; an empty mapping lifts the floor (for benchmarks without real users).
    fallbacks : length of the fallback chain, for every risk.
    review_from : risk from which a decision is marked for human review.
    """

    strategy: Strategy = Strategy.BALANCED
    reference_cost_usd: float = 0.01
    reference_latency_s: float = 5.0
    objectives: Mapping[Objective, ObjectiveWeights] = field(default_factory=lambda: DEFAULT_OBJECTIVES)
    risk_tier: Mapping[Risk, Tier] = field(default_factory=lambda: DEFAULT_RISK_TIER)
    fallbacks: Mapping[Risk, int] = field(default_factory=lambda: DEFAULT_FALLBACKS)
    review_from: Risk = Risk.CRITICAL

    def __post_init__(self) -> None:
        for name in ("reference_cost_usd", "reference_latency_s"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise InvalidInputError(f"{name} must be a number above 0, got {getattr(self, name)}")
        for name, known, wanted in (("objectives", self.objectives, Objective), ("fallbacks", self.fallbacks, Risk)):
            missing = [str(key) for key in wanted if key not in known]
            if missing:
                raise InvalidInputError(f"{name} must name every {wanted.__name__.lower()}; add {', '.join(missing)}")
        if any(length < 0 for length in self.fallbacks.values()):
            raise InvalidInputError(f"fallbacks must be lengths from 0 up, got {dict(self.fallbacks)}")

    def weights(self, objective: Objective) -> UtilityWeights:
        """Give the objective's weights per dollar and second."""
        chosen = self.objectives[objective]
        return UtilityWeights(
            quality_per_usd=chosen.cost / self.reference_cost_usd,
            quality_per_s=chosen.latency / self.reference_latency_s,
        )

    def valuing(self, quality_per_usd: float) -> "Settings":
        """Give settings whose ``learned`` objective, now the strategy in force, values money so."""
        weights = ObjectiveWeights(cost=quality_per_usd * self.reference_cost_usd, latency=0.0)
        objectives = {**self.objectives, Objective.LEARNED: weights}
        return replace(self, objectives=objectives, strategy=Strategy.SINGLE_BEST)

    def to_dict(self) -> dict[str, object]:
        """Give JSON-ready values."""
        return {
            "strategy": self.strategy,
            "reference_cost_usd": self.reference_cost_usd,
            "reference_latency_s": self.reference_latency_s,
            "objectives": {o: [w.cost, w.latency] for o, w in self.objectives.items()},
            "risk_tier": dict(self.risk_tier),
            "fallbacks": dict(self.fallbacks),
            "review_from": self.review_from,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Settings":
        """Rebuild from what :meth:`to_dict` gave."""
        objectives: Mapping[str, list[float]] = values["objectives"]  # type: ignore[assignment]  # our own writing
        risk_tier: Mapping[str, str] = values["risk_tier"]  # type: ignore[assignment]
        fallbacks: Mapping[str, int] = values["fallbacks"]  # type: ignore[assignment]
        return cls(
            strategy=Strategy(str(values["strategy"])),
            reference_cost_usd=float(str(values["reference_cost_usd"])),
            reference_latency_s=float(str(values["reference_latency_s"])),
            objectives={Objective(o): ObjectiveWeights(cost=w[0], latency=w[1]) for o, w in objectives.items()},
            risk_tier={Risk(r): Tier(t) for r, t in risk_tier.items()},
            fallbacks={Risk(r): n for r, n in fallbacks.items()},
            review_from=Risk(str(values["review_from"])),
        )
