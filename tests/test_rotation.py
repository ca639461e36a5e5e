"""Laws of turns: exact shares, exact probabilities."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_world import CHEAP, DEAR, MIDDLE, NAMES, three_router

from arbiter.errors import InvalidInputError
from arbiter.records import Decision
from arbiter.rotation import MOST_GROUPS, Rotation
from arbiter.service import Arbiter
from arbiter.service_options import ServiceOptions

SERVICE = Arbiter(three_router(), options=ServiceOptions(seed=0))
DECISION = SERVICE.route("What is the capital of France?", strategy="round_robin")


def turns(rotation: Rotation, n: int, decision: Decision = DECISION) -> list[Decision]:
    return rotation.turned([decision] * n)


def test_everybody_has_his_turn_in_each_round() -> None:
    """Of three candidates each once in three, and the propensity says so."""
    found = turns(Rotation(seed=0), 30)
    for i in range(0, 30, 3):
        assert {d.model for d in found[i : i + 3]} == set(NAMES)
    assert all(d.propensity == d.action_probs[d.model] == pytest.approx(1 / 3) for d in found)
    assert len({tuple(d.model for d in found[i : i + 3]) for i in range(0, 30, 3)}) > 1, "the order differs"


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5)))
@settings(max_examples=30, deadline=None)
def test_shares_are_the_weights(weights: dict[str, int]) -> None:
    """Exactly, after every round."""
    given = {name: weights.get(name, 1) for name in NAMES}
    found = turns(Rotation(weights), 2 * sum(given.values()))
    assert Counter(d.model for d in found) == {name: 2 * n for name, n in given.items()}
    assert sum(found[0].action_probs.values()) == pytest.approx(1.0)


def test_a_turn_that_is_given_back_is_the_next() -> None:
    """So that the shares stay exact however often a decision is made anew."""
    rotation, found = Rotation(seed=2), []
    for i in range(30):
        for _ in range(i % 3):
            rotation.give_back(turns(rotation, 1))
        found += turns(rotation, 1)
    assert Counter(d.model for d in found) == dict.fromkeys(NAMES, 10)
    assert [d.model for d in found] == [d.model for d in turns(Rotation(seed=2), 30)]
    other = SERVICE.route("What is the capital of France?")
    rotation.give_back([other])
    assert {d.model for d in turns(rotation, 3)} == set(NAMES)


def test_the_fallbacks_never_name_whose_turn_it_is() -> None:
    """And are as many as before."""
    for decision in turns(Rotation(seed=1), 9):
        assert decision.model not in decision.fallbacks
        assert len(set(decision.fallbacks)) == len(DECISION.fallbacks)


def test_other_strategies_and_lonely_choices_stay_as_they_are() -> None:
    """To the last field."""
    other = SERVICE.route("What is the capital of France?")
    alone = replace(DECISION, action_probs={DECISION.model: 1.0})
    assert Rotation().turned([other, alone]) == [other, alone]


def test_the_service_takes_turns_and_records_them() -> None:
    """With weights, and without the candidate that is not eligible."""
    service = Arbiter(three_router(), options=ServiceOptions(seed=0, turns={CHEAP: 2}))
    found = service.route_batch(["hello"] * 8, strategy="round_robin")
    assert Counter(d.model for d in found) == {CHEAP: 4, MIDDLE: 2, DEAR: 2}
    assert [service.ledger.decision(d.id).propensity for d in found] == [d.propensity for d in found]
    some = service.route_batch(["hello"] * 4, strategy="round_robin", deny=frozenset({CHEAP}))
    assert Counter(d.model for d in some) == {MIDDLE: 2, DEAR: 2}


def test_groups_that_nobody_asks_for_are_forgotten() -> None:
    """Memory is bounded."""
    rotation = Rotation(seed=0)
    for i in range(MOST_GROUPS + 10):
        turns(rotation, 1, replace(DECISION, action_probs={CHEAP: 0.5, f"m{i}": 0.5}))
    assert len(rotation._rounds) == MOST_GROUPS


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_wrong_weights_are_refused(wrong: object) -> None:
    """By name."""
    with pytest.raises(InvalidInputError, match="turns of gpt-4o-mini"):
        Rotation({CHEAP: wrong})  # type: ignore[dict-item]
