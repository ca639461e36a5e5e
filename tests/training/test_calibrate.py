"""Laws of calibration: from a target in the user's words to a setting, with an interval for what it reaches."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_world import CHEAP, DEAR, MIDDLE, small_learned, small_truth

from arbiter.bundle import save_bundle
from arbiter.catalog import catalog_for_log
from arbiter.errors import InvalidInputError, NotEvaluableError
from arbiter.ope import EstimateOptions, LoggedFeedback, doubly_robust_scores, estimate
from arbiter.vocabulary import Risk, Strategy, Tier
from arbiter_training.calibrate import Calibration, calibrate
from arbiter_training.evaluation.evaluate import Evaluator
from arbiter_training.evaluation.records import LogSummary
from arbiter_training.evaluation.routers import evaluator_of
from arbiter_training.jobs.calibrate import COSTS_EXPECTED, CalibrateJob, run
from arbiter_training.simulate import Uniform, simulate_log
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.targets import Target, TargetKind, read_target
from arbiter_training.traffic import OutcomeMatrix, write_traffic
from arbiter_training.trials import View

SUMMARY = LogSummary(
    source="small", fingerprint="0", n_requests=160, models=(), kind="one model per request", protocol="fresh log"
)


def view_of(outcomes: OutcomeMatrix) -> View:
    router = small_learned().router
    columns = np.array([outcomes.models.index(name) for name in router.catalog.names])
    return View(rows=np.arange(outcomes.n), columns=columns, router=router, outlook=router.outlook(outcomes.queries))


@functools.cache
def world(full: bool = False) -> tuple[Evaluator, View, np.ndarray]:
    """Give an evaluator on 160 fresh requests, of which one answer each is known, or all."""
    truth = small_truth(160, seed=5)
    log = truth if full else simulate_log(truth, Uniform(), 1)
    features = small_learned().router.features
    evaluator = evaluator_of(log, features, catalog_for_log(log.models), SUMMARY)
    return evaluator, view_of(log), fold_numbers(groups_of(log), 3, 0)


@functools.cache
def calibrated(target: Target, full: bool = False) -> Calibration:
    evaluator, view, folds = world(full)
    return calibrate(evaluator, (view,), target, folds, lambda _: None)


def budget(usd: float) -> Target:
    return Target(kind=TargetKind.BUDGET, value=usd)


def means_of(setting: float) -> tuple[float, float, float]:
    """Give the true quality, cost and share of the dearest under a setting, on 300 requests never seen."""
    truth = small_truth(300, seed=9)
    view = view_of(truth)
    router = replace(view.router, settings=view.router.settings.valuing(setting))
    probs = np.zeros((truth.n, 3))
    probs[:, view.columns] = router.action_probabilities(view.outlook)
    found = [float((probs * table).sum(axis=1).mean()) for table in (truth.quality, truth.cost_usd)]
    return found[0], found[1], float(probs[:, truth.models.index(DEAR)].mean())


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("usd", [0.003, 0.008])
def test_a_budget_is_kept_on_requests_never_seen(usd: float, full: bool) -> None:
    """The true cost exceeds it by at most the width of the interval that was told, and a tenth."""
    found = calibrated(budget(usd), full)
    cost = found.reached["cost_usd"]
    assert cost.low is not None and cost.high is not None
    assert means_of(found.quality_per_usd)[1] <= usd * 1.1 + (cost.high - cost.low)
    assert cost.low <= usd * 1.05
    assert found.goal == usd


def test_more_money_buys_no_less_quality() -> None:
    """A greater budget makes a dollar worth less, and reaches more."""
    found = [calibrated(budget(usd), full=True) for usd in (0.001, 0.003, 0.008)]
    worths = [f.quality_per_usd for f in found]
    assert worths == sorted(worths, reverse=True)
    quality = [f.reached["quality"].value for f in found]
    assert quality == sorted(quality)


def test_a_budget_that_pays_for_everything_takes_the_best() -> None:
    """An amount above the dearest is no limit, and not refused."""
    rich = calibrated(budget(1.0), full=True)
    assert rich.reached["quality"].value >= calibrated(budget(0.008), full=True).reached["quality"].value - 0.01


def test_a_relative_quality_is_met_by_the_true_outcomes() -> None:
    """95 % of the dearest model's, to two points, at less than its cost."""
    found = calibrated(read_target(quality=f"0.95-of {DEAR}"))
    quality, cost, _ = means_of(found.quality_per_usd)
    truth = small_truth(300, seed=9)
    k = truth.models.index(DEAR)
    assert quality >= 0.95 * truth.quality[:, k].mean() - 0.02
    assert cost < truth.cost_usd[:, k].mean()
    assert found.strong == DEAR


