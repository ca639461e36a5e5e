"""Every strategy by name: a row of objective, execution plan and constraint preset."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from arbiter.errors import InvalidInputError
from arbiter.vocabulary import ConstraintPreset, ExecutionPlan, Objective, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRow:
    """What a strategy's name stands for."""

    objective: Objective
    plan: ExecutionPlan = ExecutionPlan.SINGLE
    preset: ConstraintPreset = ConstraintPreset.NONE


STRATEGIES: Mapping[Strategy, StrategyRow] = MappingProxyType(
    {
        Strategy.SINGLE_BEST: StrategyRow(objective=Objective.LEARNED),
        Strategy.FALLBACK_CHAIN: StrategyRow(objective=Objective.BALANCED, plan=ExecutionPlan.FALLBACK_CHAIN),
        Strategy.ENSEMBLE_VOTING: StrategyRow(objective=Objective.BALANCED, plan=ExecutionPlan.ENSEMBLE),
        Strategy.ENSEMBLE_WEIGHTED: StrategyRow(objective=Objective.QUALITY, plan=ExecutionPlan.ENSEMBLE),
        Strategy.PARALLEL_RACE: StrategyRow(objective=Objective.LATENCY, plan=ExecutionPlan.RACE),
        Strategy.CASCADE: StrategyRow(objective=Objective.COST, plan=ExecutionPlan.CASCADE),
        Strategy.ROUND_ROBIN: StrategyRow(objective=Objective.BALANCED, plan=ExecutionPlan.ROUND_ROBIN),
        Strategy.LEAST_COST: StrategyRow(objective=Objective.COST),
        Strategy.LOWEST_LATENCY: StrategyRow(objective=Objective.LATENCY),
        Strategy.HIGHEST_QUALITY: StrategyRow(objective=Objective.QUALITY),
        Strategy.COST_FIRST: StrategyRow(objective=Objective.COST, plan=ExecutionPlan.FALLBACK_CHAIN),
        Strategy.QUALITY_FIRST: StrategyRow(objective=Objective.QUALITY, plan=ExecutionPlan.FALLBACK_CHAIN),
        Strategy.LATENCY_FIRST: StrategyRow(objective=Objective.LATENCY, plan=ExecutionPlan.FALLBACK_CHAIN),
        Strategy.BALANCED: StrategyRow(objective=Objective.BALANCED, plan=ExecutionPlan.FALLBACK_CHAIN),
        Strategy.REDUNDANT: StrategyRow(objective=Objective.BALANCED, plan=ExecutionPlan.REDUNDANT),
        Strategy.COST_OPTIMIZED: StrategyRow(objective=Objective.COST, plan=ExecutionPlan.FALLBACK_CHAIN),
        Strategy.LOW_LATENCY: StrategyRow(objective=Objective.LATENCY, plan=ExecutionPlan.FALLBACK_CHAIN),
        Strategy.HIGH_AVAILABILITY: StrategyRow(
            objective=Objective.BALANCED,
            plan=ExecutionPlan.FALLBACK_CHAIN,
            preset=ConstraintPreset.HIGH_AVAILABILITY,
        ),
        Strategy.PRIVACY_FIRST: StrategyRow(objective=Objective.BALANCED, preset=ConstraintPreset.PRIVACY),
        Strategy.COMPLIANCE_REQUIRED: StrategyRow(objective=Objective.BALANCED, preset=ConstraintPreset.COMPLIANCE),
    }
)


def read_strategy(name: str) -> Strategy:
    """Give the strategy of that name.

    Raises
    ------
    InvalidInputError
        If there is none; the message lists them all.
    """
    try:
        return Strategy(name)
    except ValueError:
        raise InvalidInputError(f"unknown strategy {name!r}; there are {', '.join(Strategy)}") from None
