"""Units keep their arm; the mixture's probabilities are those with which choices are made."""

import numpy as np
import pytest
from two_routers import CHALLENGER, CHEAP, CONTROL, DEAR, text

from arbiter.errors import InvalidInputError
from arbiter.experiments import Experiment
from arbiter.experiments.experiment import place
from arbiter.experiments.mixing import route_batch
from arbiter.ledger import decision_from_json, decision_to_json
from arbiter.records import Query
from arbiter.vocabulary import Arm, AssignmentUnit


def experiment(**changes: object) -> Experiment:
    return Experiment(**{"name": "e", "challenger": CHALLENGER, "share": 0.3, **changes})  # type: ignore[arg-type]


def test_places_are_uniform_over_users_and_over_salts() -> None:
    """Ten equal bins of 20,000 each hold 2,000 within four standard errors (42), either way round."""
    for places in (
        [place("salt", f"user {i}") for i in range(20_000)],
        [place(f"salt {i}", "ada") for i in range(20_000)],
    ):
        counts = np.histogram(places, bins=10, range=(0.0, 1.0))[0]
        assert abs(counts - 2000).max() < 4 * 42.4


def test_a_user_keeps_the_arm_and_raising_the_share_moves_nobody_back() -> None:
    """The same in every process; other salts assign anew and independently."""
    users = [f"user {i}" for i in range(2000)]
    small, large, other = experiment(share=0.2), experiment(share=0.5), experiment(share=0.2, salt="other")
    assert [small.arm_of(u) for u in users] == [experiment(share=0.2).arm_of(u) for u in users]
    first = {u for u in users if small.arm_of(u) is Arm.CHALLENGER}
    assert first < {u for u in users if large.arm_of(u) is Arm.CHALLENGER}
    both = first & {u for u in users if other.arm_of(u) is Arm.CHALLENGER}
    assert abs(len(first) / 2000 - 0.2) < 4 * 0.009
    assert abs(len(both) / len(first) - 0.2) < 4 * 0.02


def test_salt_and_unit_do_not_run_into_each_other() -> None:
    """Salt "a" with unit "b:c" is not salt "a:b" with unit "c"."""
    assert place("a", "b:c") != place("a:b", "c")


def test_what_is_not_known_is_assigned_by_the_next_finer_unit() -> None:
    """By the session, then by the request itself."""
    rng, trial = np.random.default_rng(0), experiment()
    assert trial.unit_of(Query(text="x", user="ada", session_id="s"), rng) == (AssignmentUnit.USER, "ada")
    assert trial.unit_of(Query(text="x", session_id="s"), rng) == (AssignmentUnit.SESSION, "s")
    unit, name = trial.unit_of(Query(text="x"), rng)
    assert unit is AssignmentUnit.REQUEST and name != trial.unit_of(Query(text="x"), rng)[1]
    by_session = experiment(unit=AssignmentUnit.SESSION)
    assert by_session.unit_of(Query(text="x", user="ada", session_id="s"), rng) == (AssignmentUnit.SESSION, "s")


def test_decisions_are_their_arms_own_and_carry_the_probability_over_both() -> None:
    """On paper: control always takes the dear one, the challenger the cheap one, at 30 %."""
    queries = [Query(text=text(i), user=f"user {i}", input_tokens=20) for i in range(400)]
    trial = experiment()
    decisions = route_batch(trial, CONTROL, queries, np.random.default_rng(0))
    for query, decision in zip(queries, decisions, strict=True):
        arm = trial.arm_of(str(query.user))
        assert decision.model == (CHEAP if arm is Arm.CHALLENGER else DEAR)
        assert decision.action_probs == {DEAR: pytest.approx(0.7), CHEAP: pytest.approx(0.3)}
        assert decision.propensity == decision.action_probs[decision.model]
        assert decision.assignment is not None
        assert (decision.assignment.arm, decision.assignment.own_propensity) == (arm, 1.0)
        assert decision_from_json(decision_to_json(decision)) == decision
        assert not set(decision.excluded) & set(decision.action_probs)
    words = decisions[0].explain()
    assert "experiment: e, " in words and "30.0% of the users get the challenger" in words


def test_propensity_is_the_frequency_over_salts() -> None:
    """Of one user's request over 3,000 salts: within four standard errors of 0.3."""
    query = [Query(text=text(1), user="ada", input_tokens=20)]
    rng = np.random.default_rng(0)
    arms = [experiment(salt=f"s{i}").arm_of("ada") for i in range(3000)]
    share = np.mean([arm is Arm.CHALLENGER for arm in arms])
    decided = [route_batch(experiment(salt=f"s{i}"), CONTROL, query, rng)[0] for i in range(60)]
    assert all((d.model == CHEAP) == (arm is Arm.CHALLENGER) for d, arm in zip(decided, arms[:60], strict=True))
    assert abs(share - decided[0].action_probs[CHEAP]) < 4 * 0.0084


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"name": " "}])
def test_a_wrong_experiment_is_said(wrong: dict[str, object]) -> None:
    """In one line, with the remedy."""
    with pytest.raises(InvalidInputError, match=r"share must lie|needs a name"):
        experiment(**wrong)
