"""Laws of the records."""

import dataclasses
import inspect

import pytest

from arbiter import records
from arbiter.errors import InvalidInputError
from arbiter.records import Query, Requirements
from arbiter.vocabulary import Capability

RECORDS = [cls for _, cls in inspect.getmembers(records, inspect.isclass) if cls.__module__ == records.__name__]


@pytest.mark.parametrize("cls", RECORDS)
def test_records_are_frozen_slotted_and_by_keyword(cls: type) -> None:
    """What crosses a module border cannot be changed behind the other side's back."""
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]  # the standard library publishes no type
    assert "__slots__" in vars(cls)
    assert all(f.kw_only for f in dataclasses.fields(cls))


def test_the_default_requirements_demand_nothing() -> None:
    """Two of them are equal and hash alike, so a query without demands is one value."""
    assert Requirements() == Query(text="x").requirements
    assert hash(Requirements()) == hash(Requirements())


def test_any_collection_of_names_becomes_a_set() -> None:
    """A list from JSON demands the same as a set, capabilities by their text too."""
    given = Requirements(capabilities=["tools"], deny=["a", "a"], allow=("b",))  # type: ignore[arg-type]  # the point
    assert given == Requirements(
        capabilities=frozenset({Capability.TOOLS}), deny=frozenset("a"), allow=frozenset({"b"})
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"deny": "gpt-4o"}, r"deny must be a set of names, got the text 'gpt-4o'"),
        ({"capabilities": {"flying"}}, r"unknown capability flying; there are tools"),
        ({"max_cost_usd": -0.1}, r"max_cost_usd must lie in \[0, inf\] or be None; got -0.1"),
        ({"max_latency_s": float("nan")}, r"max_latency_s .* got nan"),
        ({"min_quality": 90}, r"min_quality must lie in \[0, 1\] or be None; got 90"),
        ({"max_output_tokens": 0}, r"max_output_tokens .* got 0"),
    ],
)
def test_a_wrong_demand_is_refused_where_it_is_made(wrong: dict, message: str) -> None:
    """It would otherwise exclude every candidate, or none, without a word."""
    with pytest.raises(InvalidInputError, match=message):
        Requirements(**wrong)
