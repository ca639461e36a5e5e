"""What routing returns against the best single model."""

from collections.abc import Sequence
from dataclasses import dataclass

from arbiter.planning.dated_prices import dated_requests, requests_over_plan
from arbiter.planning.history import RoutingTrial
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.techniques import TECHNIQUES
from arbiter.planning.use_case import PlanSpec, UseCase
from arbiter.vocabulary import CostTechnique


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingReturn:
    """Return on investment of a router on one use case.

    Attributes
    ----------
    use_case, policy, single : the router, and the single model of the greatest utility.
    beats_all : whether it is better than every single model on the traffic, beyond chance.
    saved_usd : over the plan, at equal requests; below 0 it costs more.
    quality_change : of its answers, in points.
    effort_usd : to put it in place: the effort of tiered routing.
    """

    use_case: str
    policy: str
    single: str
    beats_all: bool
    saved_usd: float
    quality_change: float
    effort_usd: float

    @property
    def roi(self) -> float:
        """(saved - effort) / effort; infinite where there is no effort and something is saved."""
        if self.effort_usd == 0.0:
            return float("inf") if self.saved_usd > 0 else 0.0
        return (self.saved_usd - self.effort_usd) / self.effort_usd


def routing_return(
    case: UseCase, trial: RoutingTrial | None, expected: Sequence[ModelOutlook], spec: PlanSpec
) -> RoutingReturn | None:
    """Give what a router that was tried returns over the plan, at its prices; None where none was.

    Parameters
    ----------
    case, trial : the use case, and the router's choices on its traffic.
    expected : outlooks, by whose tokens new prices are weighed; a model that they lack keeps its price.
    spec : months, price changes and the price of an engineer's day.
    """
    if trial is None:
        return None
    requests = requests_over_plan(case, spec)
    dated = {outlook.candidate.name: dated_requests(case, outlook, spec) for outlook in expected}
    routed = sum(dated.get(model, requests) * share * trial.mean_cost_of(model) for model, share in trial.share.items())
    return RoutingReturn(
        use_case=case.name,
        policy=trial.policy,
        single=trial.single,
        beats_all=trial.beats_all,
        saved_usd=dated.get(trial.single, requests) * trial.single_cost_usd - routed,
        quality_change=trial.quality - trial.single_quality,
        effort_usd=TECHNIQUES[CostTechnique.TIERED_ROUTING].days * spec.assumptions.engineer_day_usd,
    )
