"""Laws of the table of strategies."""

import pytest

from arbiter.errors import InvalidInputError
from arbiter.settings import DEFAULT_OBJECTIVES
from arbiter.strategies import STRATEGIES, read_strategy
from arbiter.vocabulary import ConstraintPreset, ExecutionPlan, Objective, Strategy


def test_every_strategy_has_a_row() -> None:
    """No name of the vocabulary is without a meaning."""
    assert set(STRATEGIES) == set(Strategy)


def test_every_choice_is_reachable_by_a_name() -> None:
    """Each objective, each plan and each preset stands in at least one row, and each objective has weights."""
    assert {row.objective for row in STRATEGIES.values()} == set(Objective) == set(DEFAULT_OBJECTIVES)
    assert {row.plan for row in STRATEGIES.values()} == set(ExecutionPlan)
    assert {row.preset for row in STRATEGIES.values()} == set(ConstraintPreset)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_name_reads_as_its_strategy(strategy: Strategy) -> None:
    """Plain text from a command line or a file is enough."""
    assert read_strategy(strategy.value) is strategy


def test_an_unknown_name_lists_the_known_ones() -> None:
    """The message holds the remedy."""
    with pytest.raises(InvalidInputError, match=r"unknown strategy 'best'; there are single_best, .*compliance_req"):
        read_strategy("best")
