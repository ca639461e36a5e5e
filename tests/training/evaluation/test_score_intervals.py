"""Scores, moves and ranking: what is worked on paper comes out, and what the log cannot tell gets no figure."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.ope import (
    EstimateOptions,
    LoggedFeedback,
    cost_matched_shuffle,
    doubly_robust_scores,
    evaluate_difference,
    strong_weak_curve,
)
from arbiter_training.evaluation.evaluate import Evaluator
from arbiter_training.evaluation.evidence import EstimatedLogging
from arbiter_training.evaluation.records import EvaluationReport, LogSummary, PolicyFamily
from arbiter_training.evaluation.tracked import evaluation_metrics
from arbiter_training.tracking import metric_name

MODELS = ("cheap", "dear")
COST = np.array([1.0, 5.0])


def summary(n: int, models: tuple[str, ...] = MODELS) -> LogSummary:
    return LogSummary(source="s", fingerprint="f", n_requests=n, models=models, kind="k", protocol="p")


def world(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give quality (n, 2), cost (n, 2) and a policy that knows something of which requests are hard."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    quality = np.column_stack([rng.random(n) < 1.0 - 0.8 * hard, rng.random(n) < 0.95 - 0.2 * hard]).astype(float)
    dear = (hard + 0.2 * rng.normal(size=n) > 0.6).astype(float)
    return quality, np.tile(COST, (n, 1)), np.column_stack([1.0 - dear, dear])


def full(quality: np.ndarray, cost: np.ndarray) -> Evaluator:
    log = LoggedFeedback.from_matrix({"quality": quality, "cost_usd": cost})
    q_hat = {name: np.zeros(quality.shape) for name in log.outcomes}
    return Evaluator(log=log, models=MODELS, q_hat=q_hat, summary=summary(len(quality)))


def partial(quality: np.ndarray, cost: np.ndarray, seed: int = 1) -> Evaluator:
    rng = np.random.default_rng(seed)
    n = len(quality)
    action = rng.integers(0, 2, n)
    rows = np.arange(n)
    outcomes = {"quality": quality[rows, action], "cost_usd": cost[rows, action]}
    log = LoggedFeedback.from_bandit(action, outcomes, np.full(n, 0.5), 2)
    q_hat = {"quality": np.full((n, 2), 0.6), "cost_usd": cost}
    return Evaluator(log=log, models=MODELS, q_hat=q_hat, summary=summary(n))


def found(report: EvaluationReport, of: str = "p") -> dict[str, float]:
    return {score.name: score.value for score in report.scores if score.of == of}


def test_scores_of_a_policy_are_those_worked_by_hand() -> None:
    """On full information: differences of means, the oracle per request, the shuffle at equal cost."""
    quality, cost, probs = world()
    report = full(quality, cost).report({"p": probs})
    mine, means = float((probs * quality).sum(axis=1).mean()), quality.mean(axis=0)
    scores = found(report)
    assert scores["gain over best single"] == pytest.approx(mine - means.max())
    assert scores["gap to oracle (regret)"] == pytest.approx(quality.max(axis=1).mean() - mine)
    shuffled = cost_matched_shuffle(probs, quality, cost)
    assert scores["gain over cost-matched shuffle"] == pytest.approx(mine - shuffled.quality)
    assert scores["gain over mixtures"] == pytest.approx(mine - shuffled.quality)  # two models: the same line
    assert scores["traffic to dear"] == pytest.approx(probs[:, 1].mean())
    for score in report.scores:
        assert score.low <= score.value <= score.high or score.name == "AIQ"


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """The gain over the best single model, from 200 partial logs of 600: at least 90 % (binomial error 2 %)."""
    quality, cost, probs = world(600, seed=4)
    truth = float((probs * quality).sum(axis=1).mean() - quality.mean(axis=0).max())
    held = 0
    for seed in range(200):
        scores = partial(quality, cost, seed).report({"p": probs}).scores
        gain = next(s for s in scores if s.name == "gain over best single")
        held += gain.low <= truth <= gain.high
    assert held >= 180


def test_the_oracle_is_not_scored_from_a_partial_log() -> None:
    """One answer per request does not tell which model would have been best on it."""
    scores = found(partial(*world()[:2]).report({"p": world()[2]}))
    assert "gap to oracle (regret)" not in scores and "gain over best single" in scores


def test_pairs_have_the_scores_of_routers_between_two_models() -> None:
    """APGR and CPT are those of the library's curve over the predicted gap."""
    quality, cost, probs = world()
    predicted = np.column_stack([np.zeros(len(quality)), probs[:, 1] + 0.1 * np.arange(len(quality)) / len(quality)])
    family = PolicyFamily(name="f", quality_per_usd=np.zeros(1), action_probs=probs[None], predicted_quality=predicted)
    scores = found(full(quality, cost).report({}, (family,)), "f")
    curve = strong_weak_curve(predicted[:, 1], quality[:, 0], quality[:, 1])
    assert scores["APGR"] == pytest.approx(curve.apgr)
    assert scores["CPT(80%)"] == pytest.approx(curve.cpt(0.8))


def test_a_curve_of_the_constant_models_has_their_area() -> None:
    """AIQ and volume of a family that is the two models alone are those of the constant models."""
    quality, cost, _ = world()
    probs = np.stack([np.tile(row, (len(quality), 1)) for row in np.eye(2)])
    family = PolicyFamily(name="f", quality_per_usd=np.arange(2.0), action_probs=probs)
    report = full(quality, cost).report({}, (family,))
    for name in ("AIQ", "hypervolume"):
        assert found(report, "f")[name] == pytest.approx(found(report, "constant models")[name])


