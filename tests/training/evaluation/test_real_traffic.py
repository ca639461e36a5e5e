"""Doubly robust estimates on simulated logs of real traffic, against the truth that was hidden."""

import numpy as np
import pytest

from arbiter.ope import EstimateOptions, LoggedFeedback, cross_fit, evaluate, evaluate_difference, group_folds
from arbiter_training.simulate import ByPromptLength, EpsilonGreedy, Skewed, simulate_log
from arbiter_training.traffic import pivot, read_traffic

FILES = (
    "gsm8k_gpt4_mixtral",
    "llmrouter_train",
    "mmlu_pro_stem",
    "paretobandit_train_part_k3",
    "paretobandit_val_k3",
    "paretobandit_val_k4",
)
LOGGERS = (EpsilonGreedy(epsilon=0.4), Skewed(temperature=0.1, floor=0.03), ByPromptLength(exploration=0.4))
SEEDS = 10
OPTIONS = EstimateOptions(estimators=("dr",))


@pytest.fixture(scope="module")
def full(data_dir, request):
    """Give the full information of one file."""
    return pivot(read_traffic(data_dir / "traffic" / f"{request.param}.parquet"))


def simple_model(log, outcome):
    """Give each model's mean outcome in the other folds: as poor a model as one can fit."""
    value = log.outcomes[outcome]

    def fit_predict(train, test):
        mean = value[train].mean()
        rows = [value[train][log.action[train] == a] for a in range(log.n_actions)]
        return np.tile([r.mean() if r.size else mean for r in rows], (test.size, 1))

    return cross_fit(group_folds(np.arange(log.n)), fit_predict, log.n, log.n_actions)


def bandit_log(logged):
    """Give quality and cost of a simulated log."""
    rows, action = np.arange(logged.n), logged.action
    outcomes = {"quality": logged.quality[rows, action], "cost_usd": logged.cost_usd[rows, action]}
    return LoggedFeedback.from_bandit(action, outcomes, logged.propensity[rows, action], logged.n_models)


@pytest.mark.parametrize("full", FILES, indirect=True)
def test_dr_covers_the_truth_that_was_hidden(full):
    """30 logs by three policies: value, cost and paired difference of a new policy cover in at least 25 of 30 each.

    25 is three binomial errors below 95 %; the truth is that of these very requests, so 95 % is the least to expect.
    """
    length = np.array([len(str(prompt)) for prompt in full.prompts])
    long, order = length > np.median(length), np.argsort(full.cost_usd.mean(axis=0))
    policy = 0.8 * np.eye(full.n_models)[np.where(long, order[-1], order[0])] + 0.2 / full.n_models
    uniform = np.full_like(policy, 1.0 / full.n_models)
    truth = {o: (policy * v).sum(axis=1).mean() for o, v in (("quality", full.quality), ("cost_usd", full.cost_usd))}
    gap = ((policy - uniform) * full.quality).sum(axis=1).mean()
    hits = np.zeros(3)
    for logger in LOGGERS:
        for seed in range(SEEDS):
            log = bandit_log(simulate_log(full, logger, seed))
            q_hat = {name: simple_model(log, name) for name in log.outcomes}
            found = evaluate(log, policy, q_hat, OPTIONS)
            paired = evaluate_difference(log, policy, uniform, q_hat, OPTIONS)["quality"].require()
            hits[:2] += [found[name].require().covers(truth[name]) for name in ("quality", "cost_usd")]
            hits[2] += paired.covers(gap)
    assert (hits >= 25).all(), hits
