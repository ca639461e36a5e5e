"""From the choices of all competitors to the table."""

import numpy as np
from numpy.typing import NDArray

from arbiter_training.benchmarks.figures import Arena, Figure
from arbiter_training.benchmarks.protocol import Benchmark
from arbiter_training.benchmarks.rounds import JudgedTraffic
from arbiter_training.benchmarks.scoreboard import Line, Pair, Scoreboard, line_of, ratio
from arbiter_training.benchmarks.trace import TraceBuilder
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PARTIAL = ", partial log"
NAMED = ", tasks named in training"
SINGLE = "best single"


class Competitors:
    """What every competitor chose in the rounds so far.

    Parameters
    ----------
    outcomes : all requests, full information.
    """

    def __init__(self, outcomes: OutcomeMatrix) -> None:
        self._outcomes = outcomes
        self._builders: dict[str, TraceBuilder] = {}
        self._win_rates: dict[str, FloatArray] = {}
        self.tested = np.zeros(outcomes.n, dtype=np.bool_)
        self.single = TraceBuilder(SINGLE, outcomes.quality, outcomes.cost_usd)
        order = np.argsort(outcomes.quality.mean(axis=0))
        self.weak, self.strong = int(order[0]), int(order[-1])

    @property
    def builders(self) -> dict[str, TraceBuilder]:
        """Name to curve in the making, in the order of first appearance."""
        return self._builders

    @property
    def win_rates(self) -> dict[str, FloatArray]:
        """Name to the (n,) summed predicted lead of the better of two models; empty for more than two."""
        return self._win_rates

    def add_single(self, rows: IntArray, train: OutcomeMatrix) -> None:
        """Add the best single model of a round's training rows; called once a round."""
        self.tested[rows] = True
        best = int(np.argmax(train.quality.mean(axis=0)))
        self.single.add_choices(rows, np.full((1, len(rows)), best))

    def add_predictions(
        self, name: str, rows: IntArray, predicted: tuple[FloatArray, FloatArray], worths: FloatArray
    ) -> None:
        """Add a round of predicted (quality, cost), (n_test, K) each, routed at the worths of a dollar."""
        quality, cost = predicted
        self._builder(name).add_predictions(rows, quality, cost, worths)
        if quality.shape[1] == 2:
            lead = self._win_rates.setdefault(name, np.zeros(self._outcomes.n))
            lead[rows] += quality[:, self.strong] - quality[:, self.weak]

    def add_choices(self, name: str, rows: IntArray, actions: IntArray) -> None:
        """Add a round of choices, (settings, n_test)."""
        self._builder(name).add_choices(rows, actions)

    def _builder(self, name: str) -> TraceBuilder:
        fresh = TraceBuilder(name, self._outcomes.quality, self._outcomes.cost_usd)
        return self._builders.setdefault(name, fresh)


def scoreboard(benchmark: Benchmark, traffic: JudgedTraffic, competitors: Competitors) -> Scoreboard:
    """Measure all competitors on the tested requests."""
    tested = np.flatnonzero(competitors.tested)
    outcomes, groups = traffic.outcomes, traffic.groups[tested]
    single = competitors.single.build(tested)
    arena = Arena(outcomes.quality[tested], outcomes.cost_usd[tested], single, groups)
    traces = {name: builder.build(tested) for name, builder in competitors.builders.items()}
    lines = [_random(arena), line_of(arena, single, benchmark.budgets_usd), _hull(arena, benchmark)]
    lines += [line_of(arena, trace, benchmark.budgets_usd) for trace in traces.values()]
    measured = {
        "gain over best single": {name: arena.gains(trace) for name, trace in traces.items()},
        "AIQ less random's": {name: arena.aiq_over_random(trace) for name, trace in traces.items()},
        "AIQ less fixed models'": {name: arena.aiq_over_fixed(trace) for name, trace in traces.items()},
    }
    if competitors.win_rates:
        weak, strong = (outcomes.quality[tested, k] for k in (competitors.weak, competitors.strong))
        pair, scores = Pair(weak, strong, groups), {n: s[tested] for n, s in competitors.win_rates.items()}
        lines = [_with_pair(line, pair, scores.get(line.name)) for line in lines]
        measured["APGR - 0.5"] = {name: _less(pair.apgr(score), 0.5) for name, score in scores.items()}
    columns = tuple(dict.fromkeys(column for line in reversed(lines) for column in line.figures))
    ratios = _ratios(benchmark, measured)
    return Scoreboard(columns=columns, lines=tuple(lines), ratios=ratios, notes=_notes(benchmark, traffic, arena))


Measured = dict[str, tuple[float, FloatArray]]


def _ratios(benchmark: Benchmark, measured: dict[str, Measured]) -> dict[str, Figure]:
    """Give what the cheaper encoders keep of the MiniLM's figures, and a partial log of the whole one's."""
    found: dict[str, Figure] = {}
    cheaper = [encoder for encoder in benchmark.encoders if encoder != "minilm" and "minilm" in benchmark.encoders]
    for what, values in measured.items():
        for encoder in cheaper:
            mine, theirs = values[f"arbiter, {encoder}"], values["arbiter, minilm"]
            found[f"{encoder} keeps of the MiniLM's {what}"] = ratio(mine, theirs)
        for name in values:
            if name.endswith(PARTIAL):
                found[f"{name}, keeps of {what}"] = ratio(values[name], values[name.removesuffix(PARTIAL)])
    return found


def _with_pair(line: Line, pair: Pair, score: FloatArray | None) -> Line:
    return line if score is None else Line(name=line.name, figures={**pair.figures(score), **line.figures})


def _less(measured: tuple[float, FloatArray], amount: float) -> tuple[float, FloatArray]:
    return measured[0] - amount, measured[1] - amount


def _random(arena: Arena) -> Line:
    value = float(arena.quality.mean())
    nothing = Figure(value=value, low=float("nan"), high=float("nan"))
    return Line(name="random", figures={"AIQ": nothing})


def _hull(arena: Arena, benchmark: Benchmark) -> Line:
    exact = {f"${b:.2g}": arena.fixed_hull(b) for b in benchmark.budgets_usd}
    figures = {name: Figure(value=v, low=float("nan"), high=float("nan")) for name, v in exact.items()}
    return Line(name="fixed-model hull, hindsight", figures={**figures, "AIQ": arena.aiq(arena.fixed)})


def _notes(benchmark: Benchmark, traffic: JudgedTraffic, arena: Arena) -> tuple[str, ...]:
    tested, seeds = len(arena.quality), ", ".join(str(seed) for seed in benchmark.seeds)
    split = (
        f"trained on {benchmark.train} less {traffic.left_out} near-duplicates of test rows, tested on {benchmark.test}"
        if benchmark.test
        else f"{benchmark.folds} folds of {benchmark.train} by near-duplicate group"
    )
    return (
        f"{split}; seeds {seeds}; {tested} requests tested; models from ${arena.low:.3g} to ${arena.high:.3g}",
        "95 % intervals: paired bootstrap over groups of requests, given the fitted routers; the mean of the seeds.",
        "At a budget: the setting is found by cost alone, and mixed with the next to spend it; quality is not seen.",
        f"Partial log: one model per request, {benchmark.exploration:.0%} uniform, the others to the best single one.",
        "ParetoBandit and litellm's adaptive router learn online, from one outcome per request, on through the test.",
    )
