"""What a plan will cost, with an 80 % band: by use case, model, vendor and month."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from arbiter.catalog import Catalog
from arbiter.planning.availability import reached_shares
from arbiter.planning.dated_prices import price_factor
from arbiter.planning.drift import PERIOD_DRIFT
from arbiter.planning.history import CaseHistory, FloatArray
from arbiter.planning.money import Money, apart, together
from arbiter.planning.months import Requests, plan_months, requests_in
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.recommendation import Recommendation
from arbiter.planning.request_cost import RequestCost, measured
from arbiter.planning.use_case import PlanSpec, UseCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a use case's requests that a model answers, and what they cost there."""

    model: str
    share: float
    cost: RequestCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one model costs on one use case in one month.

    Attributes
    ----------
    use_case, model, vendor, month : where; the month such as ``2027-01``.
    requests : expected.
    money : what they cost.
    """

    use_case: str
    model: str
    vendor: str
    month: str
    requests: float
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """All cells of a plan, and their sums."""

    cells: tuple[Cell, ...]

    def total(self) -> Money:
        """Give the sum of everything."""
        return _sum(self.cells)

    def by_use_case(self) -> dict[str, Money]:
        """Give the sum of each use case."""
        return self._by(lambda cell: cell.use_case)

    def by_model(self) -> dict[str, Money]:
        """Give the sum of each model."""
        return self._by(lambda cell: cell.model)

    def by_vendor(self) -> dict[str, Money]:
        """Give the sum of each vendor."""
        return self._by(lambda cell: cell.vendor)

    def by_month(self) -> dict[str, Money]:
        """Give the sum of each month."""
        return self._by(lambda cell: cell.month)

    def of(self, use_case: str) -> "Projection":
        """Give the projection of one use case."""
        return Projection(cells=tuple(cell for cell in self.cells if cell.use_case == use_case))

    def in_month(self, month: str) -> "Projection":
        """Give the projection of one month."""
        return Projection(cells=tuple(cell for cell in self.cells if cell.month == month))

    def requests(self) -> float:
        """Give the expected number of requests."""
        return sum(cell.requests for cell in self.cells)

    def _by(self, key: Callable[[Cell], str]) -> dict[str, Money]:
        groups: dict[str, list[Cell]] = {}
        for cell in self.cells:
            groups.setdefault(key(cell), []).append(cell)
        return {name: _sum(cells) for name, cells in groups.items()}


def _sum(cells: Iterable[Cell]) -> Money:
    """Sum cells: those of one use case share its errors, those of different use cases do not."""
    cases: dict[str, list[Money]] = {}
    for cell in cells:
        cases.setdefault(cell.use_case, []).append(cell.money)
    sums = [together(parts) for parts in cases.values()]
    return sums[0] if len(sums) == 1 else apart(sums)


def month_cost(requests: Requests, share: Share) -> Money:
    """Give what a share of a month's requests costs.

    A compound Poisson sum: with N requests expected and a cost of mean m and deviation s each, the mean is N m and the
    variance N (s^2 + m^2) (Ross, 2014, 5.4.2). Around it, the true volume and the true mean cost are not known: their
    log-normal errors, taken as independent, multiply the mean, which adds (N m)^2 (exp(v^2 + c^2) - 1) and is shared by
    all months and models of the use case.
    """
    number, cost = requests.mean * share.share, share.cost
    mean = number * cost.mean_usd
    relative = requests.log_sd**2 + cost.log_sd**2
    return Money(
        mean=mean,
        own_var=number * (cost.sd_usd**2 + cost.mean_usd**2),
        common_sd=mean * math.sqrt(math.expm1(relative)),
    )


def shares_of(
    made: Recommendation, expected: Sequence[ModelOutlook], history: CaseHistory, common_cause: float
) -> tuple[Share, ...]:
    """Give who answers which part of a use case: the chain by its availability, or a routing policy as it was tried."""
    if made.policy is not None and history.routing is not None:
        trial = history.routing
        return tuple(
            Share(model=model, share=share, cost=_chosen_cost(trial.cost_usd[model], trial.cost_weight[model]))
            for model, share in sorted(trial.share.items())
        )
    by_name = {outlook.candidate.name: outlook for outlook in expected}
    chain = [by_name[name] for name in made.chain]
    reached = reached_shares([outlook.candidate for outlook in chain], common_cause)
    return tuple(
        Share(model=outlook.candidate.name, share=share, cost=outlook.cost)
        for outlook, share in zip(chain, reached, strict=True)
        if outlook.cost is not None
    )


def _chosen_cost(costs: FloatArray, weights: FloatArray) -> RequestCost:
    if costs.size >= 2:
        return measured(costs, weights)
    return RequestCost(mean_usd=float(costs.mean()), sd_usd=0.0, log_sd=PERIOD_DRIFT, known=costs.size)


def project(
    case: UseCase, shares: Sequence[Share], expected: Sequence[ModelOutlook], spec: PlanSpec, catalog: Catalog
) -> Projection:
    """Project one use case over the months of a plan.

    Parameters
    ----------
    case : its volume and tokens.
    shares : who answers which part of it.
    expected : outlooks, for the tokens that new prices are weighed by.
    spec : months and price changes.
    catalog : vendors and today's prices.
    """
    by_name = {outlook.candidate.name: outlook for outlook in expected}
    cells = []
    for month in plan_months(spec):
        requests = requests_in(case.volume, month)
        for share in shares:
            factor = price_factor(by_name[share.model], month, spec.price_changes)
            priced = Share(model=share.model, share=share.share, cost=share.cost.scaled(factor))
            cells.append(
                Cell(
                    use_case=case.name,
                    model=share.model,
                    vendor=catalog[share.model].provider,
                    month=month.name,
                    requests=requests.mean * share.share,
                    money=month_cost(requests, priced),
                )
            )
    return Projection(cells=tuple(cells))


def merged(parts: Iterable[Projection]) -> Projection:
    """Put the cells of several use cases together."""
    return Projection(cells=tuple(cell for part in parts for cell in part.cells))


def vendor_shares(projection: Projection) -> Mapping[str, float]:
    """Give the share of the spend that each vendor gets, the largest first."""
    spent = {vendor: money.mean for vendor, money in projection.by_vendor().items()}
    total = sum(spent.values())
    ranked = sorted(spent.items(), key=lambda item: (-item[1], item[0]))
    return {vendor: usd / total if total else 1.0 / len(ranked) for vendor, usd in ranked}
