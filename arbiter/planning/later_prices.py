"""Whether the choice of a use case still holds at the prices of the plan's last month."""

from collections.abc import Sequence
from dataclasses import replace

from arbiter.catalog import Catalog
from arbiter.planning.dated_prices import price_factor
from arbiter.planning.eligibility import standing
from arbiter.planning.months import plan_months
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.recommendation import Recommendation
from arbiter.planning.use_case import PlanSpec, UseCase


def later_choice(
    case: UseCase, made: Recommendation, expected: Sequence[ModelOutlook], spec: PlanSpec, catalog: Catalog
) -> list[str]:
    """Say which model would be chosen at the end, where that is another; nothing where no price changes.

    Parameters
    ----------
    case, made, expected : the use case, its recommendation, and the outlooks at today's prices.
    spec : price changes and months.
    catalog : the models.
    """
    if not spec.price_changes:
        return []
    last = plan_months(spec)[-1]
    later = [
        outlook
        if outlook.cost is None
        else replace(outlook, cost=outlook.cost.scaled(price_factor(outlook, last, spec.price_changes)))
        for outlook in expected
    ]
    found = standing(case, catalog, later, spec.start.isoformat())
    fit = found.keeping(tuple(relaxed.limit for relaxed in made.relaxed))
    if not fit:
        return [f"{case.name}: at the prices of {last.name} no model keeps every limit: plan again before"]
    if fit[0] == made.primary:
        return []
    return [
        f"{case.name}: at the prices of {last.name} {fit[0]} would be chosen before {made.primary}: plan again then"
    ]
