"""What each kind of budget would have to be, and when capacity that is reserved pays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from arbiter.catalog import Catalog
from arbiter.planning.availability import HOURS_PER_MONTH
from arbiter.planning.dated_prices import list_factor
from arbiter.planning.history import FloatArray
from arbiter.planning.money import Money
from arbiter.planning.months import plan_months
from arbiter.planning.projection import Projection
from arbiter.planning.use_case import PlanSpec, Reservation, UseCase
from arbiter.vocabulary import BudgetKind

ALARM = 0.99
"""Probability that the last step of a tiered budget suffices for a month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One kind of budget.

    Attributes
    ----------
    kind : how money is set aside.
    usd_per_month : the amount; None where it cannot be told.
    text : what it is, and what it does.
    steps : amounts by name, where there are several.
    """

    kind: BudgetKind
    usd_per_month: float | None
    text: str
    steps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Capacity that the file offers to buy by the month, held against paying as one goes.

    Attributes
    ----------
    model : whose.
    usd_per_month, mtok_per_month : what is paid, for how much.
    used_mtok : expected use in a mean month.
    list_usd_per_mtok : what the plan's mix of input and output costs at list prices, in the mean of its months.
    break_even_mtok : use from which it pays; None where the model is free.
    saving_usd : per mean month, of buying it; below 0 it loses. Use beyond the capacity is paid as one goes.
    """

    model: str
    usd_per_month: float
    mtok_per_month: float
    used_mtok: float
    list_usd_per_mtok: float
    break_even_mtok: float | None
    saving_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """How much of a load that rises and falls is worth committing to.

    Attributes
    ----------
    level : committed spend, over the mean spend.
    utilisation : of what is committed, the share that is used.
    saving : of the whole spend.
    """

    level: float
    utilisation: float
    saving: float


def budgets(spec: PlanSpec, projection: Projection, hourly_usd: FloatArray) -> tuple[Budget, ...]:
    """Give what a budget of each of the six kinds would have to be.

    Parameters
    ----------
    spec : months, discount and revenue.
    projection : what is expected.
    hourly_usd : (168,) spend per hour through a week.
    """
    months, whole = projection.by_month(), projection.total()
    dearest = max(months, key=lambda name: months[name].high)
    top, split = months[dearest], allocation(projection.in_month(dearest))
    mean, ends = whole.mean / len(months), (whole.low / len(months), whole.high / len(months))
    return (
        Budget(
            kind=BudgetKind.FIXED,
            usd_per_month=top.high,
            steps=split,
            text=f"suffices for the dearest month, {dearest}, with 90 %; of it "
            + ", ".join(f"{name} ${usd:,.2f}" for name, usd in split.items()),
        ),
        _percentage(spec, ends[1]),
        _tiered(mean, top),
        Budget(
            kind=BudgetKind.PAY_AS_YOU_GO,
            usd_per_month=mean,
            text=f"no cap: ${ends[0]:,.2f} to ${ends[1]:,.2f} in a mean month (80 %)",
        ),
        *_committed(mean, hourly_usd, spec),
    )


def allocation(month: Projection) -> dict[str, float]:
    """Split the amount that suffices for a month with 90 % between its use cases; the parts add up to it.

    Each gets its expectation and, of what is set aside beyond all of them, the share of the variance that it causes:
    Euler's allocation of a deviation, cov(X_i, X) / var(X), for independent X_i (Tasche, 1999).
    """
    parts, whole = month.by_use_case(), month.total()
    variance = sum(money.sd**2 for money in parts.values()) or 1.0
    beyond = whole.high - whole.mean
    return {name: money.mean + beyond * money.sd**2 / variance for name, money in parts.items()}


def _tiered(mean: float, dearest: Money) -> Budget:
    steps = {"expected": mean, "warning": dearest.high, "alarm": dearest.quantile(ALARM)}
    text = f"spend freely to ${mean:,.2f}, prefer cheaper models to ${dearest.high:,.2f}, serve only what is critical "
    text += f"beyond, stop at ${steps['alarm']:,.2f}"
    return Budget(kind=BudgetKind.TIERED, usd_per_month=mean, steps=steps, text=text)


