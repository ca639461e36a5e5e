"""An experiment's traffic is a valid log: off-policy estimates of either router cover the truth."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from two_routers import CHEAP, DEAR, mixed, text

from arbiter.experiments import Experiment, Shadow, shadow_result
from arbiter.experiments.mixing import route_batch
from arbiter.ledger import SqliteLedger
from arbiter.ope import LoggedFeedback, evaluate, evaluate_difference
from arbiter.records import Query
from arbiter.service import Arbiter, ServiceOptions
from arbiter.serving_log import serving_log
from arbiter.vocabulary import Arm
from arbiter_training.traffic import traffic_from_records

CONTROL, CHALLENGER = mixed(0.9), mixed(0.3)
N_USERS, SHARE = 300, 0.3
QUALITY = np.array([0.5, 0.8])  # of the cheap and of the dear model
TRUTH = {Arm.CONTROL: 0.1 * 0.5 + 0.9 * 0.8, Arm.CHALLENGER: 0.7 * 0.5 + 0.3 * 0.8}
FloatArray = NDArray[np.float64]


def users(rng: np.random.Generator) -> tuple[list[str], FloatArray]:
    """Give a user for each of some requests, one to nine each, and an effect of each user's own."""
    counts = rng.integers(1, 10, N_USERS)
    names = [f"user {i}" for i, n in enumerate(counts) for _ in range(n)]
    return names, np.repeat(rng.normal(0.0, 0.1, N_USERS), counts)


def replicate(seed: int) -> dict[Arm, tuple[bool, bool]]:
    """Run one experiment and evaluate both routers; say which intervals hold their truth, by user and by request.

    Choices, assignments and outcomes are drawn anew; what the two routers would do does not hang on the request, so
    the decisions themselves need not be made again (that they carry these probabilities is tested beside).
    """
    rng = np.random.default_rng(seed)
    names, effect = users(rng)
    trial = Experiment(name=f"e{seed}", challenger=CHALLENGER, share=SHARE)
    challenger = np.array([trial.arm_of(name) is Arm.CHALLENGER for name in names])
    dear = rng.random(len(names)) < np.where(challenger, 0.3, 0.9)
    mixture = (1 - SHARE) * 0.9 + SHARE * 0.3
    reward = QUALITY[dear.astype(int)] + effect + rng.normal(0.0, 0.1, len(names))
    found = {}
    for arm, p in ((Arm.CONTROL, 0.9), (Arm.CHALLENGER, 0.3)):
        probs = np.tile([1.0 - p, p], (len(names), 1))
        covered = []
        for clusters in (names, None):
            log = LoggedFeedback.from_bandit(
                dear.astype(int), reward, np.where(dear, mixture, 1.0 - mixture), 2, clusters
            )
            best = evaluate(log, probs)["reward"].require()
            covered.append(best.covers(TRUTH[arm]))
        found[arm] = (covered[0], covered[1])
    return found


def test_intervals_by_user_cover_the_truth_of_both_routers() -> None:
    """Of 300 experiments 95 % intervals must hold at least 91.2 % (three standard errors below).

    The same intervals by request hold fewer: requests of a user share their arm and the user's own effect.
    """
    runs = [replicate(seed) for seed in range(300)]
    for arm in Arm:
        by_user, by_request = (np.mean([run[arm][i] for run in runs]) for i in (0, 1))
        assert by_user >= 0.912, (arm, by_user)
        assert by_request < by_user


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> SqliteLedger:
    """Give what a service served under an experiment: 120 users, two sessions each, with a judgement of each answer."""
    path = tmp_path_factory.mktemp("served") / "ledger.db"
    trial = Experiment(name="e", challenger=CHALLENGER, share=SHARE)
    rng = np.random.default_rng(1)
    with Arbiter(CONTROL, SqliteLedger(path), ServiceOptions(experiment=trial, seed=3)) as service:
        for i in range(480):
            user, session = f"user {i % 120}", f"session {i % 240}"
            decision = service.route(text(i), user=user, session_id=session)
            quality = QUALITY[int(decision.model == DEAR)] + rng.normal(0.0, 0.05)
            service.feedback(decision.id, quality=float(np.clip(quality, 0.0, 1.0)))
    return SqliteLedger(path)


