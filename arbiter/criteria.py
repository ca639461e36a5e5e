"""The weights of the ten criteria: the user's, renormalised, with the weight of safety set by the risk of the task."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from arbiter.errors import InvalidInputError
from arbiter.vocabulary import Criterion, Risk

DEFAULT_CRITERIA: Mapping[Criterion, float] = MappingProxyType(
    {
        Criterion.QUALITY: 0.25,
        Criterion.SAFETY: 0.20,
        Criterion.COST: 0.15,
        Criterion.LATENCY: 0.10,
        Criterion.RELIABILITY: 0.10,
        Criterion.CAPABILITY: 0.10,
        Criterion.CONSISTENCY: 0.05,
        Criterion.PRIVACY: 0.02,
        Criterion.COMPLIANCE: 0.02,
        Criterion.AVAILABILITY: 0.01,
    }
)

SAFETY_BY_RISK: Mapping[Risk, float] = MappingProxyType(
    {Risk.MINIMAL: 0.1, Risk.LOW: 0.2, Risk.MEDIUM: 0.3, Risk.HIGH: 0.5, Risk.CRITICAL: 0.8}
)
"""Weight of safety in a task of each risk, for a user who has left safety at its default weight."""

MOST_SAFETY = 0.95
"""Greatest weight of safety, so that among equally safe candidates the rest still tells."""

ORDER = tuple(Criterion)


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionWeights:
    """What each criterion counts; the weights sum to 1.

    Attributes
    ----------
    values : criterion to weight, in [0, 1]; scaled to sum 1. A criterion that is missing counts nothing.

    Raises
    ------
    InvalidInputError
        If a weight is not such a number, a name is no criterion, or all are 0.
    """

    values: Mapping[Criterion, float] = field(default_factory=lambda: DEFAULT_CRITERIA)

    def __post_init__(self) -> None:
        unknown = sorted(str(name) for name in self.values if name not in frozenset(Criterion))
        if unknown:
            raise InvalidInputError(f"unknown criterion {', '.join(unknown)}; there are {', '.join(Criterion)}")
        for name, weight in self.values.items():
            _require_share(str(name), weight)
        total = math.fsum(self.values.values())
        if total <= 0.0:
            raise InvalidInputError("all criteria weigh 0; give at least one a weight above 0")
        full = {criterion: self.values.get(criterion, 0.0) / total for criterion in Criterion}
        object.__setattr__(self, "values", MappingProxyType(full))

    def setting(self, criterion: Criterion, weight: float) -> "CriterionWeights":
        """Give weights in which one criterion has exactly this share, and the others keep their proportions.

        Raises
        ------
        InvalidInputError
            If the weight does not lie in [0, 1], or the others weigh nothing and cannot fill the rest.
        """
        _require_share(str(criterion), weight)
        rest = 1.0 - self.values[criterion]
        if rest <= 0.0 and weight < 1.0:
            raise InvalidInputError(f"{criterion} is the only criterion with a weight; set another one first")
        scale = (1.0 - weight) / rest if rest > 0.0 else 0.0
        others = {name: value * scale for name, value in self.values.items()}
        return CriterionWeights(values={**others, criterion: weight})

    def for_risk(self, risk: Risk) -> "CriterionWeights":
        """Give the weights for a task of this risk: safety by the table, in proportion to the user's own weight."""
        own = self.values[Criterion.SAFETY]
        if own >= 1.0:
            return self
        wanted = SAFETY_BY_RISK[risk] * own / DEFAULT_CRITERIA[Criterion.SAFETY]
        return self.setting(Criterion.SAFETY, min(wanted, MOST_SAFETY))

    def as_tuple(self) -> tuple[float, ...]:
        """Give the weights in the order of :class:`arbiter.vocabulary.Criterion`."""
        return tuple(self.values[criterion] for criterion in ORDER)


def _require_share(name: str, weight: float) -> None:
    if not 0.0 <= weight <= 1.0:
        raise InvalidInputError(f"the weight of {name} must lie in [0, 1], got {weight}")
