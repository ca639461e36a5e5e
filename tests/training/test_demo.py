"""The demo: its parts on a small world, and, slow, the whole of it on the real traffic."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import DEAR, MIDDLE, small_base, small_learned, small_records, small_truth

import arbiter_training.demo as demo
from arbiter.errors import MissingExtraError
from arbiter.policies import GreedyPolicy
from arbiter.vocabulary import Strategy
from arbiter_training.demo import BUDGETS_USD, PROMPTS, Demo, against_hull, run_demo
from arbiter_training.evaluation.records import EvaluationReport, Frontier, FrontierPoint, LogSummary
from arbiter_training.jobs.demo import DemoDone, DemoJob, run
from arbiter_training.simulate import Uniform, simulate_log
from arbiter_training.traffic import DemoTraffic, traffic_from_records


def traffic() -> DemoTraffic:
    first, second = (traffic_from_records(small_records(240, seed)) for seed in (0, 1))
    return DemoTraffic(first=first, second=second, twins_removed=3)


@pytest.fixture(scope="module")
def small() -> Demo:
    """Run the demo on the small world."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "load_demo_traffic", traffic)
        return run_demo(small_base())


def test_estimates_stand_beside_the_truth(small: Demo) -> None:
    """Every row has its exact value, the baseline too, computed from all models' answers."""
    report, second = small.report, small_truth(240, 1)
    assert {row.name for row in report.rows} == set(report.truth)
    best = second.quality.mean(axis=0)[second.models.index(DEAR)]
    assert report.baseline == f"best-single ({DEAR})"
    assert report.truth[report.baseline]["quality"] == pytest.approx(best)
    assert report.truth["random"]["cost_usd"] == pytest.approx(second.cost_usd.mean())
    saved = 1.0 - report.truth["router"]["cost_usd"] / report.truth[report.baseline]["cost_usd"]
    assert small.saving == pytest.approx(saved) and saved > 0.1
    assert (small.n_train, small.twins_removed) == (240, 3)


def test_equal_quality_is_priced_on_the_hull(small: Demo) -> None:
    """A mixture of two constant models at the router's quality costs what the line between them says."""
    equal, report = small.equal_quality, small.report
    assert equal.quality == report.truth["router"]["quality"]
    (low, bad), (high, good) = next(
        pair for pair in itertools.pairwise(report.hull) if pair[0][1] <= equal.quality <= pair[1][1]
    )
    share = (equal.quality - bad) / (good - bad)
    assert equal.mixture_usd == pytest.approx(low + share * (high - low))
    assert equal.saving == pytest.approx(1 - equal.router_usd / equal.mixture_usd)


def test_the_truth_of_the_baseline_is_there_whichever_it_is() -> None:
    """Where the log's noise makes another model the best one, the truth of that one stands beside it."""
    full, router = small_truth(120, 1), small_learned().router
    middle = full.models.index(MIDDLE)
    praised = np.where(np.arange(3) == middle, 1.0, full.quality)
    log = simulate_log(replace(full, quality=praised), Uniform(), 0)
    report = demo._report(router, full, log, 0)
    assert report.baseline == f"best-single ({MIDDLE})"
    assert report.truth[report.baseline]["quality"] == pytest.approx(full.quality[:, middle].mean())
    assert {row.name for row in report.rows} == set(report.truth)


def test_budgets_by_hand() -> None:
    """Linear between corners, flat above the dearest, no value below the cheapest of the hull."""
    curve = Frontier(name="router", points=tuple(_point(c, q) for c, q in ((1e-4, 0.6), (3e-4, 0.8))))
    summary = LogSummary(source="", fingerprint="", n_requests=1, models=(), kind="", protocol="")
    report = EvaluationReport(
        log=summary, baseline="", rows=(), fixed_models={}, hull=((1e-4, 0.5), (5e-4, 0.9)), frontiers=(curve,)
    )
    found = against_hull(report, curve)
    assert [row.budget_usd for row in found] == list(BUDGETS_USD)
    np.testing.assert_allclose([row.hull for row in found], [0.5, 0.6, 0.7, 0.8, 0.9, 0.9])
    np.testing.assert_allclose([row.router for row in found], [0.6, 0.7, 0.8, 0.8, 0.8, 0.8])


def _point(cost_usd: float, quality: float) -> FrontierPoint:
    return FrontierPoint(quality_per_usd=1.0, cost_usd=cost_usd, quality=quality, quality_low=None, quality_high=None)


def test_the_setting_comes_from_the_log_and_the_prompts_are_routed(small: Demo) -> None:
    """The router values money by the learned objective; every prompt has a greedy decision."""
    assert small.router.settings.strategy is Strategy.SINGLE_BEST
    assert tuple(small.decisions) == PROMPTS
    assert all(d.propensity == 1.0 and d.model in small.router.catalog for d in small.decisions.values())
    assert not isinstance(small.router.policy, GreedyPolicy)


def test_what_is_told_is_whole(small: Demo, tmp_path: Path) -> None:
    """Lines for people name saving, budgets and files; JSON is JSON."""
    done = DemoDone(out=tmp_path, demo=small, run="run 1")
    text = "\n".join(done.lines())
    assert "budget per request" in text and str(tmp_path / "report.html") in text and "MLflow: run 1" in text
    assert all(prompt in text for prompt in PROMPTS)
    told = json.loads(json.dumps(done.to_dict()))
    assert len(told["budgets"]) == len(BUDGETS_USD) and set(told["decisions"]) == set(PROMPTS)


def test_without_its_traffic_the_demo_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is an extra."""
    monkeypatch.setattr("arbiter_training.traffic.demo_data.PACKAGE", "no_such_package")
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[demo\]'"):
        run_demo(small_base())


@pytest.mark.slow
def test_the_demo_keeps_its_promises_on_real_traffic(tmp_path: Path) -> None:
    """The intervals cover the truth, three budgets or more lie above the hull, and everything is written."""
    pytest.importorskip("pareto_bandit")
    done = run(DemoJob(out=tmp_path / "demo"), lambda _: None)
    report = done.demo.report
    for name in ("router", "router (greedy)"):
        for outcome in ("quality", "cost_usd"):
            measured = report.row(name).outcomes[outcome]
            assert measured is not None and measured.estimator == "dr"
            assert measured.low is not None and measured.high is not None
            assert measured.low <= report.truth[name][outcome] <= measured.high, (name, outcome)
    assert sum(row.router > row.hull for row in done.demo.budgets) >= 3
    written = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"report.html", "frontier.png", "bundle", "mlflow.db", "artifacts"} <= written
    assert replace(done.demo.router) == done.demo.router
