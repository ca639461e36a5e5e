"""How long a profile takes: ``pytest -m benchmark tests/benchmarks/test_profile_speed.py -s``.

Medians over authored prompts that are all distinct and were not seen before, one thread, in a process that answered a
thousand others: a prompt that is repeated finds its words remembered. Times are those of the thread, so that what else
the machine does counts as little as can be; those of the wall are printed beside. So are scikit-learn's predictions,
with as many trees on the same features.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from arbiter import Query, Router
from arbiter.gatekeeper.heads import HEADS
from arbiter.gatekeeper.learned import boosting_features
from arbiter.intake import read_request
from arbiter.loading import load_router
from arbiter.trees import FlatForest, merge
from arbiter_training.flatten import flatten

SEEDS = Path(__file__).resolve().parents[2] / "datasets" / "seed_prompts"
TOKENS = (80, 130)
FEW_THOUSAND = 3_000
WARM_UP = 1_000
ITERATIONS = 32

T = TypeVar("T")


def median_us(call: Callable[[T], object], items: Iterable[T]) -> float:
    """Give the median time of a call in microseconds, each item once."""
    return medians_us(call, items)[0]


def medians_us(call: Callable[[T], object], items: Iterable[T]) -> tuple[float, float]:
    """Give the median times of a call in microseconds, of this thread and by the wall, each item once."""
    times = []
    for item in items:
        wall, own = time.perf_counter(), time.thread_time()
        call(item)
        times.append((time.thread_time() - own, time.perf_counter() - wall))
    spent, passed = zip(*times, strict=True)
    return statistics.median(spent) * 1e6, statistics.median(passed) * 1e6


@pytest.fixture(scope="module")
def router() -> Router:
    """Give the shipped router, after a warm-up on a thousand prompts that are not timed."""
    found = load_router()
    for query in [query for query in authored() if query.input_tokens < TOKENS[0]][::4][:WARM_UP]:
        profile(found, query)
    return found


@pytest.fixture(scope="module")
def prompts() -> list[Query]:
    """Give distinct authored prompts of about 100 tokens."""
    found = [query for query in authored() if TOKENS[0] <= query.input_tokens <= TOKENS[1]]
    assert len(found) > 100
    return found


def authored() -> list[Query]:
    """Give the authored single-turn prompts, each once."""
    lines = [line for path in sorted(SEEDS.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = dict.fromkeys(json.loads(line).get("prompt", "") for line in lines)
    return [read_request(text) for text in texts if text]


def profile(router: Router, query: Query) -> object:
    heads = router.gatekeeper.probabilities([query], router.features.transform([query]))
    return router.gatekeeper.profiles([query], heads)


@pytest.mark.benchmark
def test_a_profile_takes_less_than_six_tenths_of_a_millisecond(router: Router, prompts: list[Query]) -> None:
    """Encoder included, on the static encoder, every prompt new."""
    encoder = router.features.encoder
    whole, wall = medians_us(lambda query: profile(router, query), prompts)
    again = median_us(lambda query: profile(router, query), prompts)
    encoded = median_us(lambda query: encoder.encode([query.text]), prompts)
    print(f"\nprofile of {len(prompts)} distinct prompts of about 100 tokens: {whole:.0f} us (wall {wall:.0f} us)")
    print(f"their second time {again:.0f} us, of which the encoder takes {encoded:.0f} us ({encoded / again:.0%})")
    assert whole < 600


@pytest.mark.benchmark
def test_a_few_thousand_terms_are_found_in_fifty_microseconds(router: Router, prompts: list[Query]) -> None:
    """All of the shipped terms, on distinct prompts of 100 tokens; four times the text costs less than four times."""
    rules = router.gatekeeper.rules
    assert len(rules.terms) > FEW_THOUSAND
    short = median_us(rules.scores, [query.text for query in prompts])
    longer = [" ".join(query.text for query in prompts[i : i + 4]) for i in range(0, len(prompts) - 4, 2)]
    print(f"\n{len(rules.terms)} terms: median {short:.0f} us on 100 tokens", end="")
    four_times = median_us(rules.scores, longer)
    print(f", {four_times:.0f} us on {statistics.median(map(len, longer)):.0f} characters")
    assert short < 50
    assert four_times < 4 * short


@pytest.mark.benchmark
def test_flat_trees_are_many_times_as_fast_as_scikit_learn(router: Router, prompts: list[Query]) -> None:
    """One row at a time, with as many trees per head as the shipped forest has, and the same numbers."""
    batch = router.features.transform(prompts)
    table = boosting_features(router.gatekeeper.linear.scores(batch), router.gatekeeper.projection, batch)
    models = [_fitted(table, size) for size in map(len, HEADS.values())]
    forest: FlatForest = merge([flatten(model, table) for model in models])
    rows = [table[i : i + 1] for i in range(len(table))]
    flat = median_us(forest.predict, rows)
    own = median_us(lambda row: [model.predict_proba(row) for model in models], rows[:60])
    shipped = median_us(router.gatekeeper.forest.predict, rows)
    many = median_us(forest.predict, [table] * 20) / len(table)
    print(
        f"\n{forest.roots.size} trees, one row: flat {flat:.0f} us, scikit-learn {own:.0f} us ({own / flat:.0f} times)"
    )
    print(f"in a batch {many:.1f} us a row; the shipped {router.gatekeeper.forest.roots.size} trees: {shipped:.0f} us")
    expected = np.concatenate([model._raw_predict(table) for model in models], axis=1)
    np.testing.assert_allclose(forest.predict(table), expected, atol=1e-9, rtol=0)
    assert own > 10 * flat


def _fitted(table: np.ndarray, classes: int) -> HistGradientBoostingClassifier:
    """Fit a head of the shipped shape to labels that the features determine."""
    labels = np.arange(len(table)) % classes
    labels[table[:, 0].argsort()] = np.sort(labels)
    model = HistGradientBoostingClassifier(
        max_iter=ITERATIONS, max_leaf_nodes=12, max_depth=5, min_samples_leaf=3, early_stopping=False, random_state=0
    )
    return model.fit(table, labels)
