"""The eight ways to spend less: what each needs, what it takes, and what the literature says it saves."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from arbiter.vocabulary import CostTechnique


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """A way to spend less.

    Attributes
    ----------
    low, high : saving on the part of the spend that it touches, where nothing was measured.
    effort : in words, and ``days`` of an engineer: an assumption of this table.
    needs : what must be there.
    """

    low: float
    high: float
    effort: str
    days: float
    needs: str


TECHNIQUES: Mapping[CostTechnique, Technique] = MappingProxyType(
    {
        CostTechnique.PROMPT_CACHING: Technique(low=0.5, high=0.9, effort="low", days=2, needs="repeated prompts"),
        CostTechnique.BATCH: Technique(low=0.2, high=0.5, effort="medium", days=10, needs="work that can wait"),
        CostTechnique.TIERED_ROUTING: Technique(
            low=0.3, high=0.6, effort="high", days=30, needs="a classifier, and several models"
        ),
        CostTechnique.OUTPUT_LIMITS: Technique(low=0.1, high=0.3, effort="low", days=2, needs="nothing"),
        CostTechnique.PROMPT_COMPRESSION: Technique(low=0.15, high=0.4, effort="medium", days=10, needs="long prompts"),
        CostTechnique.SEMANTIC_CACHING: Technique(low=0.4, high=0.8, effort="high", days=30, needs="a vector store"),
        CostTechnique.VOLUME_DISCOUNTS: Technique(low=0.1, high=0.3, effort="low", days=2, needs="a contract"),
        CostTechnique.RESERVED_CAPACITY: Technique(low=0.2, high=0.4, effort="low", days=2, needs="a steady load"),
    }
)
"""Ranges as practitioners publish them; none of them is a measurement of your traffic."""
