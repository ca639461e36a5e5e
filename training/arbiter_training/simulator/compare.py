"""Several policies on the same simulated streams, held against each other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.ope.distributions import student_t_quantile
from arbiter.policies import BanditPolicy, GateSettings, GreedyPolicy
from arbiter.router import Router
from arbiter.strategies import STRATEGIES
from arbiter_training.simulator.scenario import Scenario
from arbiter_training.simulator.stream import Player, Trace
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]
Say = Callable[[str], None]

CURVE_POINTS = 40
"""Places along a stream at which curves are drawn."""

SERVED, STATIC, ALONE = "as configured", "offline policy alone", "bandit alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A mean over seeds and its 95 % interval (Student's t); NaN ends where there is one seed."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: FloatArray) -> "Spread":
        """Give mean and interval of (seeds,) values."""
        mean = float(values.mean())
        if values.size < 2:
            return cls(value=mean, low=float("nan"), high=float("nan"))
        half = student_t_quantile(0.975, values.size - 1) * float(values.std(ddof=1)) / np.sqrt(values.size)
        return cls(value=mean, low=mean - half, high=mean + half)

    def text(self, digits: int = 4, sign: bool = False) -> str:
        """Say it, such as ``0.9137 [0.9130, 0.9144]``."""
        form = f"{{:{'+' if sign else ''}.{digits}f}}"
        ends = "" if np.isnan(self.low) else f" [{form.format(self.low)}, {form.format(self.high)}]"
        return form.format(self.value) + ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One policy over all seeds.

    Attributes
    ----------
    name : of the policy, or of a model that answers everything.
    utility, late_utility : quality less the price of money, over the stream and over its last third.
    quality, cost_usd : means over the stream.
    gain, late_gain : utility less that of the offline policy on the same streams, paired by seed.
    shares : (points, K) mean share of each model along the stream.
    curve : (points,) mean utility along the stream.
    bandit_share : (points,) part of the traffic that the bandit decided.
    """

    name: str
    utility: Spread
    late_utility: Spread
    quality: Spread
    cost_usd: Spread
    gain: Spread
    late_gain: Spread
    shares: FloatArray
    curve: FloatArray
    bandit_share: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A scenario, played.

    Attributes
    ----------
    scenario : what happened.
    models : K names, in the order of the shares.
    requests, seeds : length and number of the streams.
    quality_per_usd : what a dollar was worth.
    rows : policies, then the best model in hindsight.
    """

    scenario: Scenario
    models: tuple[str, ...]
    requests: int
    seeds: int
    quality_per_usd: float
    rows: tuple[Played, ...]

    def metrics(self) -> dict[str, float]:
        """Give one flat mapping of numbers, for a tracker."""
        named = {row.name.replace(" ", "_"): row for row in self.rows}
        parts = ("utility", "late_utility", "quality", "cost_usd", "gain", "late_gain")
        return {f"{name}/{part}": getattr(row, part).value for name, row in named.items() for part in parts}


def simulate(
    router: Router, truth: OutcomeMatrix, scored_from: OutcomeMatrix, scenario: Scenario, seeds: int, say: Say
) -> Simulation:
    """Play a scenario with the router as it is, with its offline policy alone, and with its bandit alone.

    Parameters
    ----------
    router : fitted on other rows than ``truth``.
    truth, scored_from : see :class:`arbiter_training.simulator.Player`.
    scenario : what happens.
    seeds : streams, each in an order of its own.
    say : told what goes on.
    """
    worth = router.settings.weights(STRATEGIES[router.settings.strategy].objective).quality_per_usd
    traces: dict[str, list[Trace]] = {}
    for name, policy_router in _variants(router).items():
        player = Player(policy_router, truth, scored_from)
        traces[name] = []
        for seed in range(seeds):
            traces[name].append(player.play(scenario, seed))
        say(f"{scenario.name}: {name}, {seeds} streams of {truth.n} requests")
    static = [_utility(trace, worth) for trace in traces[STATIC]]
    rows = [_played(name, found, static, worth) for name, found in traces.items()]
    rows.append(_best_model(traces[STATIC], truth.models, static, worth))
    return Simulation(
        scenario=scenario,
        models=truth.models,
        requests=truth.n,
        seeds=seeds,
        quality_per_usd=worth,
        rows=tuple(rows),
    )


def _variants(router: Router) -> Mapping[str, Router]:
    policy = router.policy
    found = {SERVED: router, STATIC: replace(router, policy=GreedyPolicy())}
    if isinstance(policy, BanditPolicy):
        settings = replace(policy.settings, gate=replace(GateSettings.fixed(1.0), alarm=policy.settings.gate.alarm))
        alone = BanditPolicy.fresh(len(router.catalog), router.context_map.dim, settings)
        found[ALONE] = replace(router, policy=alone)
    return found


def _utility(trace: Trace, worth: float) -> FloatArray:
    return trace.quality - worth * trace.cost_usd


def _played(name: str, traces: list[Trace], static: list[FloatArray], worth: float) -> Played:
    utility = np.stack([_utility(trace, worth) for trace in traces])  # (seeds, n)
    late = 2 * utility.shape[1] // 3
    gain = utility - np.stack(static)
    return Played(
        name=name,
        utility=Spread.of(utility.mean(axis=1)),
        late_utility=Spread.of(utility[:, late:].mean(axis=1)),
        quality=Spread.of(np.array([trace.quality.mean() for trace in traces])),
        cost_usd=Spread.of(np.array([trace.cost_usd.mean() for trace in traces])),
        gain=Spread.of(gain.mean(axis=1)),
        late_gain=Spread.of(gain[:, late:].mean(axis=1)),
        shares=along(np.mean([trace.shares for trace in traces], axis=0)),
        curve=along(utility.mean(axis=0)),
        bandit_share=along(np.mean([trace.bandit_share for trace in traces], axis=0)),
    )


def _best_model(traces: list[Trace], models: tuple[str, ...], static: list[FloatArray], worth: float) -> Played:
    """Give the model of the greatest utility over all streams, known only afterwards."""
    means = np.mean([(t.true_quality - worth * t.true_cost_usd).mean(axis=0) for t in traces], axis=0)
    best = int(np.argmax(means))
    one = np.zeros(len(models))
    one[best] = 1.0
    constant = [replace(t, shares=np.tile(one, (len(t.drawn), 1)), bandit_share=np.zeros(len(t.drawn))) for t in traces]
    return _played(f"always {models[best]}", constant, static, worth)


def along(values: FloatArray) -> FloatArray:
    """Give the means of at most forty equal parts of (n,) or (n, K) values."""
    parts = np.array_split(values, min(CURVE_POINTS, len(values)))
    return np.stack([part.mean(axis=0) for part in parts])
