"""Estimated propensities: right where the model can be, labelled, and refused where nothing was left to chance."""

import numpy as np
import pytest

from arbiter.errors import NotEvaluableError
from arbiter.ope import LoggedFeedback, Verdict, evaluate, sensitivity_bounds
from arbiter_training.evaluation.propensities import (
    PropensitySettings,
    estimate_propensities,
    observational_log,
)
from arbiter_training.simulate import ByPromptLength, simulate_log
from arbiter_training.split import fold_numbers
from arbiter_training.traffic import pivot, read_traffic


def confounded(n=6000, seed=0):
    """Draw choices by a softmax of the features, and rewards that depend on the same features."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    score = np.exp(x @ np.array([[1.0, 0.0, -1.0], [0.5, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.0]]))
    probs = score / score.sum(axis=1, keepdims=True)
    action = (rng.random(n)[:, None] > probs.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    q = 1 / (1 + np.exp(-(x[:, :1] + np.array([0.0, 0.3, 0.6]))))
    reward = (rng.random(n) < q[np.arange(n), action]).astype(float)
    return x, probs, action, q, reward


def test_a_logistic_policy_is_recovered():
    """Mean distance from the true probabilities below 0.02; rows sum to one; the curve is calibrated."""
    x, probs, action, _, _ = confounded()
    found = estimate_propensities(x, action, fold_numbers(np.arange(6000), 3, 0), 3)
    assert np.abs(found.probs - probs).mean() < 0.02
    np.testing.assert_allclose(found.probs.sum(axis=1), 1.0)
    assert found.reliability.calibration_error < 0.02 and found.foreseen < 0.8
    assert found.label == "observational"


def test_the_estimate_corrects_what_plain_averages_get_wrong():
    """One model for all, on a confounded log: the mean of its logged rewards misses, the estimate covers the truth."""
    x, _, action, q, reward = confounded(seed=1)
    found = estimate_propensities(x, action, fold_numbers(np.arange(6000), 3, 0), 3)
    log = LoggedFeedback.from_bandit(action, reward, found.probs[np.arange(6000), action], 3)
    value = evaluate(log, np.tile([0.0, 0.0, 1.0], (6000, 1)))["reward"].require()
    truth = q[:, 2].mean()
    assert value.covers(truth)
    assert reward[action == 2].mean() < truth - 0.08


def test_no_request_is_judged_by_a_model_that_saw_it():
    """Changing a request's choice leaves its own probabilities as they were."""
    x, _, action, _, _ = confounded(300, seed=2)
    folds = fold_numbers(np.arange(300), 3, 0)
    changed = action.copy()
    changed[folds == 0] = (changed[folds == 0] + 1) % 3
    one, other = (estimate_propensities(x, a, folds, 3).probs for a in (action, changed))
    np.testing.assert_allclose(one[folds == 0], other[folds == 0])
    assert np.abs(one[folds == 1] - other[folds == 1]).max() > 0.01


def test_deterministic_logs_are_refused():
    """A rule on a threshold, and one model for all, have no propensities."""
    x, _, action, _, _ = confounded(2000, seed=3)
    folds = fold_numbers(np.arange(2000), 3, 0)
    with pytest.raises(NotEvaluableError, match="deterministic"):
        estimate_propensities(x, (np.abs(x[:, 0]) > 1).astype(int), folds, 3)
    with pytest.raises(NotEvaluableError, match="deterministic"):
        estimate_propensities(x, np.zeros_like(action), folds, 3)


def test_small_probabilities_are_raised():
    """No probability is below the least one by more than the rescaling, and the share is told."""
    x, _, action, _, _ = confounded(seed=4)
    found = estimate_propensities(
        3 * x, action, fold_numbers(np.arange(6000), 3, 0), 3, PropensitySettings(clip=0.05, inverse_penalty=100.0)
    )
    assert found.probs.min() >= 0.05 / 1.1 and 0.0 < found.clipped < 0.2


def test_real_traffic_without_propensities(data_dir):
    """GSM8K logged by prompt length: the label is on the verdict, sensitivity is nested around the estimate."""
    full = pivot(read_traffic(data_dir / "traffic" / "gsm8k_gpt4_mixtral.parquet"))
    logged = simulate_log(full, ByPromptLength(exploration=0.4), seed=0)
    length = np.array([len(str(p)) for p in logged.prompts], dtype=float)
    features = np.column_stack([length, length > np.median(length)])
    found = estimate_propensities(features, logged.action, fold_numbers(np.arange(logged.n), 3, 0), 2)
    log = observational_log(logged, found)
    strong = int(np.argmax(full.quality.mean(axis=0)))
    policy = np.tile(np.eye(2)[strong], (log.n, 1))
    judged = evaluate(log, policy)["quality"]
    assert judged.judgement.verdict is Verdict.APPROXIMATE
    assert judged.judgement.reasons[0].startswith("observational")
    assert judged.require().covers(full.quality[:, strong].mean())
    bounds = sensitivity_bounds(log, policy, "quality", None, (1.0, 2.0))
    assert bounds[0].snips[0] == pytest.approx(judged.estimates["snips"].value)
    assert bounds[1].snips[0] < bounds[0].snips[0] < bounds[1].snips[1]


def test_wrong_inputs_are_named():
    """Lengths, folds and the least probability are checked."""
    x, _, action, _, _ = confounded(60)
    with pytest.raises(ValueError, match="one length"):
        estimate_propensities(x[:-1], action, np.arange(60) % 2, 3)
    with pytest.raises(ValueError, match="folds must be 2"):
        estimate_propensities(x, action, np.zeros(60, dtype=int), 3)
    with pytest.raises(ValueError, match=r"clip is 0\.5"):
        estimate_propensities(x, action, np.arange(60) % 2, 3, PropensitySettings(clip=0.5))
