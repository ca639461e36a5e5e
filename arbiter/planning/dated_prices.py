"""What a model costs in the months of a plan, where its price changes on a date."""

from collections.abc import Iterable

from arbiter.planning.months import Month, plan_months, requests_in
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.use_case import PlanSpec, PriceChange, UseCase
from arbiter.records import Candidate


def list_factor(
    candidate: Candidate, tokens: tuple[float, float], month: Month, changes: Iterable[PriceChange]
) -> float:
    """Give the mean list price of a month over today's, by days and weighed by tokens in and out."""
    own = sorted((c for c in changes if c.model == candidate.name), key=lambda c: c.start)
    today = tokens[0] * candidate.usd_per_mtok_in + tokens[1] * candidate.usd_per_mtok_out
    if not own or today == 0.0:
        return 1.0
    spans = [month.share_from(change.start) for change in own]
    price = today * (1.0 - spans[0])
    for change, span, later in zip(own, spans, [*spans[1:], 0.0], strict=True):
        price += (tokens[0] * change.usd_per_mtok_in + tokens[1] * change.usd_per_mtok_out) * (span - later)
    return price / today


def price_factor(outlook: ModelOutlook, month: Month, changes: Iterable[PriceChange]) -> float:
    """Give the same by the tokens of a use case; where none are known, input and output count alike."""
    tokens = (1.0, 1.0) if outlook.tokens is None else (outlook.tokens[0].mean, outlook.tokens[1].mean)
    return list_factor(outlook.candidate, tokens, month, changes)


def cost_over_plan(case: UseCase, outlook: ModelOutlook, spec: PlanSpec) -> float:
    """Give what all requests of a use case would cost with one model over the plan, in US dollars.

    Parameters
    ----------
    case : its volume.
    outlook : the model, its cost known.
    spec : months and price changes.
    """
    assert outlook.cost is not None, "a model without a cost is barred"
    return outlook.cost.mean_usd * dated_requests(case, outlook, spec)


def dated_requests(case: UseCase, outlook: ModelOutlook, spec: PlanSpec) -> float:
    """Give the requests of a use case over the plan, each counted as its price over today's."""
    return sum(
        requests_in(case.volume, month).mean * price_factor(outlook, month, spec.price_changes)
        for month in plan_months(spec)
    )


def requests_over_plan(case: UseCase, spec: PlanSpec) -> float:
    """Give the expected requests of a use case over the plan."""
    return sum(requests_in(case.volume, month).mean for month in plan_months(spec))
