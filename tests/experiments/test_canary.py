"""A canary stops a challenger that is worse, seldom one that is not, and stays stopped."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from two_routers import CHALLENGER, CHEAP, CONTROL, DEAR, text

from arbiter.errors import InvalidInputError
from arbiter.experiments import Experiment, Guards, experiments_of, result_of
from arbiter.experiments.arm_sums import ArmSums
from arbiter.experiments.guards import METRICS, harm
from arbiter.ledger import SqliteLedger
from arbiter.policies import ConstantPolicy
from arbiter.records import Outcome
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.vocabulary import Arm, FallbackReason, Progress

QUALITY = Guards(failures=None)


def canary(guards: Guards | None = QUALITY, **changes: object) -> Experiment:
    fields = {"name": "canary", "challenger": CHALLENGER, "share": 0.5, "guards": guards, **changes}
    return Experiment(**fields)  # type: ignore[arg-type]


def served(path: Path | None, trial: Experiment, router: Router = CONTROL) -> Arbiter:
    ledger = None if path is None else SqliteLedger(path)
    return Arbiter(router, ledger, ServiceOptions(experiment=trial, follow_s=math.inf))


def traffic(service: Arbiter, n: int, quality: dict[str, float], start: int = 0) -> list[str]:
    """Send n requests of as many users, each judged good or bad with its model's rate; give who answered."""
    rng = np.random.default_rng(start)
    models = []
    for i in range(start, start + n):
        decision = service.route(text(i), user=f"user {i}")
        service.feedback(decision.id, quality=float(rng.random() < quality[decision.model]))
        models.append(decision.model)
    return models


def test_a_worse_challenger_is_stopped_and_gets_nothing_any_more(tmp_path: Path) -> None:
    """At 0.5 against 0.9 within 300 users; afterwards decisions are the control's, with its own probabilities."""
    with served(tmp_path / "ledger.db", canary()) as service:
        models = traffic(service, 300, {DEAR: 0.9, CHEAP: 0.5})
        trial = service.trials.experiment
        assert trial is not None and trial.ended is not None
        assert "surely worse in quality" in trial.ended
        assert CHEAP in models and set(models[-50:]) == {DEAR}
        after = service.route(text(0), user="user 1")
        assert after.assignment is None and after.propensity == 1.0
        found = result_of(service.ledger, "canary", QUALITY)
        assert found.progress is Progress.HARMFUL and found.stop is not None


def test_a_stop_is_a_fact_of_the_ledger(tmp_path: Path) -> None:
    """A restart stays stopped, another process of the ledger stops at the same event; another experiment does not."""
    path = tmp_path / "ledger.db"
    with served(path, canary()) as service, served(path, canary()) as beside:
        traffic(service, 300, {DEAR: 0.9, CHEAP: 0.5})
        beside.trials.look()
        ends = [s.trials.experiment._fold.stop for s in (service, beside)]  # type: ignore[union-attr]
        assert ends[0] is not None and ends[0] == ends[1]
    with served(path, canary()) as again:
        assert again.trials.running is None
    with served(path, canary(name="another", salt="canary")) as fresh:
        assert fresh.trials.running is not None


def test_an_equal_challenger_goes_on_and_is_told_safe_within_a_margin(tmp_path: Path) -> None:
    """At margin 0 nothing can be concluded of an equal one; at 0.3 it is within the guard."""
    with served(tmp_path / "ledger.db", canary()) as service:
        traffic(service, 400, {DEAR: 0.9, CHEAP: 0.9})
        assert service.trials.running is not None
        assert result_of(service.ledger, "canary", QUALITY).progress is Progress.UNDECIDED
        wide = replace(QUALITY, quality=0.3)
        assert result_of(service.ledger, "canary", wide).progress is Progress.SAFE


def test_failures_cost_and_latency_are_guarded_too() -> None:
    """By the outcomes of calls: a failed call counts once for its request, the price of all its calls adds up."""
    for guards, metric in (
        (Guards(quality=None), "failures"),
        (Guards(quality=None, failures=None, cost_usd=0.5), "cost_usd"),
        (Guards(quality=None, failures=None, latency_s=0.5), "latency_s"),
    ):
        with served(None, canary(guards)) as service:
            rng = np.random.default_rng(0)
            for i in range(300):
                decision = service.route(text(i), user=f"user {i}")
                bad = decision.model == CHEAP
                if bad and rng.random() < 0.6:
                    reason = FallbackReason.ERROR
                    service.record(
                        Outcome(decision_id=decision.id, model=CHEAP, ok=False, cost_usd=0.02, fallback_reason=reason)
                    )
                cost, seconds = rng.uniform(0.01, 0.02), rng.uniform(1.0, 2.0) * (2.5 if bad else 1.0)
                service.record(Outcome(decision_id=decision.id, model=DEAR, ok=True, cost_usd=cost, latency_s=seconds))
            trial = service.trials.experiment
            assert trial is not None and trial.ended is not None and f"worse in {metric}" in trial.ended


