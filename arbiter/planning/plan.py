"""From use cases to a costed, resilient model strategy."""

import datetime
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from arbiter.catalog import Catalog
from arbiter.errors import PlanError
from arbiter.planning.backtest import Backtest, backtests
from arbiter.planning.budgets import BreakEven, Budget, break_even, budgets, hourly_spend
from arbiter.planning.eligibility import Standing, standing
from arbiter.planning.feasibility import contradicting, contradictions, infeasible, late_start
from arbiter.planning.file import parse_plan
from arbiter.planning.history import History
from arbiter.planning.later_prices import later_choice
from arbiter.planning.outlook import ModelOutlook, outlooks
from arbiter.planning.projection import Projection, merged, project, shares_of
from arbiter.planning.recommendation import Recommendation, recommend
from arbiter.planning.resilience import Resilience, resilience
from arbiter.planning.returns import RoutingReturn, routing_return
from arbiter.planning.savings import Savings, savings
from arbiter.planning.spend import SpendForecast
from arbiter.planning.techniques import MonthlySpend
from arbiter.planning.upgrades import Upgrade, roadmap, upgrades
from arbiter.planning.use_case import PlanSpec, UseCase
from arbiter.planning.vendors import VendorReview, review_vendors

ReadHistory = Callable[[PlanSpec, Catalog], History]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A strategy for all use cases of a file.

    Attributes
    ----------
    spec : what was asked for: use cases, price changes, assumptions.
    made : the day it was made on.
    source : of the traffic behind it; empty where there is none.
    recommendations, savings, resilience : per use case, in the order of the file.
    projection, budgets, break_evens, vendors : of all together.
    returns : of routing against the best single model, where a router was tried.
    upgrades : candidates against incumbents, the best of each use case first.
    notes : what a reader should know.
    backtests : whether the bands hold on the traffic: first half against second.
    forecast : what a ledger's spend says of the same months; None where there is none.
    """

    spec: PlanSpec
    made: datetime.date
    source: str
    recommendations: tuple[Recommendation, ...]
    projection: Projection
    budgets: tuple[Budget, ...]
    break_evens: tuple[BreakEven, ...]
    returns: tuple[RoutingReturn, ...]
    savings: tuple[Savings, ...]
    resilience: tuple[Resilience, ...]
    vendors: VendorReview
    upgrades: tuple[Upgrade, ...]
    notes: tuple[str, ...]
    backtests: tuple[Backtest, ...] = ()
    forecast: SpendForecast | None = None

    @property
    def name(self) -> str:
        """What the file calls it."""
        return self.spec.name

    @property
    def start(self) -> datetime.date:
        """First day."""
        return self.spec.start

    @property
    def months(self) -> int:
        """Calendar months that are projected."""
        return self.spec.months

    @property
    def roadmap(self) -> tuple[Upgrade, ...]:
        """Upgrades that are worth doing, by the day on which they are due."""
        return roadmap(self.upgrades)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A use case with all that is expected of it."""

    case: UseCase
    expected: tuple[ModelOutlook, ...]
    found: Standing


def plan_file(
    path: str | Path, catalog: Catalog, today: datetime.date, read_history: ReadHistory | None = None
) -> Plan:
    """Read a file of use cases and plan for it.

    Parameters
    ----------
    path : TOML file; see :func:`arbiter.planning.file.template`.
    catalog : the models.
    today : the day of planning.
    read_history : gives what the traffic says of the use cases; None plans from the file and the catalog alone.

    Raises
    ------
    PlanError
        With every problem: of the file, of use cases that contradict themselves, and of those that nothing fulfils.
    """
    spec, problems, unsound = parse_plan(path, catalog, today)
    history = History() if read_history is None else read_history(spec, catalog)
    cases = [_expect(case, catalog, history, spec) for case in spec.use_cases]
    _refuse_wrong([*problems, *_problems(spec, catalog, history, cases, unsound)])
    return _plan(spec, catalog, history, cases, today)


def make_plan(spec: PlanSpec, catalog: Catalog, today: datetime.date, history: History | None = None) -> Plan:
    """Plan for use cases that are in memory; see :func:`plan_file`."""
    known = history or History()
    cases = [_expect(case, catalog, known, spec) for case in spec.use_cases]
    _refuse_wrong(_problems(spec, catalog, known, cases, set()))
    return _plan(spec, catalog, known, cases, today)


def _refuse_wrong(problems: Sequence[str]) -> None:
    if problems:
        raise PlanError(problems)


def _problems(
    spec: PlanSpec, catalog: Catalog, history: History, cases: Sequence["_Case"], unsound: Set[str]
) -> list[str]:
    """Give what contradicts itself and what nothing fulfils.

    That no model may serve a use case is told only where nothing else is wrong with it, which may be why.
    """
    found = [*history.problems, *contradictions(spec, catalog)]
    for each in cases:
        wrong = contradicting(each.case, catalog)
        explained = wrong or each.case.name in unsound or not history.knows(each.case.name)
        if each.found.missed or not explained:
            wrong += infeasible(each.case, each.found, each.expected)
        found += wrong
    return found


