"""A small world of traffic for tests of the whole loop: three models, easy and hard requests, known qualities.

Everything is made on the spot from a seed. The base router is the one that needs no training, so nothing hangs on the
shipped bundle.
"""

import functools
import json
from pathlib import Path

import numpy as np

from arbiter.catalog import Catalog, catalog_for_log
from arbiter.cold_start import cold_start_router
from arbiter.router import Router
from arbiter_training.learn import Learned, LearnOptions, learn_router
from arbiter_training.simulate import Uniform, simulate_log
from arbiter_training.traffic import OutcomeMatrix, TrafficTable, pivot, traffic_from_records

CHEAP, MIDDLE, DEAR = "gpt-4o-mini", "gpt-4o", "claude-opus-4-5"
QUALITY = {"easy": {CHEAP: 0.9, MIDDLE: 0.9, DEAR: 0.95}, "hard": {CHEAP: 0.2, MIDDLE: 0.5, DEAR: 0.9}}
COST_USD = {CHEAP: 0.0002, MIDDLE: 0.003, DEAR: 0.012}
EASY = ("capital", "river", "colour", "weather", "spelling", "month", "planet", "greeting")
HARD = ("theorem", "compiler", "integral", "deadlock", "eigenvalue", "proof", "recursion", "tensor")


def small_records(n: int = 160, seed: int = 0) -> list[dict[str, object]]:
    """Give n requests, each answered by all three models; every other one is hard."""
    rng = np.random.default_rng(seed)
    records: list[dict[str, object]] = []
    for i in range(n):
        kind = "hard" if i % 2 else "easy"
        words = rng.choice(HARD if i % 2 else EASY, size=5)
        noise = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size=40))  # no two prompts are near-duplicates
        prompt = f"{' '.join(words)} {' '.join(noise[j : j + 8] for j in range(0, 40, 8))}"
        for model, mean in QUALITY[kind].items():
            records.append(
                {
                    "request_id": f"r{i:04d}",
                    "prompt": prompt,
                    "model": model,
                    "quality": round(float(np.clip(mean + rng.normal(0.0, 0.05), 0.0, 1.0)), 4),
                    "cost_usd": round(COST_USD[model] * float(rng.uniform(0.8, 1.2)), 8),
                    "latency_s": round(float(rng.uniform(0.5, 2.0)), 3),
                }
            )
    return records


@functools.cache
def small_truth(n: int = 160, seed: int = 0) -> OutcomeMatrix:
    """Give the requests with every model's outcome."""
    return pivot(traffic_from_records(small_records(n, seed)))


def small_log(n: int = 160, seed: int = 0) -> TrafficTable:
    """Give a log of the requests: one model each, all with the same known probability."""
    return simulate_log(small_truth(n, seed), Uniform(), seed).to_table()


def small_base() -> Router:
    """Give the router to build on."""
    return cold_start_router(Catalog.default())


@functools.cache
def small_learned() -> Learned:
    """Give what is learned from a log that leaves a hundred outcomes to a model; a second or so, once per session."""
    truth = small_truth(320)
    log = simulate_log(truth, Uniform(), 0)
    return learn_router(log, catalog_for_log(truth.models), small_base(), LearnOptions(folds=3, risk_floor=False))


def write_jsonl(path: Path, records: list[dict[str, object]]) -> Path:
    """Write records as a traffic file, without any check."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path
