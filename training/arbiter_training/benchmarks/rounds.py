"""The data of a benchmark: judged traffic, cut into rounds of training and test rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter_training.benchmarks.protocol import Benchmark
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.traffic import OutcomeMatrix, pivot, read_traffic
from arbiter_training.traffic.columns import IntArray, ObjectArray
from arbiter_training.traffic.demo_data import demo_folder, read_pareto_file
from arbiter_training.traffic.outcomes import ARRAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One training and one test.

    Attributes
    ----------
    name : for people.
    train, test : positions of requests.
    seed : of everything random in training.
    """

    name: str
    train: IntArray
    test: IntArray
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTraffic:
    """Full information, ready for rounds.

    Attributes
    ----------
    outcomes : n requests on K models.
    groups : (n,) near-duplicates share a number.
    tasks : (n,) names, or None where the benchmark has none.
    rounds : of the protocol.
    fingerprint : of the content.
    left_out : training rows dropped because they nearly repeat a test row.
    """

    outcomes: OutcomeMatrix
    groups: IntArray
    tasks: ObjectArray | None
    rounds: tuple[Round, ...]
    fingerprint: str
    left_out: int = 0


def judged_traffic(benchmark: Benchmark, folder: Path) -> JudgedTraffic:
    """Read and split.

    Raises
    ------
    TrafficError
        If a file cannot be read.
    InvalidInputError
        If the traffic is not full information, or lacks the column of tasks.
    """
    outcomes = _read(folder, benchmark.train, "train")
    n_train = outcomes.n
    if benchmark.test:
        outcomes = _stacked(outcomes, _read(folder, benchmark.test, "test"))
    if not outcomes.full_information or np.isnan(outcomes.cost_usd).any():
        raise InvalidInputError(f"{benchmark.train}: a benchmark needs quality and cost of every model on each request")
    is_test = np.arange(outcomes.n) >= n_train
    if 0 < benchmark.max_requests < outcomes.n:
        rows = np.random.default_rng(0).choice(outcomes.n, benchmark.max_requests, replace=False)
        outcomes, is_test = outcomes.subset(np.sort(rows)), is_test[np.sort(rows)]
    groups = groups_of(outcomes)
    known = is_test | ~np.isin(groups, groups[is_test])
    fixed = (np.flatnonzero(~is_test & known), np.flatnonzero(is_test)) if benchmark.test else None
    return JudgedTraffic(
        outcomes=outcomes,
        groups=groups,
        tasks=_tasks(outcomes, benchmark.label),
        rounds=tuple(_rounds(benchmark, groups, fixed)),
        fingerprint=outcomes.to_table().fingerprint(),
        left_out=int((~known).sum()) if benchmark.test else 0,
    )


def _rounds(benchmark: Benchmark, groups: IntArray, fixed: tuple[IntArray, IntArray] | None) -> Iterator[Round]:
    for seed in benchmark.seeds:
        if fixed is not None:
            yield Round(name=f"seed {seed}", train=fixed[0], test=fixed[1], seed=seed)
            continue
        folds = fold_numbers(groups, benchmark.folds, seed)
        for fold in range(benchmark.folds):
            yield Round(
                name=f"seed {seed}, fold {fold}",
                train=np.flatnonzero(folds != fold),
                test=np.flatnonzero(folds == fold),
                seed=seed,
            )


def _read(folder: Path, name: str, part: str) -> OutcomeMatrix:
    """Read a traffic file of the folder or, where there is none of that name, one of the package paretobandit."""
    places = (folder / name, folder / "traffic" / name)  # the second is the layout of `arbiter data get`
    path = next((place for place in places if place.is_file()), places[0])
    if path.is_file() or path.suffix != ".jsonl":
        return pivot(read_traffic(path))
    return pivot(read_pareto_file(demo_folder() / name, part))


def _stacked(first: OutcomeMatrix, second: OutcomeMatrix) -> OutcomeMatrix:
    if first.models != second.models:
        raise InvalidInputError(f"the two files have different models: {first.models} and {second.models}")
    arrays: dict[str, Any] = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in ARRAYS}
    return replace(
        first,
        **arrays,
        queries=first.queries + second.queries,
        labels={name: np.concatenate([v, second.labels[name]]) for name, v in first.labels.items()},
        extras={name: np.concatenate([v, second.extras[name]]) for name, v in first.extras.items()},
    )


def _tasks(outcomes: OutcomeMatrix, label: str) -> ObjectArray | None:
    if not label:
        return None
    columns = {**outcomes.labels, **outcomes.extras}
    if label not in columns:
        raise InvalidInputError(f"there is no column {label!r} of tasks; there are {', '.join(columns) or 'none'}")
    return columns[label]