@pytest.mark.parametrize("share", [0.3])
def test_a_share_of_the_strongest_is_met(share: float) -> None:
    """On requests never seen, to a tenth of all; the interval holds what was asked for, to five points."""
    found = calibrated(Target(kind=TargetKind.STRONG_SHARE, value=share), full=True)
    assert means_of(found.quality_per_usd)[2] == pytest.approx(share, abs=0.1)
    told = found.reached["strong_share"]
    assert told.low is not None and told.high is not None
    assert told.low - 0.05 <= share <= told.high + 0.05


@pytest.mark.parametrize(
    "target",
    [
        budget(1e-6),
        Target(kind=TargetKind.QUALITY, value=0.999),
        Target(kind=TargetKind.QUALITY, value=5.0, of=CHEAP),
    ],
)
def test_what_is_out_of_reach_is_refused_with_the_range(target: Target) -> None:
    """The message tells least and greatest; a quality below the least is in reach of everyone."""
    with pytest.raises(NotEvaluableError, match=r"cannot be reached: over all settings this router reaches 0\.\d+ to"):
        calibrated(target)
    assert calibrated(Target(kind=TargetKind.QUALITY, value=0.01)).reached["cost_usd"].value < 0.001


def test_a_model_that_the_log_lacks_is_refused() -> None:
    """The message lists those that it has."""
    with pytest.raises(InvalidInputError, match="the log has no model 'gpt-9'; it has claude-opus-4-5, gpt-4o"):
        calibrated(read_target(quality="0.9-of gpt-9"))


def test_a_strategy_with_constraints_of_its_own_is_refused() -> None:
    """The setting is that of another strategy, which would drop them."""
    evaluator, view, folds = world()
    settings = replace(view.router.settings, strategy=Strategy.PRIVACY_FIRST)
    private = replace(view, router=replace(view.router, settings=settings))
    with pytest.raises(InvalidInputError, match="privacy_first brings constraints"):
        calibrate(evaluator, (private,), budget(0.01), folds, lambda _: None)


# What the constraints force, and constant models --------------------------------------------------------------------


def needing(tier: Tier, usd: float) -> Calibration:
    """Calibrate a router whose requests, whatever their risk, need a tier."""
    evaluator, view, folds = world(full=True)
    settings = replace(view.router.settings, risk_tier=dict.fromkeys(Risk, tier))
    return calibrate(
        evaluator, (replace(view, router=replace(view.router, settings=settings)),), budget(usd), folds, lambda _: None
    )


def test_spend_that_constraints_force_is_told() -> None:
    """Where every request needs the dear model, all of them cost what it costs, and the cheap one is not to be had."""
    found, truth = needing(Tier.FRONTIER, 0.02), small_truth(160, seed=5)
    dear, cheap = (float(truth.cost_usd[:, truth.models.index(name)].mean()) for name in (DEAR, CHEAP))
    forced = found.forced
    assert forced.share == 1.0
    assert forced.cost_usd == pytest.approx(dear)
    assert forced.free_usd == pytest.approx(cheap)
    assert forced.reason is not None and forced.reason.endswith("needs tier frontier")
    line = next(line for line in found.lines() if line.startswith("constraints"))
    assert "from 100.0% of the requests" in line and "100% of the spend" in line


def test_without_constraints_nothing_is_forced() -> None:
    """And nothing is said of it."""
    found = calibrated(budget(0.003), full=True)
    assert (found.forced.share, found.forced.cost_usd, found.forced.reason) == (0.0, 0.0, None)
    assert not any(line.startswith("constraints") for line in found.lines())


def test_a_constant_model_that_beats_the_router_is_recommended() -> None:
    """A router that must use the cheap model loses to the middle one within the same budget."""
    found = needing(Tier.FAST, 0.004)
    constant = found.constant
    assert constant is not None and constant.model == MIDDLE and constant.better
    assert constant.cost_usd <= 0.004
    assert constant.barred == 1.0
    assert found.to_dict()["use_constant"] == MIDDLE
    assert f"verdict: use the constant model {MIDDLE}" in found.lines()[-1]
    assert "100.0% of the requests against the constraints" in found.lines()[-1]


