"""What a learning bandit logs is fit to evaluate the offline policy on, although the bandit changes as it learns."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import DEAR, small_learned, small_truth

from arbiter.ope import EstimateOptions, LoggedFeedback, estimate
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings, GreedyPolicy
from arbiter.policies.explorers import EXPLORERS
from arbiter_training.simulator import Player, QualityChange, Scenario

STREAMS, N = 120, 160
ESTIMATORS = ("ips", "snips", "dr")


@pytest.mark.slow
@pytest.mark.parametrize("explorer", EXPLORERS)
def test_the_offline_policys_value_is_covered_by_the_bandits_own_log(explorer: str) -> None:
    """120 streams in which one model loses a quarter unseen: IPS is right on average, and 95 % intervals cover.

    The mean error of IPS lies within four of its standard errors. Of 120 intervals at least 104 hold the truth: fewer
    come of a coverage of 95 % once in ten thousand times.
    """
    learned = small_learned()
    settings = BanditSettings(explorer=explorer, gate=GateSettings(start=0.3, least=0.1, most=0.8))
    bandit = BanditPolicy.fresh(len(learned.router.catalog), learned.router.context_map.dim, settings)
    truth = small_truth(N, seed=1)
    players = {
        name: Player(replace(learned.router, policy=policy), truth, small_truth(160, seed=0))
        for name, policy in {"bandit": bandit, "offline": GreedyPolicy()}.items()
    }
    scenario = Scenario(quality=(QualityChange(model=DEAR, at=0.3, factor=0.75),), delay=5)
    q_hat = np.tile(small_truth(160, seed=0).quality.mean(axis=0), (N, 1))
    errors, covered = [], dict.fromkeys(ESTIMATORS, 0)
    for seed in range(STREAMS):
        log, offline = (players[name].play(scenario, seed) for name in ("bandit", "offline"))
        rows = np.arange(N)
        logged = LoggedFeedback.from_bandit(
            log.drawn, log.true_quality[rows, log.drawn], log.shares[rows, log.drawn], len(truth.models)
        )
        found = estimate(logged, offline.shares, q_hat, EstimateOptions(estimators=ESTIMATORS))["reward"]
        value = offline.quality.mean()
        errors.append(found["ips"].value - value)
        for name in ESTIMATORS:
            low, high = found[name].interval or (np.nan, np.nan)
            covered[name] += int(low <= value <= high)
    print(f"{explorer}: mean error {np.mean(errors):+.5f}, sd {np.std(errors):.5f}, covered {covered}")  # noqa: T201
    assert abs(np.mean(errors)) <= 4.0 * np.std(errors) / np.sqrt(STREAMS)
    assert min(covered.values()) >= 104, covered
