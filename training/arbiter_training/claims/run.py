"""The scenarios of the claims, played and measured."""

from collections.abc import Callable, Iterator

from arbiter_training.claims import measures
from arbiter_training.claims.figures import Finding, Target
from arbiter_training.claims.grounds import Ground
from arbiter_training.simulator.compare import Say
from arbiter_training.simulator.scenario import Newcomer, PriceChange, QualityChange, Scenario

BUDGETS_USD = (2.9e-5, 8.3e-5, 2.3e-4, 6.6e-4, 1.9e-3, 5.3e-3, 1.5e-2)
"""Those of ParetoBandit's paper, dollars per request."""

PRICED_USD = 6.6e-4
"""The budget under which prices change: its middle one, at which the choice is between all models."""

THIRD, HALFWAY = 1.0 / 3.0, 0.5
"""Where in a stream a model loses quality or comes on, and where prices change."""

PARETO = "ParetoBandit 0.1.1"
TOLD = "offline policy, told"

LOSSES = (("a quarter lost", 1.0, 0, 0.85), ("a quarter lost, a tenth judged, 200 later", 0.1, 200, 0.6))
"""Name, feedback rate, delay in requests, and the part of the loss that has to be made up."""

CLAIMS = ("stationary", "loss", "prices", "budgets", "newcomers")


def findings(ground: Ground, seeds: int, only: tuple[str, ...], say: Say) -> Iterator[Finding]:
    """Measure the claims that are asked for, one after the other."""
    every: dict[str, Callable[[Ground, int, Say], Iterator[Finding]]] = {
        "stationary": _stationary,
        "loss": _loss,
        "prices": _prices,
        "budgets": _budgets,
        "newcomers": _newcomers,
    }
    for claim in only:
        yield from every[claim](ground, seeds, say)


def _stationary(ground: Ground, seeds: int, say: Say) -> Iterator[Finding]:
    traces = ground.play(Scenario(), seeds, say)
    what = "utility a request, less the offline policy's"
    yield measures.finding(ground, "stationary", what, measures.gains(ground, traces), Target(least=-0.001))


def _loss(ground: Ground, seeds: int, say: Say) -> Iterator[Finding]:
    well = ground.offline(Scenario(), seeds)
    change = (QualityChange(model=ground.main, at=THIRD, factor=0.75),)
    for name, rate, delay, least in LOSSES:
        scenario = Scenario(name=name, feedback_rate=rate, delay=delay, quality=change)
        traces, told = ground.play(scenario, seeds, say), measures.informed(ground, scenario, seeds)
        what = f"part of the loss of {ground.main} made up in the last third"
        made_up = measures.recoveries(ground, {**traces, TOLD: told}, well)
        yield measures.finding(ground, name, what, made_up, Target(least=least))
        what = "the same, as a part of what the offline policy makes up when it is told of the loss"
        yield measures.finding(ground, name, what, measures.recoveries(ground, traces, told), Target(least=least))


def _prices(ground: Ground, seeds: int, say: Say) -> Iterator[Finding]:
    for name, model, factor in (("price x 10", ground.main, 10.0), ("price / 10", ground.dearest, 0.1)):
        change = (PriceChange(model=model, at=HALFWAY, factor=factor),)
        traces = ground.play(Scenario(name=name, budget_usd=PRICED_USD, prices=change), seeds, say)
        what = f"spent from 50 requests after {model} changed, of the budget of ${PRICED_USD:g}"
        spent = measures.spends(traces, PRICED_USD, measures.since(HALFWAY, measures.SETTLED_AFTER))
        yield measures.finding(ground, name, what, spent, Target(least=0.98, most=1.02))
        what = "quality less that of the fixed models' mixture for the money, over the stream"
        yield measures.finding(ground, name, what, measures.over_hull(traces, PRICED_USD))


def _budgets(ground: Ground, seeds: int, say: Say) -> Iterator[Finding]:
    for budget in BUDGETS_USD:
        name = f"${budget:g} a request"
        traces = ground.play(Scenario(name=name, budget_usd=budget), seeds, say)
        quality = measures.over_seeds(traces, lambda trace, seed: float(trace.quality.mean()))
        yield measures.finding(ground, name, "quality", quality)
        ahead = measures.ahead_of(traces, PARETO)
        yield Finding(
            ground=ground.name,
            claim=name,
            what=f"quality less {PARETO}'s",
            found=ahead,
            target=Target(least=0.0),
        )
        hull = measures.over_hull(traces, budget)
        yield measures.finding(ground, name, "quality less the fixed models' hull", hull, Target(least=0.0))
        yield measures.finding(ground, name, "spent, of the budget", measures.spends(traces, budget))


def _newcomers(ground: Ground, seeds: int, say: Say) -> Iterator[Finding]:
    for name, model in (("a new best model", ground.main), ("a new bad model", ground.worst)):
        traces = ground.play(Scenario(name=name, newcomer=Newcomer(model=model, at=THIRD)), seeds, say)
        never = ground.offline(Scenario(newcomer=Newcomer(model=model, at=1.0)), seeds)
        if model == ground.main:
            always, found = ground.offline(Scenario(), seeds), measures.since(THIRD, measures.FOUND_AFTER)
            k = ground.contests[0].player.truth.models.index(model)
            what = f"share of {model} after 150 requests, of what it has where the offline policy always knew it"
            held = measures.holdings(traces, always, k, found)
            yield measures.finding(ground, name, what, held, Target(least=0.9))
        what = f"utility a request that {model} costs from its coming on, against the offline policy without it"
        lost = measures.losses(ground, traces, never, measures.since(THIRD))
        yield measures.finding(ground, name, what, lost, Target(most=0.002))
