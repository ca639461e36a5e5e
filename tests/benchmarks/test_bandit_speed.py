"""How long a bandit's decision and update take: ``pytest -m benchmark tests/benchmarks/test_bandit_speed.py -s``.

Ten arms, contexts of 32 numbers, one thread, medians. The peers are those that are installed; each is timed by its own
calls, checks and copies included, and none of them gives a propensity.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest

from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.policies.lesson import Evidence, Lesson

K, D, REPEATS = 10, 32, 2000


def median_us(call: Callable[[int], object]) -> float:
    """Give the median time of a call in microseconds, after a warm-up."""
    for i in range(50):
        call(i)
    times = []
    for i in range(REPEATS):
        started = time.perf_counter()
        call(i)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


@pytest.fixture(scope="module")
def contexts() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([np.ones((REPEATS, 1)), rng.normal(size=(REPEATS, D - 1)) / np.sqrt(D)], axis=1)


def expectation(rng: np.random.Generator) -> Expectation:
    """Give ten candidates so near to each other that all contend."""
    return Expectation(
        quality=0.8 + 0.02 * rng.random(K),
        quality_se=np.full(K, 0.05),
        cost_usd=10 ** rng.uniform(-5, -3, K),
        latency_s=np.ones(K),
        output_tokens=np.full(K, 100.0),
        weights=UtilityWeights(quality_per_usd=1.0),
    )


@pytest.mark.benchmark
def test_a_decision_and_an_update_of_the_default_bandit(contexts: np.ndarray) -> None:
    """With exact propensities over ten contenders below 150 us, an update below 50 us."""
    rng = np.random.default_rng(1)
    settings = BanditSettings(gate=GateSettings(start=0.5), width=1.0)
    policy = BanditPolicy.fresh(K, D, settings)
    for i in range(500):
        policy = policy.learned(Lesson(arm=i % K, context=contexts[i], residual=float(rng.normal(0, 0.1))))
    expected, everyone = expectation(rng), np.ones(K, dtype=bool)
    decide = median_us(lambda i: policy.action_probabilities(contexts[i % REPEATS], everyone, expected))
    evidence = Evidence(utility=0.8, propensity=0.5, offline=1.0, share=0.5)
    lessons = [Lesson(arm=i % K, context=contexts[i], residual=0.05, evidence=evidence) for i in range(REPEATS)]
    update = median_us(lambda i: policy.learned(lessons[i % REPEATS]))
    print(f"\narbiter: decision {decide:.0f} us, update {update:.0f} us ({K} arms, d = {D})")
    assert decide < 150
    assert update < 50


@pytest.mark.benchmark
def test_paretobandit_beside_it(contexts: np.ndarray) -> None:
    """ParetoBandit 0.1.1 with forgetting; it chooses without chance."""
    pytest.importorskip("pareto_bandit", reason="the extra [demo] is not installed")
    from pareto_bandit import BanditRouter, EphemeralContextStore, FeatureService

    names = [f"m{k}" for k in range(K)]
    router = BanditRouter.create(
        model_registry={
            n: {"model_id": n, "initial_quality": 0.5, "input_cost_per_m": 1.0, "output_cost_per_m": 1.0} for n in names
        },
        feature_service=FeatureService.for_precomputed(D),
        context_store=EphemeralContextStore(),
        priors="none",
        alpha=0.01,
        forgetting_factor=0.997,
    )
    logs = []
    decide = median_us(lambda i: logs.append(router.route(contexts[i % REPEATS])[1]))
    update = median_us(lambda i: router.process_feedback(logs[i].request_id, reward=0.8))
    print(f"\nParetoBandit: decision {decide:.0f} us, update {update:.0f} us")


@pytest.mark.benchmark
@pytest.mark.parametrize("policy", ["LinUCB", "LinTS"])
def test_mabwiser_beside_it(contexts: np.ndarray, policy: str) -> None:
    """Its LinUCB and LinTS, one request at a time; the latter samples and tells no probability."""
    mab = pytest.importorskip("mabwiser.mab", reason="mabwiser is not installed")
    rng = np.random.default_rng(2)
    chosen = mab.LearningPolicy.LinUCB(alpha=0.1) if policy == "LinUCB" else mab.LearningPolicy.LinTS(alpha=0.1)
    bandit = mab.MAB(arms=list(range(K)), learning_policy=chosen)
    bandit.fit(rng.integers(K, size=500), rng.random(500), contexts[:500])
    decide = median_us(lambda i: bandit.predict(contexts[i % REPEATS][None]))
    update = median_us(lambda i: bandit.partial_fit([i % K], [0.8], contexts[i % REPEATS][None]))
    print(f"\nmabwiser {policy}: decision {decide:.0f} us, update {update:.0f} us")


@pytest.mark.benchmark
def test_vowpalwabbit_beside_it(contexts: np.ndarray) -> None:
    """SquareCB on text examples, as its Python users call it; probabilities of a linear model without posterior."""
    vw = pytest.importorskip("vowpalwabbit", reason="vowpalwabbit is not installed")
    workspace = vw.Workspace("--cb_explore_adf --squarecb -q sa --quiet")
    shared = ["shared |s " + " ".join(f"{j}:{v:.4f}" for j, v in enumerate(z)) for z in contexts]
    arms = [f"|a m{k}" for k in range(K)]
    decide = median_us(lambda i: workspace.predict("\n".join([shared[i % REPEATS], *arms])))
    judged = [f"0:-0.8:0.5 {arm}" if k == 0 else arm for k, arm in enumerate(arms)]
    update = median_us(lambda i: workspace.learn("\n".join([shared[i % REPEATS], *judged])))
    print(f"\nVowpalWabbit squarecb: decision {decide:.0f} us, update {update:.0f} us")
