"""Laws of the settings."""

import json

import pytest

from arbiter.errors import InvalidInputError
from arbiter.settings import DEFAULT_FALLBACKS, DEFAULT_OBJECTIVES, ObjectiveWeights, Settings
from arbiter.vocabulary import Objective, Risk, Strategy, Tier


def test_settings_survive_json() -> None:
    """What is written is what is read, every field of it."""
    settings = Settings(
        strategy=Strategy.CASCADE,
        reference_cost_usd=0.125,
        reference_latency_s=2.5,
        objectives={**DEFAULT_OBJECTIVES, Objective.COST: ObjectiveWeights(cost=3.0, latency=0.25)},
        risk_tier={Risk.MEDIUM: Tier.BALANCED},
        fallbacks={**DEFAULT_FALLBACKS, Risk.HIGH: 4},
        review_from=Risk.HIGH,
    )
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert Settings.from_dict(json.loads(json.dumps(Settings().to_dict()))) == Settings()


def test_the_reference_cost_buys_the_objectives_quality_points() -> None:
    """Ten points of quality per 2 cents are five points per cent, whatever the unit of account."""
    weights = Settings(reference_cost_usd=0.02, reference_latency_s=4.0).weights(Objective.BALANCED)
    assert weights.quality_per_usd * 0.02 == pytest.approx(0.10)
    assert weights.quality_per_s * 4.0 == pytest.approx(0.02)


def test_valuing_puts_the_learned_objective_in_force() -> None:
    """A dollar is then worth exactly what was said, and time nothing."""
    settings = Settings(reference_cost_usd=0.3).valuing(7.0)
    weights = settings.weights(Objective.LEARNED)
    assert weights.quality_per_usd == pytest.approx(7.0)
    assert weights.quality_per_s == 0.0
    assert settings.strategy is Strategy.SINGLE_BEST


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reference_cost_usd": 0.0}, "reference_cost_usd must be a number above 0, got 0.0"),
        ({"reference_latency_s": float("nan")}, "reference_latency_s must be a number above 0, got nan"),
        ({"fallbacks": {Risk.LOW: 1}}, "fallbacks must name every risk; add minimal, medium, high, critical"),
        ({"objectives": {}}, "objectives must name every objective; add balanced, quality, cost, latency, learned"),
        ({"fallbacks": {**DEFAULT_FALLBACKS, Risk.LOW: -1}}, "lengths from 0 up"),
    ],
)
def test_settings_that_would_break_a_decision_are_refused(wrong: dict, message: str) -> None:
    """The error comes when the settings are made, not with the first request of that risk."""
    with pytest.raises(InvalidInputError, match=message):
        Settings(**wrong)


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_an_objective_cannot_pay_for_spending(weight: float) -> None:
    """A weight below 0, or without bound, is refused by name."""
    with pytest.raises(InvalidInputError, match="weight of cost must be a number from 0 up"):
        ObjectiveWeights(cost=weight, latency=0.0)
