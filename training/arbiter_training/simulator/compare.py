"""Several policies on the same simulated streams, held against each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.ope.distributions import student_t_quantile
from arbiter.policies import BanditPolicy, GateSettings, GreedyPolicy
from arbiter.policies.protocol import Policy
from arbiter.router import Router
from arbiter.strategies import STRATEGIES
from arbiter_training.simulator.course import Course
from arbiter_training.simulator.rivals import Rival, play
from arbiter_training.simulator.scenario import Scenario
from arbiter_training.simulator.stream import Player, Trace

FloatArray = NDArray[np.float64]
Say = Callable[[str], None]

CURVE_POINTS = 25
"""Places along a stream at which curves are drawn."""

PARTS = ("utility", "late_utility", "quality", "cost_usd", "gain", "late_gain")
"""What a policy comes to over all seeds, as :class:`Played` names it."""

CURVES = ("curve", "lead", "spent")
"""Fields of a policy that are followed along a stream."""

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
    lead : (points,) utility gained over the offline policy so far, added up.
    spent : (points,) mean cost of the requests so far, in dollars.
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
    lead: FloatArray
    spent: FloatArray
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
    bound : part of the requests on which constraints, such as the risk floor, leave out a candidate.
    rows : policies, then the best model in hindsight.
    idle : rivals that did not play, since the stream has a budget and they know none.
    """

    scenario: Scenario
    models: tuple[str, ...]
    requests: int
    seeds: int
    quality_per_usd: float
    bound: float
    rows: tuple[Played, ...]
    idle: tuple[str, ...] = ()

    def metrics(self) -> dict[str, float]:
        """Give one flat mapping of numbers, for a tracker."""
        return {f"{row.name}/{part}": getattr(row, part).value for row in self.rows for part in PARTS}

    def curves(self) -> list[dict[str, float]]:
        """Give the numbers at each point of the curves, for a tracker's steps."""
        found = []
        for i in range(len(self.rows[0].curve)):
            at = {f"{row.name}/along/{part}": getattr(row, part)[i] for row in self.rows for part in CURVES}
            served = self.rows[0]
            at |= {f"share of {model}": served.shares[i, k] for k, model in enumerate(self.models)}
            found.append({**at, "bandit's share": served.bandit_share[i]})
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Who plays on what.

    Attributes
    ----------
    player : the router, its traffic, and rows that are in no stream.
    rivals : other learners on the same streams.
    alone : whether the bandit also plays without the offline policy beside it.
    """

    player: Player
    rivals: tuple[Rival, ...] = ()
    alone: bool = True

    @property
    def worth(self) -> float:
        """Quality points that a dollar is worth to the router."""
        settings = self.player.router.settings
        return settings.weights(STRATEGIES[settings.strategy].objective).quality_per_usd


def simulate(contest: Contest, scenario: Scenario, seeds: Sequence[int], say: Say) -> Simulation:
    """Play a scenario with the router as it is, its offline policy alone, its bandit alone, and the rivals.

    Parameters
    ----------
    contest : who plays.
    scenario : what happens.
    seeds : one stream each, in an order of its own.
    say : told what goes on.
    """
    traces = play_all(contest, scenario, seeds, say)
    worth, truth = contest.worth, contest.player.truth
    static = [_utility(trace, worth) for trace in traces[STATIC]]
    rows = [_played(name, found, static, worth) for name, found in traces.items()]
    rows.append(_best_model(traces[STATIC], truth.models, static, worth))
    return Simulation(
        scenario=scenario,
        models=truth.models,
        requests=truth.n,
        seeds=len(seeds),
        quality_per_usd=worth,
        bound=float(1.0 - contest.player.router.eligible(contest.player.outlook).all(axis=1).mean()),
        rows=tuple(rows),
        idle=tuple(rival.name for rival in contest.rivals if rival.name not in traces),
    )


def play_all(contest: Contest, scenario: Scenario, seeds: Sequence[int], say: Say) -> dict[str, list[Trace]]:
    """Play a scenario with everybody; give each one's traces, a seed each.

    A rival that paces is given the scenario's budget or, where there is none, what the offline policy spends on these
    very streams.
    """
    player = contest.player
    traces: dict[str, list[Trace]] = {}
    for name, policy in _variants(player.router, contest.alone).items():
        traces[name] = [player.play(scenario, seed, policy) for seed in seeds]
        say(f"{scenario.name}: {name}, {len(seeds)} streams of {player.truth.n} requests")
    budget = scenario.budget_usd or float(np.mean([trace.cost_usd.mean() for trace in traces[STATIC]]))
    for rival in (r for r in contest.rivals if r.paces or scenario.budget_usd is None):
        traces[rival.name] = []
        for seed in seeds:
            course = Course.of(player.truth, player.scored_from, scenario, seed)
            traces[rival.name].append(play(rival, course, budget, seed, player.scored_from.quality))
        say(f"{scenario.name}: {rival.name}")
    return traces


def _variants(router: Router, alone: bool) -> Mapping[str, Policy]:
    policy = router.policy
    found: dict[str, Policy] = {SERVED: policy, STATIC: GreedyPolicy()}
    if alone and isinstance(policy, BanditPolicy):
        settings = replace(policy.settings, gate=replace(GateSettings.fixed(1.0), alarm=policy.settings.gate.alarm))
        found[ALONE] = BanditPolicy.fresh(len(router.catalog), router.context_map.dim, settings)
    return found


def _utility(trace: Trace, worth: float) -> FloatArray:
    return trace.quality - worth * trace.cost_usd


def _played(name: str, traces: list[Trace], static: list[FloatArray], worth: float) -> Played:
    utility = np.stack([_utility(trace, worth) for trace in traces])  # (seeds, n)
    late = 2 * utility.shape[1] // 3
    gain = utility - np.stack(static)
    cost = np.mean([trace.cost_usd for trace in traces], axis=0)  # (n,)
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
        lead=ends(np.cumsum(gain.mean(axis=0))),
        spent=ends(np.cumsum(cost) / np.arange(1, len(cost) + 1)),
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
    """Give the means of at most ``CURVE_POINTS`` equal parts of (n,) or (n, K) values."""
    parts = np.array_split(values, min(CURVE_POINTS, len(values)))
    return np.stack([part.mean(axis=0) for part in parts])


def ends(values: FloatArray) -> FloatArray:
    """Give the last of each of these parts of (n,) values."""
    return np.array([part[-1] for part in np.array_split(values, min(CURVE_POINTS, len(values)))])
