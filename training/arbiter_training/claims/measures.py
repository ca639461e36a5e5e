"""What is measured on the traces, one function per claim."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import nondecreasing_hull
from arbiter.policies import GreedyPolicy
from arbiter_training.claims.figures import Finding, Target
from arbiter_training.claims.grounds import Ground, Traces
from arbiter_training.simulator.compare import SERVED, STATIC, Spread
from arbiter_training.simulator.course import Course
from arbiter_training.simulator.scenario import QualityChange, Scenario
from arbiter_training.simulator.stream import Trace

FloatArray = NDArray[np.float64]

SETTLED_AFTER = 50
"""Requests after a price change from which spending has to be back."""

FOUND_AFTER = 150
"""Requests after a model was added from which it has to have its share."""

Part = Callable[[Trace], slice]
"""Gives the part of a stream that is looked at."""

FIXED = "best fixed model, hindsight"


def since(at: float, after: int = 0) -> Part:
    """Give the part from so many requests after what happens at this part of a stream, however long it is."""
    return lambda trace: slice(round(at * len(trace.drawn)) + after, None)


WHOLE = since(0.0)


def over_seeds(traces: Traces, measure: Callable[[Trace, int], float]) -> dict[str, Spread]:
    """Give a measure of (trace, seed) for every policy, over the seeds."""
    return {name: Spread.of(np.array([measure(t, s) for s, t in enumerate(found)])) for name, found in traces.items()}


def finding(ground: Ground, claim: str, what: str, spreads: dict[str, Spread], target: Target | None = None) -> Finding:
    """Give arbiter's figure with the others' beside it."""
    others = {name: spread for name, spread in spreads.items() if name != SERVED}
    return Finding(ground=ground.name, claim=claim, what=what, found=spreads[SERVED], target=target, others=others)


def utility(ground: Ground, trace: Trace, seed: int) -> FloatArray:
    """Give the (n,) utilities of a trace: quality less the price of money."""
    return trace.quality - ground.of(seed).worth * trace.cost_usd


def gains(ground: Ground, traces: Traces) -> dict[str, Spread]:
    """Give everybody's mean utility less the offline policy's on the same stream."""

    def gain(trace: Trace, seed: int) -> float:
        static = traces[STATIC][seed]
        return float((utility(ground, trace, seed) - utility(ground, static, seed)).mean())

    return over_seeds(with_fixed(ground, traces), gain)


def with_fixed(ground: Ground, traces: Traces) -> Traces:
    """Add the model of the greatest utility, known only afterwards, as one that answers everything."""
    fixed = []
    for seed, trace in enumerate(traces[STATIC]):
        means = (trace.true_quality - ground.of(seed).worth * trace.true_cost_usd).mean(axis=0)
        one = np.eye(len(means))[int(means.argmax())]
        fixed.append(replace(trace, shares=np.tile(one, (len(trace.drawn), 1))))
    return {**traces, FIXED: fixed}


def recoveries(ground: Ground, traces: Traces, well: list[Trace]) -> dict[str, Spread]:
    """Give the part of the offline policy's loss in the last third that everybody has made up for; NaN without one.

    Parameters
    ----------
    ground : traffic.
    traces : with the loss.
    well : the offline policy on the same seeds where it does not suffer from it.
    """

    def late(trace: Trace, seed: int) -> float:
        found = utility(ground, trace, seed)
        return float(found[2 * len(found) // 3 :].mean())

    def recovered(trace: Trace, seed: int) -> float:
        lost = late(traces[STATIC][seed], seed)
        loss = late(well[seed], seed) - lost
        return (late(trace, seed) - lost) / loss if loss else float("nan")

    return over_seeds(with_fixed(ground, traces), recovered)


def informed(ground: Ground, scenario: Scenario, seeds: int) -> list[Trace]:
    """Give what the offline policy would do if it were told of quality changes: the most that can be recovered."""
    return [_informed(ground, scenario, seed) for seed in range(seeds)]


def _informed(ground: Ground, scenario: Scenario, seed: int) -> Trace:
    player = ground.of(seed).player
    course = Course.of(player.truth, player.scored_from, scenario, seed)
    router = replace(player.router, policy=GreedyPolicy())
    outlook = player.outlook.take(course.order, [player.truth.queries[i] for i in course.order.tolist()])
    quality = outlook.expectation.quality.copy()
    for change in scenario.quality:
        _told(quality, change, router.catalog.position(change.model))
    told = replace(outlook, expectation=replace(outlook.expectation, quality=quality))
    places = [router.catalog.position(model) for model in player.truth.models]
    shares = router.action_probabilities(told)[:, places]
    return Trace(
        shares=shares,
        drawn=shares.argmax(axis=1),
        bandit_share=np.zeros(course.n),
        true_quality=course.quality,
        true_cost_usd=course.cost_usd,
    )


def _told(quality: FloatArray, change: QualityChange, k: int) -> None:
    quality[round(change.at * len(quality)) :, k] *= change.factor


def spends(traces: Traces, budget_usd: float, part: Part = WHOLE) -> dict[str, Spread]:
    """Give everybody's mean cost over a part of the streams, as a multiple of the budget."""
    return over_seeds(traces, lambda trace, seed: float(trace.cost_usd[part(trace)].mean()) / budget_usd)


def over_hull(traces: Traces, budget_usd: float) -> dict[str, Spread]:
    """Give quality less that of the best mixture of fixed models, known afterwards, for the same money.

    The money is the budget, or what was spent where that was more.
    """

    def gap(trace: Trace, seed: int) -> float:
        hull = nondecreasing_hull(trace.true_cost_usd.mean(axis=0), trace.true_quality.mean(axis=0))
        money = max(budget_usd, float(trace.cost_usd.mean()), float(trace.true_cost_usd.mean(axis=0).min()))
        return float(trace.quality.mean()) - float(hull.quality_at(money))

    return over_seeds(traces, gap)


def ahead_of(traces: Traces, rival: str) -> Spread:
    """Give arbiter's mean quality less a rival's on the same streams."""
    pairs = zip(traces[SERVED], traces[rival], strict=True)
    return Spread.of(np.array([mine.quality.mean() - theirs.quality.mean() for mine, theirs in pairs]))


def losses(ground: Ground, traces: Traces, never: list[Trace], part: Part) -> dict[str, Spread]:
    """Give, over a part of the streams, the offline policy's utility where nobody was added, less everybody's."""

    def loss(trace: Trace, seed: int) -> float:
        without = utility(ground, never[seed], seed)
        return float((without - utility(ground, trace, seed))[part(trace)].mean())

    return over_seeds(traces, loss)


def holdings(traces: Traces, always: list[Trace], k: int, part: Part) -> dict[str, Spread]:
    """Give a model's share, over a part of the streams, as a multiple of what the offline policy gives it.

    Parameters
    ----------
    traces : in which it was added.
    always : the offline policy on the same seeds, which knew it from the start.
    k, part : model, and the part of the streams.
    """

    def held(trace: Trace, seed: int) -> float:
        seen = part(trace)
        return float(trace.shares[seen, k].mean() / always[seed].shares[seen, k].mean())

    return over_seeds(traces, held)
