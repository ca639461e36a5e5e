"""What exploration would make knowable what a log cannot tell, as a router's estimates see it."""

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import ExplorationGoal, ExplorationPlan, Forecast, plan_exploration
from arbiter.router import Router
from arbiter.vocabulary import Objective
from arbiter_training.evaluation.routers import aligned
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]

TIE_WIDTH = 0.02
"""Utility within which candidates count as tied: the loss that a verdict tolerates."""

WIDER = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Widths that are tried, the narrowest first, until the baseline lies among the ties."""

UNKNOWN_DAILY = 1000.0
"""Requests a day where the log has no timestamps and the user names no number."""


def ways_out(
    router: Router, outcomes: OutcomeMatrix, requests_per_day: float | None, baseline: str | None = None
) -> tuple[str, ...]:
    """Say what to randomise, for how many days and dollars, a sentence per question.

    Parameters
    ----------
    router : which serves; its estimates stand in for what is not known.
    outcomes : the log, as a sample of the traffic.
    requests_per_day : None takes it from the timestamps.
    baseline : the constant model that the router is held against; None asks for near-ties alone.

    Returns
    -------
    sentences : the cheap plan, which tells the router from its near-ties; then, where there is a baseline, the one
        that also tells the baseline, by the narrowest ties that hold it.
    """
    forecast = _forecast(router, outcomes)
    daily = requests_per_day or _daily(outcomes)
    goal = ExplorationGoal(requests_per_day=daily)
    near = plan_exploration(forecast, TIE_WIDTH, goal)
    said = [f"What would make it knowable, at {daily:,.0f} requests a day: {near.sentence()}."]
    columns = aligned(np.ones(len(router.catalog.names)), router.catalog.names, outcomes.models) > 0.0
    if baseline is not None and columns[outcomes.models.index(baseline)]:
        target = np.tile(np.eye(len(router.catalog))[router.catalog.position(baseline)], (outcomes.n, 1))
        plan = _narrowest(forecast, goal, target)
        said.append(f"To tell the router from {baseline} on all requests: {plan.sentence()}.")
    return tuple(said)


def _forecast(router: Router, outcomes: OutcomeMatrix) -> Forecast:
    outlook = router.outlook(outcomes.queries)
    weighed = outlook.expectation.weighed(router.settings.weights(Objective.LEARNED))
    eligible = router.eligible(outlook)
    return Forecast(
        utility=np.where(eligible, weighed.utility, -np.inf), quality=weighed.quality, cost_usd=weighed.cost_usd
    )


def _narrowest(forecast: Forecast, goal: ExplorationGoal, target: FloatArray) -> ExplorationPlan:
    plans = (plan_exploration(forecast, width, goal, target) for width in WIDER)
    last = next(plans)
    for plan in plans:
        if last.reached:
            return last
        last = plan
    return last


def _daily(outcomes: OutcomeMatrix) -> float:
    times = outcomes.timestamps[~np.isnat(outcomes.timestamps)]
    days = (times.max() - times.min()) / np.timedelta64(1, "D") if times.size > 1 else 0.0
    return float(times.size / days) if days > 0 else UNKNOWN_DAILY
