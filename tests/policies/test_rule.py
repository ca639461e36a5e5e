"""A rule of the user's: it decides where it speaks, within the constraints, with exact propensities; it may fail."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from small_world import CHEAP, DEAR, MIDDLE, small_base, small_learned

from arbiter.comparison import compare
from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.policies import Rule
from arbiter.policies.rule import Choice
from arbiter.records import Query
from arbiter.service import Arbiter, ServiceOptions
from arbiter.serving_log import serving_log

NAMES = (CHEAP, MIDDLE, DEAR)


def by_length(query: Query) -> Choice:
    return CHEAP if len(query.text) < 20 else DEAR


def silent(query: Query) -> Choice:
    return None


def test_a_rule_worked_on_paper() -> None:
    """Exploration of 0.3 over three gives 0.7 + 0.1 and 0.1 each; where nobody named may answer, the policy stands."""
    queries = [Query(text="short"), Query(text="a text of more than twenty letters"), Query(text="short")]
    eligible = np.array([[True, True, True], [True, False, True], [False, True, True]])
    policy = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.25, 0.75]])
    found, spoke = Rule(by_length, explore=0.3).applied(queries, NAMES, eligible, policy)
    np.testing.assert_allclose(found, [[0.8, 0.1, 0.1], [0.15, 0.0, 0.85], [0.0, 0.25, 0.75]])
    assert spoke.tolist() == [True, True, False]


def test_shares_of_who_may_not_answer_go_to_the_others() -> None:
    """In proportion."""
    shares: Mapping[str, float] = {CHEAP: 0.5, MIDDLE: 0.4, DEAR: 0.1}
    rule = Rule(lambda query: shares)
    found, _ = rule.applied([Query(text="x")], NAMES, np.array([[False, True, True]]), np.eye(3)[[2]])
    np.testing.assert_allclose(found, [[0.0, 0.8, 0.2]])


@pytest.mark.parametrize("said", ["gpt-9", {CHEAP: 0.5}, {CHEAP: 1.5, DEAR: -0.5}, {"gpt-9": 1.0}, 3, {CHEAP: "all"}])
def test_what_is_no_choice_is_refused(said: object) -> None:
    """With what it was."""
    with pytest.raises(InvalidInputError, match="the rule '<lambda>'"):
        Rule(lambda query: said).shares([Query(text="x")], NAMES)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("explore", [-0.1, 1.1, float("nan")])
def test_a_share_is_a_share(explore: float) -> None:
    """And a rule is a function."""
    with pytest.raises(InvalidInputError, match="explore must be a share"):
        Rule(by_length, explore)
    with pytest.raises(InvalidInputError, match="a rule is a function"):
        Rule("short_to_cheap")  # type: ignore[arg-type]


def served(rule: Rule | None) -> Arbiter:
    return Arbiter(small_base(), options=ServiceOptions(seed=0, rule=rule))


def test_a_service_follows_the_rule_and_logs_its_propensity() -> None:
    """Also in a batch, after a swap, beside a router that learned; the log can be exported."""
    with served(Rule(by_length)) as service:
        one, other = service.route_batch(["hi", "a text of more than twenty letters"])
        assert (one.model, one.propensity, other.model) == (CHEAP, 1.0, DEAR)
        assert one.policy_version == "rule-by_length-0" and one.bandit_share is None
        service.swap(small_learned().router)
        assert service.route("hi").model == CHEAP
        assert compare(service.router, read_request("hi")).candidates[0].probability in (0.0, 1.0)
        assert [row["propensity"] for row in serving_log(service.ledger).rows] == [1.0, 1.0, 1.0]


def test_the_propensity_is_the_frequency() -> None:
    """4,000 draws at exploration 0.3: within 0.03, four standard errors."""
    with served(Rule(by_length, explore=0.3)) as service:
        decisions = service.route_batch(["hi"] * 4000)
    counts = Counter(decision.model for decision in decisions)
    for model, p in decisions[0].action_probs.items():
        assert abs(counts[model] / 4000 - p) < 0.03
    assert decisions[0].action_probs[CHEAP] == pytest.approx(0.7 + 0.3 / len(decisions[0].action_probs))


def test_constraints_go_before_the_rule() -> None:
    """A model that may not answer is not chosen, and the decision says why."""
    with served(Rule(by_length)) as service:
        decision = service.route("hi", deny=frozenset({CHEAP}))
        assert decision.model != CHEAP and CHEAP in decision.excluded
        assert not decision.policy_version.startswith("rule-")


def test_a_silent_rule_changes_nothing() -> None:
    """The decisions are those of the service without it, numbers and all."""
    with served(Rule(silent)) as with_rule, served(None) as without:
        one, other = with_rule.route("hi"), without.route("hi")
        assert replace(one, id=other.id) == other


def test_a_rule_that_fails_leaves_the_router(caplog: pytest.LogCaptureFixture) -> None:
    """Decided by the bundle, not by the cold start; the decision says so, without the request's text."""

    def broken(query: Query) -> Choice:
        raise KeyError(query.text)

    with served(Rule(broken)) as service, served(None) as without:
        decision, bare = service.route("secret words"), without.route("secret words")
        (why,) = decision.degraded
        assert why.startswith("the rule failed: KeyError") and "secret" not in why + caplog.text
        assert decision.action_probs == bare.action_probs and decision.context == bare.context