def _expect(case: UseCase, catalog: Catalog, history: History, spec: PlanSpec) -> _Case:
    expected = outlooks(case, catalog, history.of(case.name), spec.assumptions)
    return _Case(case=case, expected=expected, found=standing(case, catalog, expected, spec.start.isoformat()))


def _plan(spec: PlanSpec, catalog: Catalog, history: History, cases: Sequence[_Case], today: datetime.date) -> Plan:
    made = [recommend(each.case, each.found, each.expected, history.of(each.case.name), spec) for each in cases]
    parts = []
    for each, one in zip(cases, made, strict=True):
        beta = spec.assumptions.common_cause
        shares = shares_of(one, each.expected, history.of(each.case.name), beta)
        parts.append(project(each.case, shares, each.expected, spec, catalog))
    whole = merged(parts)
    monthly = [part.total().mean / spec.months for part in parts]
    draft = Plan(
        spec=spec,
        made=today,
        source=history.source,
        recommendations=tuple(made),
        projection=whole,
        budgets=budgets(spec, whole, hourly_spend(spec.use_cases, whole)),
        break_evens=tuple(
            break_even(bought, whole, _mix(bought.model, cases, whole), catalog, spec) for bought in spec.reservations
        ),
        returns=(),
        savings=(),
        resilience=(),
        vendors=review_vendors(
            whole, [(e.case, m, e.found, e.expected) for m, e in zip(made, cases, strict=True)], spec
        ),
        upgrades=(),
        backtests=backtests(history),
        notes=(*late_start(spec, today), *history.notes, *_discrepancies(cases), *_later(spec, catalog, cases, made)),
    )
    return _per_case(draft, spec, history, cases, monthly)


def _later(spec: PlanSpec, catalog: Catalog, cases: Sequence[_Case], made: Sequence[Recommendation]) -> list[str]:
    pairs = zip(cases, made, strict=True)
    return [note for each, one in pairs for note in later_choice(each.case, one, each.expected, spec, catalog)]


def _per_case(draft: Plan, spec: PlanSpec, history: History, cases: Sequence[_Case], monthly: Sequence[float]) -> Plan:
    """Add what is computed use case by use case."""
    assumed = spec.assumptions
    rows = list(zip(cases, draft.recommendations, monthly, strict=True))
    returns = [routing_return(e.case, history.of(e.case.name).routing, e.expected, spec) for e, _, _ in rows]
    return replace(
        draft,
        returns=tuple(each for each in returns if each is not None),
        savings=tuple(
            savings(e.case, _primary(e, one), history.of(e.case.name), _spent(draft, e, one, usd), assumed)
            for e, one, usd in rows
        ),
        resilience=tuple(resilience(e.case, one, e.expected, usd, assumed) for e, one, usd in rows),
        upgrades=tuple(row for e, one, _ in rows for row in upgrades(e.case, one, e.found, e.expected, spec)),
    )


def _spent(draft: Plan, each: _Case, made: Recommendation, usd: float) -> MonthlySpend:
    vendor = _primary(each, made).candidate.provider
    return MonthlySpend(case=usd, vendor=draft.projection.by_vendor()[vendor].mean / draft.months)


def _primary(each: _Case, made: Recommendation) -> ModelOutlook:
    return next(outlook for outlook in each.expected if outlook.candidate.name == made.primary)


def _mix(model: str, cases: Sequence[_Case], whole: Projection) -> tuple[float, float]:
    """Give mean input and output tokens of the requests that a model gets."""
    sums, requests = [0.0, 0.0], 0.0
    for each in cases:
        number = sum(cell.requests for cell in whole.of(each.case.name).cells if cell.model == model)
        tokens = next((o.tokens for o in each.expected if o.candidate.name == model), None)
        if tokens is not None:
            requests += number
            sums = [total + number * count.mean for total, count in zip(sums, tokens, strict=True)]
    return (sums[0] / requests, sums[1] / requests) if requests else (0.0, 0.0)


def _discrepancies(cases: Sequence[_Case]) -> list[str]:
    """Tell where what was billed is far from price times tokens: hidden reasoning tokens, or another price."""
    notes = []
    for each in cases:
        for outlook in each.expected:
            if outlook.cost is None or not outlook.cost.known or outlook.tokens is None:
                continue
            candidate, tokens = outlook.candidate, outlook.tokens
            listed = (tokens[0].mean * candidate.usd_per_mtok_in + tokens[1].mean * candidate.usd_per_mtok_out) / 1e6
            ratio = outlook.cost.mean_usd / listed if listed > 0 else 1.0
            if not 0.8 <= ratio <= 1.25:
                notes.append(
                    f"{each.case.name}: {candidate.name} was billed {ratio:.2f} times list price times counted tokens; "
                    "the projection goes by what was billed"
                )
    return notes
