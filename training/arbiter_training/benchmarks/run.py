"""One benchmark from data to table."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from arbiter.catalog import Catalog
from arbiter.router import Router
from arbiter_training.benchmarks.lesson import Lesson, Predictor
from arbiter_training.benchmarks.online import Stream, litellm_adaptive, litellm_complexity, paretobandit
from arbiter_training.benchmarks.predictors import Shipped, boosting, constants, logistic, nearest, per_task
from arbiter_training.benchmarks.prices import catalog_of, predicted_costs
from arbiter_training.benchmarks.protocol import Benchmark
from arbiter_training.benchmarks.result import NAMED, PARTIAL, Competitors, scoreboard
from arbiter_training.benchmarks.rounds import JudgedTraffic, Round, judged_traffic
from arbiter_training.benchmarks.scoreboard import Scoreboard
from arbiter_training.benchmarks.trace import worths_of_a_dollar
from arbiter_training.benchmarks.views import Views
from arbiter_training.simulate import EpsilonGreedy, simulate_log
from arbiter_training.traffic import OutcomeMatrix
from arbiter_training.traffic.prompt_text import query_text

FloatArray = NDArray[np.float64]
Say = Callable[[str], None]
Rival = Callable[[Stream], NDArray[np.int64]]

ONLINE_BUDGETS = 7
"""Budgets to which ParetoBandit is paced where the benchmark names none: from the cheapest to the dearest model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundNote:
    """What happened in one round, for tracking.

    Attributes
    ----------
    name : of the round.
    n_train, n_test : requests.
    chosen : competitor to what its cross-validation chose.
    seconds : competitor to seconds of learning and predicting.
    """

    name: str
    n_train: int
    n_test: int
    chosen: dict[str, dict[str, object]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult:
    """What a benchmark found.

    Attributes
    ----------
    benchmark : the protocol.
    board : the table.
    rounds : notes, one per round.
    fingerprint : of the traffic.
    n_requests, models : its size.
    """

    benchmark: Benchmark
    board: Scoreboard
    rounds: tuple[RoundNote, ...]
    fingerprint: str
    n_requests: int
    models: tuple[str, ...]


def run_benchmark(benchmark: Benchmark, folder: Path, base: Router, cache: Path, say: Say) -> BenchmarkResult:
    """Run every round of a benchmark on one thread.

    Parameters
    ----------
    benchmark : the protocol.
    folder : of the data.
    base : gives features and gatekeeper.
    cache : keeps the MiniLM's vectors between runs.
    say : told what goes on.

    Raises
    ------
    TrafficError, InvalidInputError, MissingExtraError
        If data or a needed library are missing.
    """
    with threadpool_limits(limits=1):
        traffic = judged_traffic(benchmark, folder)
        say(f"{benchmark.name}: {traffic.outcomes.n} requests, {len(traffic.outcomes.models)} models; reading them")
        runner = _Runner(benchmark, traffic, Views(benchmark, traffic, base, cache), say)
        notes = tuple(runner.round(round_) for round_ in traffic.rounds)
        say("intervals")
        board = scoreboard(benchmark, traffic, runner.competitors)
    return BenchmarkResult(
        benchmark=benchmark,
        board=board,
        rounds=notes,
        fingerprint=traffic.fingerprint,
        n_requests=traffic.outcomes.n,
        models=traffic.outcomes.models,
    )


class _Runner:
    """Runs rounds, and gathers what every competitor chose."""

    def __init__(self, benchmark: Benchmark, traffic: JudgedTraffic, views: Views, say: Say) -> None:
        self._benchmark, self._traffic, self._views, self._say = benchmark, traffic, views, say
        self.competitors = Competitors(traffic.outcomes)

    def round(self, round_: Round) -> RoundNote:
        note = RoundNote(name=round_.name, n_train=len(round_.train), n_test=len(round_.test))
        outcomes = self._traffic.outcomes.subset(round_.train)
        worths = worths_of_a_dollar(float(outcomes.cost_usd.mean(axis=0).max()))
        self.competitors.add_single(round_.test, outcomes)
        catalog, expected_cost = self._money(outcomes, round_)
        for name, encoder, predictor in self._roster(catalog):
            lesson = self._lesson(outcomes, round_, encoder, expected_cost)
            self._predict(name, predictor, lesson, (round_, worths, note))
        for i in range(self._benchmark.partial_logs):
            log = simulate_log(outcomes, EpsilonGreedy(epsilon=self._benchmark.exploration), 100 * round_.seed + i)
            log_catalog, log_cost = self._money(log, round_)
            encoder = self._benchmark.encoders[0]
            lesson = self._lesson(log, round_, encoder, log_cost)
            self._predict(f"arbiter, {encoder}{PARTIAL}", Shipped(catalog=log_catalog), lesson, (round_, worths, note))
        self._online(catalog, round_, note)
        return note

    def _roster(self, catalog: Catalog) -> list[tuple[str, str, Predictor]]:
        rivals = self._benchmark.rivals_encoder
        roster: list[tuple[str, str, Predictor]] = [("fixed models by mean", "static", constants)]
        if self._traffic.tasks is not None:
            roster.append(("per-task best", "static", per_task))
        for name, predictor in (("kNN 40", nearest), ("logistic", logistic), ("boosting", boosting)):
            roster.append((f"{name}, {rivals}", rivals, predictor))
        roster += [(f"arbiter, {e}", e, Shipped(catalog=catalog)) for e in self._benchmark.encoders]
        if self._traffic.tasks is not None:
            first = self._benchmark.encoders[0]
            roster.append((f"arbiter, {first}{NAMED}", first, Shipped(catalog=catalog, named=True)))
        return roster

    def _money(self, outcomes: OutcomeMatrix, round_: Round) -> tuple[Catalog, FloatArray]:
        train, test = self._views.batch.take(round_.train), self._views.batch.take(round_.test)
        catalog = catalog_of(outcomes, train.input_tokens.astype(np.float64), self._benchmark.prices)
        return catalog, predicted_costs(outcomes, train, test, catalog)

    def _lesson(self, outcomes: OutcomeMatrix, round_: Round, encoder: str, expected_cost: FloatArray) -> Lesson:
        train, test = self._views.parts(encoder, round_)
        return Lesson(
            outcomes=outcomes,
            train=train,
            test=test,
            expected_cost=expected_cost,
            groups=np.unique(self._traffic.groups[round_.train], return_inverse=True)[1],
            seed=round_.seed,
        )

    def _predict(
        self, name: str, predictor: Predictor, lesson: Lesson, where: tuple[Round, FloatArray, RoundNote]
    ) -> None:
        round_, worths, note = where
        started = time.perf_counter()
        predicted = predictor(lesson)
        note.seconds[name] = round(note.seconds.get(name, 0.0) + time.perf_counter() - started, 2)
        self._say(f"  {round_.name}: {name} ({note.seconds[name]:.1f} s)")
        self.competitors.add_predictions(name, round_.test, (predicted, lesson.expected_cost), worths)
        if isinstance(predictor, Shipped):
            note.chosen[name] = predictor.chosen

    def _online(self, catalog: Catalog, round_: Round, note: RoundNote) -> None:
        outcomes, minilm = self._traffic.outcomes, self._views.minilm
        means = outcomes.cost_usd[round_.train].mean(axis=0)
        between = np.geomspace(means.min(), means.max(), ONLINE_BUDGETS)
        stream = Stream(
            outcomes=outcomes,
            texts=tuple(query_text(query) for query in outcomes.queries),
            round=round_,
            catalog=catalog,
            budgets_usd=self._benchmark.budgets_usd or tuple(between.tolist()),
        )
        rivals: dict[str, Rival] = {"litellm complexity": litellm_complexity, "litellm adaptive": litellm_adaptive}
        if minilm is not None:
            rivals["ParetoBandit 0.1.1"] = partial(paretobandit, minilm)
        for name, rival in rivals.items():
            started = time.perf_counter()
            self.competitors.add_choices(name, round_.test, rival(stream))
            note.seconds[name] = round(time.perf_counter() - started, 2)
            self._say(f"  {round_.name}: {name} ({note.seconds[name]:.1f} s)")
