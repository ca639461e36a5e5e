"""Decisions for the tests of the ledger."""

from collections.abc import Callable

import pytest

from arbiter.records import Decision, Estimate, TaskProfile
from arbiter.vocabulary import Complexity, Domain, ProfileSource, Risk, Strategy, TaskType

MakeDecision = Callable[..., Decision]


@pytest.fixture(scope="session")
def make_decision() -> MakeDecision:
    """Give a function that makes a decision with an id and a model."""

    def make(identity: str, model: str = "a") -> Decision:
        profile = TaskProfile(
            complexity=Complexity.SIMPLE,
            risk=Risk.LOW,
            domain=Domain.MATH,
            task_type=TaskType.MATH_LOGIC,
            harm=Risk.MINIMAL,
            stake=Risk.LOW,
            probabilities={"domain": {"math": 0.75, "general": 0.25}},
            source=ProfileSource.KEYWORDS,
            confidence=0.5,
        )
        estimate = Estimate(quality=0.7, quality_se=0.1, cost_usd=1e-4, latency_s=1.5, output_tokens=200.0)
        return Decision(
            id=identity,
            model=model,
            propensity=0.25,
            action_probs={"a": 0.25, "b": 0.75},
            fallbacks=("b",),
            confidence=0.4,
            strategy=Strategy.BALANCED,
            profile=profile,
            estimates={"a": estimate, "b": estimate},
            utilities={"a": 0.1, "b": 0.2},
            excluded={"c": "status deprecated"},
            context=(0.1, 1 / 3),
        )

    return make
