"""Scores on real full information: two models on GSM8K."""

import numpy as np
import pytest

from arbiter.ope import router_scores, strong_weak_curve


@pytest.fixture(scope="module")
def gsm8k(data_dir):
    """Give quality (n, 2): Mixtral, then GPT-4."""
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(data_dir / "traffic" / "gsm8k_gpt4_mixtral.parquet").to_pydict()
    by_request: dict[str, dict[str, float]] = {}
    for request, model, quality in zip(table["request_id"], table["model"], table["quality"], strict=True):
        by_request.setdefault(request, {})["gpt" not in model.lower()] = float(quality)
    return np.array([[row[True], row[False]] for row in by_request.values()])


def test_a_random_router_recovers_half_of_the_gap(gsm8k):
    """Mean APGR of 200 random routers is 0.5 within three errors of that mean."""
    scores = np.random.default_rng(0).random((200, len(gsm8k)))
    found = np.array([strong_weak_curve(score, gsm8k[:, 0], gsm8k[:, 1]).apgr for score in scores])
    assert abs(found.mean() - 0.5) < 3 * found.std(ddof=1) / np.sqrt(200)


def test_the_oracle_calls_the_strong_model_only_where_it_helps(gsm8k):
    """Knowing each outcome, half the gap costs half as many strong calls as the weak model's failures ask for."""
    gain = gsm8k[:, 1] - gsm8k[:, 0]
    curve = strong_weak_curve(gain, gsm8k[:, 0], gsm8k[:, 1], 2000)
    helped, gap = (gain > 0).mean(), gain.mean()
    assert curve.apgr > 0.8
    assert curve.cpt(0.5) == pytest.approx(0.5 * gap, abs=1e-9)  # every call gains one
    assert curve.quality.max() == pytest.approx(gsm8k.max(axis=1).mean())
    assert curve.strong_share[np.argmax(curve.quality)] == pytest.approx(helped)


def test_the_oracle_bounds_every_router(gsm8k):
    """Oracle above best single above random, and no routed value above the oracle's."""
    policy = np.random.default_rng(1).dirichlet([1, 1], len(gsm8k))
    scores = router_scores(policy, gsm8k)
    assert scores.oracle == pytest.approx(gsm8k.max(axis=1).mean())
    assert scores.oracle > scores.best_single > scores.random
    assert scores.value <= scores.oracle