def test_moves_add_up_to_the_difference() -> None:
    """What each move adds is the policy's doubly robust difference, in quality and cost."""
    quality, cost, probs = world()
    evaluator = partial(quality, cost)
    report = evaluator.report({"p": probs, "p (greedy)": probs})
    assert {move.policy for move in report.moves} == {"p"}
    baseline = np.tile(np.eye(2)[MODELS.index(report.baseline_model)], (len(quality), 1))
    for outcome in ("quality", "cost_usd"):
        whole = evaluate_difference(evaluator.log, probs, baseline, evaluator.q_hat)[outcome].estimates["dr"]
        parts = [move.differences[outcome].value for move in report.moves]
        assert sum(parts) == pytest.approx(whole.value)


def test_the_ranking_is_by_lower_bounds_that_hold_together() -> None:
    """Bounds lie below their estimates, wider with more policies; the bound for any weights is wider still."""
    quality, cost, probs = world()
    evaluator = partial(quality, cost)
    one = {r.policy: r for r in evaluator.report({"p": probs}).ranking}
    many = {r.policy: r for r in evaluator.report({"p": probs, **{f"q{i}": probs for i in range(8)}}).ranking}
    assert one["p"].lower is not None and one["p"].value is not None and one["p"].sure_lower is not None
    assert one["p"].sure_lower < one["p"].lower < one["p"].value
    assert many["p"].lower is not None and many["p"].lower < one["p"].lower
    lowers = [r.lower for r in evaluator.report({"p": probs}).ranking]
    assert lowers == sorted(lowers, reverse=True)  # type: ignore[type-var]
    assert all(r.sure_lower is None for r in full(quality, cost).report({"p": probs}).ranking)


def test_differences_are_wider_where_several_policies_were_asked_for() -> None:
    """All together hold at 95 %: asked with two others, a policy's interval is that of 98.3 %."""
    quality, cost, probs = world()
    evaluator = partial(quality, cost)
    wide = evaluator.report({"p": probs, "q": probs, "r": probs}).row("p").differences["quality"]
    sharp = replace(evaluator, options=EstimateOptions(confidence=1.0 - 0.05 / 3)).report({"p": probs})
    assert wide is not None and wide == sharp.row("p").differences["quality"]


def test_sensitivity_is_shown_where_propensities_were_estimated() -> None:
    """For those logs alone; at factor 1 it is the normalised estimate, and it widens."""
    quality, cost, probs = world()
    logged = partial(quality, cost)
    assert logged.report({"p": probs}).sensitivity == ()
    log = replace(logged.log, observational=True)
    estimated = EstimatedLogging(foreseen=0.5, clipped=0.0, bins=((0.5, 0.5, 600),))
    report = replace(logged, log=log, estimated=estimated).report({"p": probs})
    (shown,) = report.sensitivity
    assert shown.policy == "p" and shown.tipping >= 1.0
    widths = [bound.high - bound.low for bound in shown.bounds]
    assert widths[0] == pytest.approx(0.0) and widths == sorted(widths)
    assert report.evidence is not None and report.evidence.estimated == estimated


def test_feedback_is_told_by_model() -> None:
    """Half of the dear model's answers were not judged: the share, and that it depends on the model."""
    quality, cost, probs = world()
    evaluator = partial(quality, cost)
    judged = evaluator.log.outcomes["quality"].copy()
    judged[(evaluator.log.action == 1) & (np.arange(len(judged)) % 2 == 0)] = np.nan
    log = replace(evaluator.log, outcomes={**evaluator.log.outcomes, "quality": judged})
    shown = replace(evaluator, log=log).report({"p": probs}).evidence
    assert shown is not None and shown.feedback_p_value < 1e-6
    cheap, dear = shown.models
    assert cheap.answered == cheap.logged and dear.answered == pytest.approx(dear.logged / 2, abs=20)
    assert cheap.low is not None and cheap.high is not None and cheap.low < 1.0 < cheap.high


def test_wrong_propensities_show_in_the_mean_weights() -> None:
    """A log that says 0.5 but chose the cheap model nine times of ten."""
    n = 4000
    action = (np.random.default_rng(0).random(n) < 0.1).astype(int)
    log = LoggedFeedback.from_bandit(action, {"quality": np.ones(n)}, np.full(n, 0.5), 2)
    q_hat = {"quality": np.ones((n, 2))}
    shown = Evaluator(log=log, models=MODELS, q_hat=q_hat, summary=summary(n)).report({}).evidence
    assert shown is not None
    for each, wanted in zip(shown.models, (1.8, 0.2), strict=True):
        assert each.low is not None and each.high is not None and each.low < wanted < each.high
        assert not each.low <= 1.0 <= each.high


def test_metrics_are_the_reports_figures() -> None:
    """Values, intervals, differences, sample size and scores go to MLflow under names that it takes."""
    quality, cost, probs = world()
    report = partial(quality, cost).report({"models/p": probs})
    metrics = evaluation_metrics(report)
    row = report.row("models/p")
    assert row.outcomes["quality"] is not None and row.differences["quality"] is not None
    assert metrics["models/p/quality"] == row.outcomes["quality"].value
    assert metrics["models/p/quality difference/low"] == row.differences["quality"].low
    assert metrics["feedback share"] == 1.0
    assert {f"models/p/{metric_name(name)}" for name in found(report, "models/p")} <= set(metrics)


def test_scores_agree_with_the_matrix_where_all_is_known() -> None:
    """On full information the doubly robust score of a cell is its outcome, whatever the model says."""
    quality, cost, _ = world()
    log = full(quality, cost).log
    np.testing.assert_allclose(doubly_robust_scores(log, "quality", np.full(quality.shape, 0.3)), quality)
