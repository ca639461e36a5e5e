"""The traffic on which claims are measured: rows to learn from, and streams of other rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from arbiter.catalog import catalog_for_log
from arbiter.policies import GreedyPolicy
from arbiter.router import Router
from arbiter_training.learn import LearnOptions, learn_router
from arbiter_training.simulator.compare import Contest, Say, play_all
from arbiter_training.simulator.roster import RIVALS, rivals_of
from arbiter_training.simulator.scenario import Scenario
from arbiter_training.simulator.stream import Player, Trace
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.traffic import OutcomeMatrix, pivot, read_traffic
from arbiter_training.traffic.demo_data import SECOND_FILE, demo_folder, read_pareto_file
from arbiter_training.traffic.near_duplicates import near_duplicate_groups
from arbiter_training.traffic.prompt_text import query_text

THREE, FOUR = "paretobandit_val_k3.parquet", "paretobandit_val_k4.parquet"
"""Three models: learned from this file, streams from the wheel's second one, and the other way round. Four: from one
half of this file, streams from the other, and the other way round."""

TRAFFICS = ("K=3", "K=4")

Traces = dict[str, list[Trace]]
"""Policy to its traces, one per seed."""

Halves = list[tuple[OutcomeMatrix, OutcomeMatrix]]
"""Rows to learn from, and rows of the streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One traffic, both ways round.

    Attributes
    ----------
    name : for people.
    contests : one per way; seed s plays way s modulo their number.
    main, worst : models of the greatest and the least mean utility on the rows that were learned from.
    dearest : model of the greatest mean cost there.
    """

    name: str
    contests: tuple[Contest, ...]
    main: str
    worst: str
    dearest: str
    _played: dict[tuple[Scenario, int], Traces] = field(default_factory=dict, repr=False, compare=False)

    def of(self, seed: int) -> Contest:
        """Give the contest of a seed."""
        return self.contests[seed % len(self.contests)]

    def play(self, scenario: Scenario, seeds: int, say: Say) -> Traces:
        """Play a scenario with everybody, or remember it; traces in the order of the seeds."""
        key, ways = (scenario, seeds), len(self.contests)
        if key not in self._played:
            parts = [
                play_all(c, scenario, range(w, seeds, ways), say) for w, c in enumerate(self.contests) if w < seeds
            ]
            self._played[key] = {n: [parts[s % ways][n][s // ways] for s in range(seeds)] for n in parts[0]}
        return self._played[key]

    def offline(self, scenario: Scenario, seeds: int) -> list[Trace]:
        """Play a scenario with the offline policy alone."""
        return [self.of(seed).player.play(scenario, seed, GreedyPolicy()) for seed in range(seeds)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Folders.

    Attributes
    ----------
    data : of ``THREE`` and ``FOUR``.
    cache : keeps the MiniLM's vectors; empty keeps none.
    scratch : for files that rivals read.
    """

    data: Path
    cache: str
    scratch: Path


def grounds(names: tuple[str, ...], base: Router, paths: Paths, say: Say) -> Iterator[Ground]:
    """Read, split, learn.

    Parameters
    ----------
    names : out of ``TRAFFICS``.
    base : gives features and gatekeeper.
    paths : where things lie.
    say : told what goes on.

    Raises
    ------
    TrafficError, MissingExtraError
        If data or a rival's packages are missing.
    """
    readers = dict(zip(TRAFFICS, (_three, _four), strict=True))
    for name in names:
        yield ground(name, readers[name](paths.data), base, paths, say)


def _three(folder: Path) -> Halves:
    first = pivot(read_traffic(folder / THREE))
    second = pivot(read_pareto_file(demo_folder() / SECOND_FILE, "test"))
    return [(first, second), (second, first)]


def _four(folder: Path) -> Halves:
    four = pivot(read_traffic(folder / FOUR))
    half = fold_numbers(groups_of(four), 2, 0)
    a, b = (four.subset(np.flatnonzero(half == k)) for k in (0, 1))
    return [(a, b), (b, a)]


def ground(name: str, pairs: Halves, base: Router, paths: Paths, say: Say) -> Ground:
    """Learn a router on the first of each pair, and make rivals ready for streams of the second."""
    players = []
    for rows, truth in pairs:
        known = without_twins(rows, truth)
        say(f"{name}: learning from {known.n} requests, streams of {truth.n}")
        learned = learn_router(known, catalog_for_log(known.models), base, LearnOptions(risk_floor=False))
        players.append(Player(learned.router, truth, known))
    return _ground(name, players, paths)


def _ground(name: str, players: Sequence[Player], paths: Paths) -> Ground:
    contests: list[Contest] = []
    utilities, costs = [], []
    for player in players:
        folder = paths.scratch / f"{name}-{len(contests)}"
        folder.mkdir()
        contest = Contest(player=player, rivals=rivals_of(RIVALS, player, paths.cache, folder), alone=False)
        contests.append(contest)
        costs.append(player.scored_from.cost_usd.mean(axis=0))
        utilities.append(player.scored_from.quality.mean(axis=0) - contest.worth * costs[-1])
    models, utility = players[0].truth.models, np.mean(utilities, axis=0)
    return Ground(
        name=name,
        contests=tuple(contests),
        main=models[int(utility.argmax())],
        worst=models[int(utility.argmin())],
        dearest=models[int(np.mean(costs, axis=0).argmax())],
    )


def without_twins(known: OutcomeMatrix, truth: OutcomeMatrix) -> OutcomeMatrix:
    """Leave out the rows to learn from that nearly repeat one of the streams'."""
    texts: Sequence[str] = [query_text(query) for query in (*known.queries, *truth.queries)]
    groups = near_duplicate_groups(texts)
    return known.subset(np.flatnonzero(~np.isin(groups[: known.n], groups[known.n :])))
