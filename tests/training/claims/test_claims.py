"""Laws of the measures of claims, on the small world."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_minilm import fake_teacher
from small_world import small_base, small_truth

from arbiter_training.claims import measures
from arbiter_training.claims.__main__ import main
from arbiter_training.claims.grounds import Ground, Paths, ground, without_twins
from arbiter_training.claims.run import BUDGETS_USD, CLAIMS, findings
from arbiter_training.simulator.compare import SERVED, STATIC
from arbiter_training.simulator.scenario import Newcomer, QualityChange, Scenario

pytest.importorskip("pareto_bandit")
SEEDS, N = 2, 246  # a third, and more than the 150 requests in which a newcomer has to be found


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Give two ways round of the small world."""
    a, b = small_truth(N, seed=0), small_truth(N, seed=1)
    paths = Paths(data=Path(), cache="", scratch=tmp_path_factory.mktemp("claims"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arbiter_training.simulator.roster.teacher_named", fake_teacher)
        return ground("small", [(a, b), (b, a)], small_base(), paths, quiet)


def test_seeds_alternate_between_the_ways_and_everybody_is_there(small: Ground) -> None:
    """A seed's traces are of its own way's requests; a second look is the first one's."""
    traces = small.play(Scenario(), SEEDS, quiet)
    assert set(traces) == {SERVED, STATIC, "LinUCB, cold", "LinUCB, warm", "ParetoBandit 0.1.1"}
    for seed in range(SEEDS):
        truth = small.of(seed).player.truth
        assert traces[SERVED][seed].true_quality.sum() == pytest.approx(truth.quality.sum())
    assert small.play(Scenario(), SEEDS, quiet) is traces
    offline = small.offline(Scenario(), SEEDS)
    np.testing.assert_array_equal(offline[0].shares, traces[STATIC][0].shares)


def test_who_makes_nothing_up_recovers_nothing_and_who_knew_recovers_all(small: Ground) -> None:
    """By construction: the offline policy 0, the offline policy that did not suffer 1."""
    scenario = Scenario(quality=(QualityChange(model=small.main, at=0.3, factor=0.3),))
    traces = small.play(scenario, SEEDS, quiet)
    well = small.offline(Scenario(), SEEDS)
    both = {**traces, "well": well}
    found = measures.recoveries(small, both, well)
    assert found[STATIC].value == pytest.approx(0.0) and found["well"].value == pytest.approx(1.0)
    told = measures.informed(small, scenario, SEEDS)
    start = round(0.3 * N)
    np.testing.assert_allclose(told[0].shares[:start], traces[STATIC][0].shares[:start])
    k = small.of(0).player.truth.models.index(small.main)
    assert told[0].shares[start:, k].mean() < traces[STATIC][0].shares[start:, k].mean()


def test_fixed_models_lie_on_or_below_their_hull_and_the_best_gains_most(small: Ground) -> None:
    """Each constant model for the money that it costs; the best fixed model of a stream is one of them."""
    traces = small.play(Scenario(), SEEDS, quiet)
    one = traces[STATIC][0]
    for k in range(3):
        constant = replace(one, shares=np.tile(np.eye(3)[k], (N, 1)))
        gap = measures.over_hull({"it": [constant, constant]}, float(one.true_cost_usd[:, k].mean()))["it"]
        assert gap.value <= 1e-9
    gains = measures.gains(small, traces)
    assert gains[STATIC].value == 0.0 and measures.FIXED in gains


def test_a_part_begins_where_something_happens_whatever_the_length_of_a_stream(small: Ground) -> None:
    """At the place that the course has for it, and so many requests later."""
    scenario = Scenario(newcomer=Newcomer(model=small.main, at=1.0 / 3.0))
    trace = small.play(scenario, SEEDS, quiet)[STATIC][0]
    for n in (N, N - 1, N - 2):
        one = replace(trace, shares=trace.shares[:n], drawn=trace.drawn[:n])
        assert measures.since(1.0 / 3.0, 7)(one) == slice(round(n / 3.0) + 7, None)
    k = small.of(0).player.truth.models.index(small.main)
    start = measures.since(1.0 / 3.0)(trace).start
    assert not trace.shares[:start, k].any() and trace.shares[start:, k].any()


def test_every_claim_is_measured_on_both_ways(small: Ground) -> None:
    """With a target each, or a figure beside one; a newcomer that is bad costs, one that is good gains."""
    found = list(findings(small, SEEDS, CLAIMS, quiet))
    claims = {f.claim for f in found}
    assert {"stationary", "a quarter lost", "price x 10", "price / 10", "a new best model", "a new bad model"} <= claims
    assert {f"${budget:g} a request" for budget in BUDGETS_USD} <= claims
    assert all(np.isfinite(f.found.value) for f in found if "lost" not in f.claim)
    assert all(f.verdict for f in found if f.target is not None)


def test_rows_that_nearly_repeat_a_stream_are_not_learned_from() -> None:
    """The same requests twice leave nothing; others stay."""
    one, other = small_truth(40, seed=0), small_truth(40, seed=1)
    assert without_twins(one, one).n == 0
    assert without_twins(one, other).n == 40


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One seed gives no interval; data that are not there are named."""
    assert main(["--seeds", "1"]) == 2
    assert "seeds must be 2 or more" in capsys.readouterr().err
    assert main(["--data", str(tmp_path), "--traffic", "K=4"]) == 2
    assert "paretobandit_val_k4.parquet" in capsys.readouterr().err