def test_corrections_count_once() -> None:
    """Of a judgement that is taken back the last value holds, for the mean and for the units."""
    with served(None, canary()) as service:
        decisions = [service.route(text(i), user=f"user {i}") for i in range(40)]
        for quality in (0.0, 1.0):
            for decision in decisions:
                service.feedback(decision.id, quality=quality)
        means = result_of(service.ledger, "canary").means["quality"]
        assert {arm: (m.mean, m.requests) for arm, m in means.items()} == {
            arm: (1.0, sum(d.assignment is not None and d.assignment.arm is arm for d in decisions)) for arm in Arm
        }


def stops(rng: np.random.Generator, quality: dict[Arm, float], guards: Guards, n: int) -> int | None:
    """Simulate users of 1 to 5 requests and a rate of their own; give after how many of them the canary stopped."""
    sums = {arm: ArmSums() for arm in Arm}
    for user in range(n):
        arm = Arm.CHALLENGER if rng.random() < 0.2 else Arm.CONTROL
        rate = np.clip(quality[arm] + rng.normal(0.0, 0.15), 0.0, 1.0)
        for value in rng.random(rng.integers(1, 6)) < rate:
            sums[arm].change(str(user), None, float(value))
        found = harm("quality", guards, sums[Arm.CONTROL].means(), sums[Arm.CHALLENGER].means())
        if found.interval[0] > 0.0:
            return user
    return None


@pytest.mark.parametrize(("gap", "least", "most"), [(0.0, 0, 9), (0.2, 95, 100)])
def test_error_and_power_over_all_looks(gap: float, least: int, most: int) -> None:
    """Of 100 canaries of 1,000 users each, looked at after every one: at most 5 % + 2 se stop an equal challenger.

    And nearly all stop one that is worse by 0.2. Users have rates of their own and several requests, so that taking
    requests as independent would stop more.
    """
    guards = Guards(failures=None, planned_units=1000)
    rng = np.random.default_rng(7)
    found = [stops(rng, {Arm.CONTROL: 0.7, Arm.CHALLENGER: 0.7 - gap}, guards, 1000) for _ in range(100)]
    stopped = [n for n in found if n is not None]
    assert least <= len(stopped) <= most


def reach_of(n: int, values: NDArray[np.float64]) -> float:
    sums = {arm: ArmSums() for arm in Arm}
    for i in range(n):
        for arm in Arm:
            sums[arm].change(str(i), None, float(values[i]))
    found = harm("quality", QUALITY, sums[Arm.CONTROL].means(), sums[Arm.CHALLENGER].means())
    return found.interval[1] - found.value


def test_too_few_units_conclude_nothing_and_more_narrow_the_interval() -> None:
    """Infinite below the least number of units in either arm."""
    values = np.random.default_rng(0).random(2000)
    assert reach_of(29, values) == math.inf
    assert reach_of(100, values) > reach_of(400, values) > reach_of(2000, values)


def test_results_name_what_is_there() -> None:
    """An unknown experiment is said with the known ones."""
    with served(None, canary(None)) as service:
        with pytest.raises(InvalidInputError, match="holds no experiment 'canary'; it holds none"):
            result_of(service.ledger, "canary")
        traffic(service, 10, {DEAR: 1.0, CHEAP: 0.0})
        assert experiments_of(service.ledger) == ("canary",)
        found = result_of(service.ledger, "canary")
        assert sum(found.decisions.values()) == 10 and set(found.means) == set(METRICS)
        assert service.trials.running is not None  # no guards, no stop


@pytest.mark.parametrize(
    "wrong", [{"quality": None, "failures": None}, {"quality": -0.1}, {"alpha": 0.6}, {"least_units": 1}]
)
def test_wrong_guards_are_said(wrong: dict[str, object]) -> None:
    """In one line."""
    with pytest.raises(InvalidInputError, match=r"guards must have|expected a chance"):
        Guards(**wrong)  # type: ignore[arg-type]


class Failing(ConstantPolicy):
    """A policy that fails."""

    def action_probabilities(self, *_: object) -> NDArray[np.float64]:
        """Fail."""
        raise ZeroDivisionError("no such thing")


def test_a_challenger_that_fails_ends_the_experiment_and_nobody_notices() -> None:
    """The same request is answered by the control; where the control fails too, the experiment is not to blame."""
    broken = replace(CHALLENGER, policy=Failing(np.ones(2)))
    with served(None, canary(challenger=broken)) as service:
        decision = service.route(text(1), user="ada")
        assert decision.model == DEAR and not decision.degraded and decision.assignment is None
        assert service.trials.experiment is not None
        assert "the challenger failed: ZeroDivisionError" in str(service.trials.experiment.ended)
    with served(None, canary(), replace(CONTROL, policy=Failing(np.ones(2)))) as service:
        assert any("ZeroDivisionError" in why for why in service.route(text(1), user="ada").degraded)
        assert service.trials.running is not None


def test_an_experiment_can_be_ended_by_hand() -> None:
    """All traffic goes to the control from then on."""
    with served(None, canary(share=0.999)) as service:
        assert service.route(text(1), user="ada").model == CHEAP
        service.trials.running.end("enough")  # type: ignore[union-attr]
        assert service.route(text(1), user="ada").model == DEAR
