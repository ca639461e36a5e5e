"""`arbiter ensemble`."""

from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.asking import asks
from arbiter.cli.options import Bundle, Json, prompt_text, require_known
from arbiter.cli.output import show, show_json

if TYPE_CHECKING:
    from arbiter.ensembles import EnsemblePlan
    from arbiter.route_options import RouteOptions

AGGREGATION_HELP = "majority_vote, weighted_vote, best_of_n, concatenate, synthesize or first_valid."


@asks
def ensemble(
    asked: "RouteOptions",
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")],
    members: Annotated[int, typer.Option(help="How many are asked, at most seven.")] = 3,
    aggregation: Annotated[str, typer.Option(help=AGGREGATION_HELP)] = "majority_vote",
    bundle: Bundle = None,
    as_json: Json = False,
) -> None:
    """Plan an ensemble for one request: who is asked, at what cost, and whether it beats the best one alone."""
    from arbiter.ensembles import plan_ensemble, read_aggregation
    from arbiter.loading import load_router
    from arbiter.route_options import read_query

    how = read_aggregation(aggregation)
    if "strategy" not in asked:
        asked["strategy"] = f"ensemble_{'weighted' if how == 'weighted_vote' else 'voting'}"
    query, router = read_query(prompt_text(prompt), asked), load_router(bundle)
    require_known(asked, router.catalog)
    plan = plan_ensemble(router, query, how, members)
    if as_json:
        show_json(plan)
    else:
        show(_lines(plan))


def _lines(plan: "EnsemblePlan") -> list[str]:
    profile, single = plan.profile, plan.single_estimate
    width = max(len(member.model) for member in plan.members)
    lines = [
        f"{profile.task_type}: domain {profile.domain}, complexity {profile.complexity}, risk {profile.risk}",
        f"{plan.aggregation} of {len(plan.members)}, at least {plan.least_responses} answers, agreement "
        f"{plan.least_agreement:.0%}",
    ]
    for member in plan.members:
        e = member.estimate
        lines.append(
            f"  {member.model:<{width}}  weight {member.weight:.2f}  quality {e.quality:.2f}  "
            f"cost ${e.cost_usd:.3g}  latency {e.latency_s:.2g} s"
        )
    lines.append(f"together: {_quality(plan)}, cost ${plan.cost_usd:.3g}, latency {plan.latency_s:.2g} s")
    lines.append(
        f"alone:    {plan.single}, quality {single.quality:.2f}, cost ${single.cost_usd:.3g}, latency "
        f"{single.latency_s:.2g} s"
    )
    return [*lines, _verdict(plan)]


def _quality(plan: "EnsemblePlan") -> str:
    if plan.quality_if_alike is None or plan.quality_if_independent is None:
        return "quality unknown (a new answer is written)"
    return (
        f"quality {plan.quality_if_alike:.2f} if they fail on the same requests, "
        f"{plan.quality_if_independent:.2f} if independently"
    )


def _verdict(plan: "EnsemblePlan") -> str:
    if plan.gain_if_alike is None or plan.gain_if_independent is None:
        return "verdict: cannot be known before its answers are judged"
    if plan.gain_if_alike > 0:
        return f"verdict: worth its price, {plan.gain_if_alike:+.3f} quality points at least"
    if plan.gain_if_independent <= 0:
        return f"verdict: not worth its price, {plan.gain_if_independent:+.3f} quality points at best"
    return (
        f"verdict: open, {plan.gain_if_alike:+.3f} to {plan.gain_if_independent:+.3f} quality points against "
        f"{plan.single} alone"
    )