def _committed(mean: float, hourly_usd: FloatArray, spec: PlanSpec) -> tuple[Budget, Budget]:
    """Give the budget of capacity for the busiest hour, and of the best commitment with the rest paid as one goes."""
    shapeless = [case.name for case in spec.use_cases if not case.volume.shaped]
    if len(shapeless) == len(spec.use_cases):
        text = "not known: when requests come is not declared; give weekly and hourly"
        unknown = Budget(kind=BudgetKind.RESERVED, usd_per_month=None, text=text)
        return unknown, replace(unknown, kind=BudgetKind.HYBRID)
    taken = f"; the load of {', '.join(shapeless)} is taken as even" if shapeless else ""
    discount = spec.assumptions.commitment_discount
    peak = float(hourly_usd.max() / hourly_usd.mean()) if hourly_usd.mean() > 0 else 1.0
    best = best_commitment(hourly_usd, discount)
    kept = "it pays nothing to commit"
    if best.saving > 0:
        kept = f"commit to {best.level:.0%} of the mean load, used {best.utilisation:.0%}, and pay the rest as you go: "
        kept += f"{best.saving:.1%} less"
    return (
        Budget(
            kind=BudgetKind.RESERVED,
            usd_per_month=mean * peak * (1.0 - discount),
            text=f"capacity for the busiest hour, {peak:.2f} times the mean, at {discount:.0%} off; it pays from "
            f"{1.0 - discount:.0%} utilisation on, and would be used {1.0 / peak:.0%}{taken}",
        ),
        Budget(kind=BudgetKind.HYBRID, usd_per_month=mean * (1.0 - best.saving), text=kept + taken),
    )


def _percentage(spec: PlanSpec, usd: float) -> Budget:
    revenue = spec.assumptions.revenue_usd_per_month
    if not revenue:
        text = "not known: set revenue_usd_per_month in [assumptions]"
        return Budget(kind=BudgetKind.PERCENTAGE, usd_per_month=None, text=text)
    text = f"{usd / revenue:.2%} of ${revenue:,.0f} revenue a month suffices with 90 %"
    return Budget(kind=BudgetKind.PERCENTAGE, usd_per_month=usd, text=text)


def hourly_spend(cases: Sequence[UseCase], projection: Projection) -> FloatArray:
    """Give (168,) dollars per hour through a week, of all use cases, on the level of the plan's mean month."""
    total = np.zeros(7 * 24)
    hours = HOURS_PER_MONTH * max(len(projection.by_month()), 1)
    for case in cases:
        loads = case.volume.loads()
        total += loads / loads.mean() * projection.of(case.name).total().mean / hours
    return total


def best_commitment(hourly_usd: FloatArray, discount: float) -> Commitment:
    """Give the commitment that costs least, for a load that is paid as one goes beyond it.

    A unit more of commitment costs 1 - d and saves 1 in those hours whose load is above it: commit while
    P(load > c) > 1 - d, so c is the d-quantile of the load (the newsvendor: Arrow, Harris and Marschak, 1951).
    """
    mean = float(hourly_usd.mean())
    if mean <= 0.0:
        return Commitment(level=0.0, utilisation=1.0, saving=0.0)
    level = float(np.quantile(hourly_usd, discount, method="inverted_cdf")) if discount > 0 else 0.0
    used = float(np.minimum(hourly_usd, level).mean())
    return Commitment(
        level=level / mean,
        utilisation=used / level if level > 0 else 1.0,
        saving=(used - level * (1.0 - discount)) / mean,
    )


def break_even(
    bought: Reservation, projection: Projection, mix: tuple[float, float], catalog: Catalog, spec: PlanSpec
) -> BreakEven:
    """Hold a reservation against list prices.

    Parameters
    ----------
    bought : what the file offers.
    projection : its requests of that model count.
    mix : mean input and output tokens of the requests that the model gets.
    catalog : today's list prices.
    spec : its price changes.
    """
    candidate, months = catalog[bought.model], plan_months(spec)
    requests = sum(cell.requests for cell in projection.cells if cell.model == bought.model) / len(months)
    tokens = mix if sum(mix) > 0 else (1.0, 1.0)
    listed = tokens[0] * candidate.usd_per_mtok_in + tokens[1] * candidate.usd_per_mtok_out
    factor = sum(list_factor(candidate, tokens, month, spec.price_changes) for month in months) / len(months)
    used, price = requests * sum(mix) / 1e6, factor * listed / sum(tokens)
    return BreakEven(
        model=bought.model,
        usd_per_month=bought.usd_per_month,
        mtok_per_month=bought.mtok_per_month,
        used_mtok=used,
        list_usd_per_mtok=price,
        break_even_mtok=bought.usd_per_month / price if price > 0 else None,
        saving_usd=min(used, bought.mtok_per_month) * price - bought.usd_per_month,
    )