def test_an_exported_ledger_carries_the_mixtures_propensity_and_clusters_by_user(ledger: SqliteLedger) -> None:
    """Through the door that training comes in by; either router's estimate is within four standard errors."""
    table = traffic_from_records(serving_log(ledger).rows, "ledger.db")
    rows = serving_log(ledger).rows
    assert {row["session_id"] for row in rows} == {f"user user {i}" for i in range(120)}
    mixture = {DEAR: 0.7 * 0.9 + 0.3 * 0.3, CHEAP: 0.7 * 0.1 + 0.3 * 0.7}
    assert all(row["propensity"] == pytest.approx(mixture[row["model"]]) for row in rows)
    assert all(row["own_propensity"] in (0.9, 0.3, pytest.approx(0.1), pytest.approx(0.7)) for row in rows)
    action = [int(row["model"] == DEAR) for row in rows]
    log = LoggedFeedback.from_bandit(
        action, [row["quality"] for row in rows], table.propensity, 2, [row["session_id"] for row in rows]
    )
    for arm, p in ((Arm.CONTROL, 0.9), (Arm.CHALLENGER, 0.3)):
        found = evaluate(log, np.tile([1.0 - p, p], (len(rows), 1)))["reward"]
        assert not found.judgement.refused
        best = found.require()
        assert best.stderr is not None and abs(best.value - TRUTH[arm]) < 4.0 * best.stderr


def test_decisions_carry_what_the_replications_take_for_granted() -> None:
    """The mixture of 0.9 and 0.3 at 30 %, whatever the request."""
    queries = [Query(text=text(i), user=f"user {i}", input_tokens=20) for i in range(50)]
    trial = Experiment(name="e", challenger=CHALLENGER, share=SHARE)
    for decision in route_batch(trial, CONTROL, queries, np.random.default_rng(0)):
        assert decision.action_probs[DEAR] == pytest.approx((1 - SHARE) * 0.9 + SHARE * 0.3)


def test_a_shadow_is_evaluated_on_the_live_feedback_and_covers_the_truth(tmp_path: Path) -> None:
    """Nobody gets its answers; its decisions lie in its own ledger, under the ids of the live ones."""
    live, shadow = SqliteLedger(tmp_path / "live.db"), tmp_path / "shadow.db"
    options = ServiceOptions(
        shadow=Shadow(challenger=CHALLENGER, ledger=SqliteLedger(shadow), most_waiting=1000), seed=5
    )
    rng = np.random.default_rng(2)
    with Arbiter(CONTROL, live, options) as service:
        decisions = [service.route(text(i), session_id=f"s{i // 2}") for i in range(500)]
        for decision in decisions:
            assert decision.action_probs[DEAR] == pytest.approx(0.9)
            quality = QUALITY[int(decision.model == DEAR)] + rng.normal(0.0, 0.05)
            service.feedback(decision.id, quality=float(np.clip(quality, 0.0, 1.0)), cost_usd=0.01)
    with SqliteLedger(tmp_path / "live.db") as live, SqliteLedger(shadow) as beside:
        assert {e.decision_id for _, e in beside.events()} == {d.id for d in decisions}
        found = shadow_result(live, beside)
    assert found.requests == 500
    assert found.agreement == pytest.approx(0.9 * 0.3 + 0.1 * 0.7)
    assert found.expected_cost_usd < 0.0
    assert found.gains["quality"].require().covers(TRUTH[Arm.CHALLENGER] - TRUTH[Arm.CONTROL])
    assert found.gains["cost_usd"].require().covers(0.0)


def test_a_difference_of_the_arms_is_the_difference_of_the_routers() -> None:
    """Challenger less control, by one evaluation of the whole experiment, holds the truth."""
    rng = np.random.default_rng(4)
    names, effect = users(rng)
    trial = Experiment(name="d", challenger=CHALLENGER, share=SHARE)
    challenger = np.array([trial.arm_of(name) is Arm.CHALLENGER for name in names])
    dear = rng.random(len(names)) < np.where(challenger, 0.3, 0.9)
    p = np.where(dear, (1 - SHARE) * 0.9 + SHARE * 0.3, (1 - SHARE) * 0.1 + SHARE * 0.7)
    log = LoggedFeedback.from_bandit(dear.astype(int), QUALITY[dear.astype(int)] + effect, p, 2, names)
    tables = [np.tile([1.0 - q, q], (len(names), 1)) for q in (0.3, 0.9)]
    found = evaluate_difference(log, *tables)["reward"].require()
    assert found.covers(TRUTH[Arm.CHALLENGER] - TRUTH[Arm.CONTROL])