def test_a_constant_model_that_does_not_is_named_without_a_verdict() -> None:
    """The router earns more at no more cost; the interval of the difference says so."""
    constant = calibrated(budget(0.008), full=True).constant
    assert constant is not None and constant.model == MIDDLE and not constant.better
    assert constant.gain.low is not None and constant.gain.low > 0.0
    assert constant.barred == 0.0
    assert calibrated(budget(0.008), full=True).to_dict()["use_constant"] is None
    assert constant.line().startswith("best constant model of no more cost:")


def test_scores_are_the_outcomes_where_all_are_known() -> None:
    """Then nothing is estimated."""
    evaluator, _, _ = world(full=True)
    scores = doubly_robust_scores(evaluator.log, "quality", evaluator.q_hat["quality"])
    np.testing.assert_allclose(scores, evaluator.log.matrix("quality"))


@given(st.integers(0, 2**32 - 1))
def test_the_mean_score_is_the_doubly_robust_estimate(seed: int) -> None:
    """For any log, model and policy, as arbiter.ope computes it."""
    rng = np.random.default_rng(seed)
    n, k = 40, 3
    logging, policy = rng.dirichlet(np.ones(k), n) * 0.7 + 0.1, rng.dirichlet(np.ones(k), n)
    action = rng.integers(0, k, n)
    log = LoggedFeedback.from_bandit(action, rng.random(n), logging[np.arange(n), action], n_actions=k)
    q_hat = rng.random((n, k))
    scores = doubly_robust_scores(log, "reward", q_hat)
    found = estimate(log, policy, q_hat, EstimateOptions(estimators=("dr",)))["reward"]["dr"]
    assert (policy * scores).sum(axis=1).mean() == pytest.approx(found.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "got none"),
        ({"budget": 0.1, "strong_share": 0.2}, "got budget and strong-share"),
        ({"budget": -1.0}, "a target of budget must be a number from 0 up, got -1.0"),
        ({"budget": float("nan")}, "target of budget"),
        ({"strong_share": 1.5}, r"a target of strong_share must be in \[0, 1\]"),
        ({"quality": "good"}, "a quality is a number such as 0.9"),
        ({"quality": "1.5"}, r"a target of quality must be in \[0, 1\]"),
    ],
)
def test_a_wrong_target_is_refused(options: dict[str, float], message: str) -> None:
    """The message says what is wanted."""
    with pytest.raises(InvalidInputError, match=message):
        read_target(**options)  # type: ignore[arg-type]


def test_targets_are_read_from_words() -> None:
    """A relative quality may be above 1 times a weak model's."""
    assert read_target(quality="0.95-of gpt-4o") == Target(kind=TargetKind.QUALITY, value=0.95, of="gpt-4o")
    assert read_target(quality="1.1-of gpt-4o-mini").value == 1.1
    assert str(read_target(budget=0.0005)) == "at most $0.0005 per request"
    assert str(read_target(strong_share=0.3)) == "30.0% of requests to the strongest model"


def test_a_log_without_costs_is_calibrated_at_list_prices(tmp_path: Path) -> None:
    """Such as the results of an evaluation: a share can be asked for, and it says what the costs are."""
    truth = small_truth(160, seed=5)
    unknown = np.full(truth.cost_usd.shape, np.nan)
    bare = replace(truth, cost_usd=unknown, output_tokens=unknown, input_tokens=np.full(truth.n, np.nan))
    write_traffic(bare.to_table(), tmp_path / "log.jsonl")
    save_bundle(small_learned().router, tmp_path / "mine")
    target = read_target(strong_share=0.5)
    job = CalibrateJob(traffic=(tmp_path / "log.jsonl",), target=target, bundle=tmp_path / "mine")
    found = run(job, lambda _: None).found
    assert COSTS_EXPECTED in found.protocol
    assert found.reached["strong_share"].value == pytest.approx(0.5, abs=0.1)
    expected = view_of(truth).outlook.expectation.cost_usd.mean(axis=0)
    assert expected.min() < found.reached["cost_usd"].value < expected.max()
