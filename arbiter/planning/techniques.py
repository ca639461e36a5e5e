"""The eight ways to spend less: what each needs, takes and saves by the literature; and what one saves in a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from arbiter.planning.history import FloatArray
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlySpend:
    """US dollars of a mean month: of the use case, and of all use cases with the vendor of its primary."""

    case: float
    vendor: float


class Basis(StrEnum):
    """Where a saving comes from."""

    MEASURED = "measured"
    DECLARED = "declared"
    LITERATURE = "literature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What one technique saves on one use case.

    Attributes
    ----------
    technique : which.
    basis : ``measured`` on the traffic, computed from what the file ``declared``, or the ``literature``'s range.
    met, why : whether its prerequisites are met, and what was looked at.
    factors, low_factors, high_factors : (2, 3) what is left of each part of the spend: rows what is wanted now and what
        can wait, columns repeated prefix, rest of the input, output. ``low_factors`` is for the low end of the saving.
    alone, alone_low, alone_high : share of the use case's spend that it saves by itself.
    added : what it adds after those listed before it.
    usd_per_month : ``added``, in dollars.
    days, payback_months : effort, and when it has paid for that; None where it never does.
    """

    technique: CostTechnique
    basis: Basis
    met: bool
    why: str
    factors: FloatArray
    low_factors: FloatArray
    high_factors: FloatArray
    alone: float = 0.0
    alone_low: float = 0.0
    alone_high: float = 0.0
    added: float = 0.0
    usd_per_month: float = 0.0
    days: float = 0.0
    payback_months: float | None = None
