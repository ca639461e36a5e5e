"""Who may serve a use case, by the constraints that serving itself applies, and which limit stands in whose way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from arbiter.catalog import Catalog
from arbiter.constraints import exclusions
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.use_case import UseCase
from arbiter.planning.workloads import latency_limit_s, strategy_of
from arbiter.records import Query, Requirements, TaskProfile
from arbiter.settings import Settings
from arbiter.strategies import STRATEGIES
from arbiter.vocabulary import Complexity, Domain, ProfileSource, TaskType

WINDOW_LEVEL = 0.99
"""Share of the requests that must fit into a model's window."""

WISH, COST, LATENCY, QUALITY, CAPABILITIES = (
    "workload latency",
    "max_cost_usd",
    "max_latency_s",
    "quality_floor",
    ("capabilities"),
)
SOFT = (WISH, COST, LATENCY, QUALITY, CAPABILITIES)
"""Limits that may be relaxed where no model keeps all of them, the first to give way first. Privacy, region,
compliance, risk, windows, allow and deny lists and the status of a model never are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands between the models and a use case.

    Attributes
    ----------
    barred : model to the reason why it cannot serve at all.
    missed : model that could, to the soft limits it misses, each with the reason in words.
    excess : model to limit to how far it is beyond it: relative for cost and latency, in points for quality, missing
        ones for capabilities.
    utility : model to quality less the price of money and time.
    """

    barred: Mapping[str, str]
    missed: Mapping[str, Mapping[str, str]]
    excess: Mapping[str, Mapping[str, float]]
    utility: Mapping[str, float]

    @property
    def eligible(self) -> tuple[str, ...]:
        """Models that keep every limit, by falling utility."""
        return self.keeping(())

    def keeping(self, relaxed: Sequence[str]) -> tuple[str, ...]:
        """Give the models that keep every limit but the relaxed ones, by falling utility."""
        fit = [model for model, missed in self.missed.items() if set(missed) <= set(relaxed)]
        return tuple(sorted(fit, key=lambda model: (-self.utility[model], model)))


def weights_of(case: UseCase) -> UtilityWeights:
    """Give what money and time are worth under the use case's strategy, as in serving."""
    return Settings().weights(STRATEGIES[strategy_of(case)].objective)


def standing(case: UseCase, catalog: Catalog, expected: Sequence[ModelOutlook], plan_start: str) -> Standing:
    """Hold every model against every limit.

    Parameters
    ----------
    case : the use case.
    catalog : K models.
    expected : K outlooks in its order.
    plan_start : ISO date; a model whose deprecation date lies before is gone by then.
    """
    barred = _broken(case, catalog, expected, hard_limits(case))
    for outlook in expected:
        name, gone = outlook.candidate.name, outlook.candidate.deprecation_date
        if outlook.cost is None:
            barred.setdefault(name, "cost not known: declare its tokens, or give traffic that counts them")
        if gone is not None and gone <= plan_start:
            barred.setdefault(name, f"retired on {gone}")
    usable = [outlook for outlook in expected if outlook.candidate.name not in barred]
    missed: dict[str, dict[str, str]] = {outlook.candidate.name: {} for outlook in usable}
    for limit, asked in _soft(case).items():
        broken = _broken(case, catalog, expected, {**hard_limits(case), **asked})
        for name in missed:
            if name in broken:
                missed[name][limit] = broken[name]
    weights = weights_of(case)
    return Standing(
        barred=MappingProxyType(barred),
        missed=missed,
        excess={o.candidate.name: {m: _excess(case, o, m) for m in missed[o.candidate.name]} for o in usable},
        utility={o.candidate.name: _utility(o, weights) for o in usable},
    )


def _utility(outlook: ModelOutlook, weights: UtilityWeights) -> float:
    assert outlook.cost is not None, "a model without a cost is barred"
    spent = weights.quality_per_usd * outlook.cost.mean_usd + weights.quality_per_s * outlook.latency_median_s
    return outlook.quality - spent


def hard_limits(case: UseCase) -> dict[str, Any]:
    """Give the requirements that never give way, under the names that :class:`arbiter.records.Requirements` has."""
    limits = case.limits
    return {
        "local_only": limits.local_only,
        "regions": limits.regions,
        "compliance": limits.compliance,
        "languages": limits.languages,
        "allow": limits.models,
        "deny": limits.deny,
    }


def _soft(case: UseCase) -> dict[str, dict[str, Any]]:
    limits = case.limits
    asked: dict[str, dict[str, Any]] = {}
    if limits.max_latency_s is not None:
        asked[LATENCY] = {"max_latency_s": limits.max_latency_s, "latency_quantile": limits.latency_quantile}
    elif latency_limit_s(case) is not None:
        asked[WISH] = {"max_latency_s": latency_limit_s(case)}
    if limits.max_cost_usd is not None:
        asked[COST] = {"max_cost_usd": limits.max_cost_usd}
    if limits.quality_floor is not None:
        asked[QUALITY] = {"min_quality": limits.quality_floor}
    if limits.capabilities:
        asked[CAPABILITIES] = {"capabilities": limits.capabilities}
    return asked


def _broken(
    case: UseCase, catalog: Catalog, expected: Sequence[ModelOutlook], asked: Mapping[str, Any]
) -> dict[str, str]:
    """Ask the constraints of serving; model to reason."""
    explicit = "latency_quantile" in asked
    tokens = next((outlook.tokens for outlook in expected if outlook.tokens is not None), None)
    query = Query(
        text="",
        input_tokens=0 if tokens is None else round(tokens[0].quantile(WINDOW_LEVEL)),
        requirements=Requirements(**asked),
        strategy=strategy_of(case),
    )
    expectation = Expectation(
        quality=np.array([outlook.quality for outlook in expected]),
        quality_se=np.array([outlook.quality_se for outlook in expected]),
        cost_usd=np.array([0.0 if outlook.cost is None else outlook.cost.mean_usd for outlook in expected]),
        latency_s=np.array([o.latency_s if explicit else o.latency_median_s for o in expected]),
        output_tokens=np.array(
            [0.0 if outlook.tokens is None else outlook.tokens[1].quantile(WINDOW_LEVEL) for outlook in expected]
        ),
    )
    return exclusions(query, _profile(case), catalog, expectation, Settings())


def _profile(case: UseCase) -> TaskProfile:
    risk = case.limits.risk
    return TaskProfile(
        complexity=Complexity.MODERATE,
        risk=risk,
        domain=Domain.GENERAL,
        task_type=TaskType.CHAT_SIMPLE,
        harm=risk,
        stake=risk,
        probabilities={},
        source=ProfileSource.USER,
        confidence=1.0,
    )


def _excess(case: UseCase, outlook: ModelOutlook, limit: str) -> float:
    limits = case.limits
    if limit == CAPABILITIES:
        return float(len(limits.capabilities - outlook.candidate.capabilities))
    if limit == QUALITY:
        return (limits.quality_floor or 0.0) - outlook.quality
    assert outlook.cost is not None, "a model without a cost is barred"
    value, wanted = {
        COST: (outlook.cost.mean_usd, limits.max_cost_usd),
        LATENCY: (outlook.latency_s, limits.max_latency_s),
        WISH: (outlook.latency_median_s, latency_limit_s(case)),
    }[limit]
    return value / wanted - 1.0 if wanted else float("inf")
