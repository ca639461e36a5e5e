"""Laws of what would have changed a choice, and of the explanation as values."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.constraints import exclusions
from arbiter.counterfactual import LIMITS, Change, best, changes
from arbiter.explain import explain, explanation
from arbiter.intake import read_request
from arbiter.records import Circumstances, Decision, Estimate, Query, Requirements

CATALOG = Catalog.default()
WORTHS = st.just(0.0) | st.floats(1e-6, 500.0)  # the least numbers there are have too few digits to divide by
ROUTER = cold_start_router(CATALOG)
DECISION = ROUTER.route(read_request("Prove that the square root of 2 is irrational"), np.random.default_rng(0))


def decision_of(rows: dict[str, tuple[float, float]], worth: float) -> Decision:
    """Make a decision between candidates of (quality, cost) under a worth of a dollar; the best one is chosen."""
    estimates = {
        name: Estimate(quality=q, quality_se=0.1, cost_usd=c, latency_s=1.0, output_tokens=100.0)
        for name, (q, c) in rows.items()
    }
    made = replace(
        DECISION,
        model="?",
        estimates=estimates,
        utilities={name: q - worth * c for name, (q, c) in rows.items()},
        action_probs=dict.fromkeys(rows, 1.0 / len(rows)),
        excluded={},
        quality_per_usd=worth,
        quality_per_s=0.0,
    )
    return replace(made, model=str(best(made)))


def changed(decision: Decision, change: Change) -> dict[str, float]:
    """Give the utilities after a change."""
    worth = change.then if change.what == "quality_per_usd" else decision.quality_per_usd
    assert worth is not None
    found = {}
    for name in decision.action_probs:
        quality, cost = decision.estimates[name].quality, decision.estimates[name].cost_usd
        if name == change.of and change.then is not None:
            quality = change.then if change.what == "quality" else quality
            cost = change.then if change.what == "price" else cost
        found[name] = quality - worth * cost
    return found


ROWS = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.floats(0.01, 1.0), st.floats(1e-5, 0.05)), min_size=1, max_size=6
)


@given(ROWS, WORTHS)
@settings(deadline=None)
def test_a_change_brings_its_winner_level_with_the_best(rows: dict[str, tuple[float, float]], worth: float) -> None:
    """Recomputed from the changed number: the winner then has the greatest utility, shared with the former best."""
    decision = decision_of(rows, worth)
    for change in changes(decision):
        after = changed(decision, change)
        assert after[change.winner] == pytest.approx(max(after.values()), abs=1e-6)
        assert after[change.winner] == pytest.approx(after[decision.model], abs=1e-6)
        assert change.winner != decision.model


@given(ROWS, WORTHS)
@settings(deadline=None)
def test_there_is_a_change_of_each_kind_once_and_none_for_a_lone_candidate(
    rows: dict[str, tuple[float, float]], worth: float
) -> None:
    """The smallest of each kind; where one candidate is left, no change of these makes another win."""
    found = [change.what for change in changes(decision_of(rows, worth))]
    assert len(found) == len(set(found))
    assert len(rows) > 1 or not found


def test_the_smallest_changes_worked_by_hand() -> None:
    """Of .8 at $.01 and .7 at $.002, a dollar worth 10: utilities .70 and .68; level at 12.5, $.012, quality .78."""
    found = {change.what: change for change in changes(decision_of({"a": (0.8, 0.01), "b": (0.7, 0.002)}, 10.0))}
    assert found["quality_per_usd"].then == pytest.approx(12.5)
    assert (found["price"].of, found["price"].then) == ("a", pytest.approx(0.012))
    assert (found["quality"].of, found["quality"].then) == ("a", pytest.approx(0.78))


LIMITED = [
    ("max_cost_usd", Query(text="x", requirements=Requirements(max_cost_usd=1e-9)), 1e-9),
    ("max_latency_s", Query(text="x", requirements=Requirements(max_latency_s=1e-3)), 1e-3),
    ("max_latency_s", Query(text="x", requirements=Requirements(max_latency_s=0.01, latency_quantile=0.95)), 0.01),
    ("min_quality", Query(text="x", requirements=Requirements(min_quality=1.0)), 1.0),
    ("budget_left_usd", Query(text="x", circumstances=Circumstances(budget_left_usd=2e-9)), 2e-9),
]


@pytest.mark.parametrize(("limit", "query", "value"), LIMITED)
def test_every_limit_is_read_from_the_words_of_its_exclusion(limit: str, query: Query, value: float) -> None:
    """The words of the constraints and the patterns here belong together."""
    router = cold_start_router(CATALOG.subset(["gpt-4o"]))
    outlook = router.outlook([query])
    expected = outlook.expectation.row(0)
    reason = exclusions(query, outlook.profiles[0], router.catalog, expected, router.settings)["gpt-4o"]
    matches = [(name, found) for name, words in LIMITS if (found := words.search(reason))]
    assert [name for name, _ in matches] == [limit]
    assert float(matches[0][1]["limit"]) == pytest.approx(value, rel=1e-2)


def test_a_limit_that_keeps_the_best_out_is_named() -> None:
    """Without the cost limit the better candidate would have won; lifting it to the value named lets it win."""
    query = read_request("Prove that the square root of 2 is irrational", Requirements(max_cost_usd=0.001))
    rng = np.random.default_rng(0)
    change = next(c for c in changes(ROUTER.route(query, rng)) if c.what == "max_cost_usd")
    assert change.then is not None
    wider = replace(query, requirements=Requirements(max_cost_usd=change.then * 1.01))
    assert best(ROUTER.route(wider, rng)) == change.winner


def test_an_exclusion_without_a_number_is_named_with_its_reason() -> None:
    """A denied candidate that would have won."""
    free = ROUTER.route(read_request("hi"), np.random.default_rng(0))
    denied = read_request("hi", Requirements(deny=frozenset({free.model})))
    found = [c for c in changes(ROUTER.route(denied, np.random.default_rng(0))) if c.what == "exclusion"]
    assert (free.model, "without 'on the deny list'") in [(c.winner, c.text.split(":")[0]) for c in found]


def test_a_choice_that_explored_says_so() -> None:
    """The text and the values name the candidate of the greatest utility."""
    decision = replace(decision_of({"a": (0.8, 0.01), "b": (0.7, 0.002)}, 10.0), model="b")
    assert "explored: a has the greatest utility" in explain(decision)
    assert explanation(decision)["choice"]["explored"] is True


def test_the_explanation_is_json_and_says_what_the_text_says() -> None:
    """Choice, what was seen, every candidate and exclusion, and what would change the choice."""
    decision = ROUTER.route(read_request("Write a haiku"), np.random.default_rng(1))
    values = json.loads(json.dumps(decision.explanation(), allow_nan=False))
    assert values["choice"]["model"] == decision.model
    assert values["candidates"][0]["model"] == best(decision)
    assert {row["model"] for row in values["candidates"]} | set(values["excluded"]) == set(CATALOG.names)
    text = explain(decision)
    assert all(change["text"] in text for change in values["would_change"])
    assert len(values["would_change"]) >= 3


def test_a_decision_without_its_weights_still_explains() -> None:
    """One that an older version recorded tells no worth of money: only quality can be said to differ."""
    old = replace(decision_of({"a": (0.8, 0.01), "b": (0.7, 0.002)}, 10.0), quality_per_usd=None)
    assert {change.what for change in changes(old)} == {"quality"}
