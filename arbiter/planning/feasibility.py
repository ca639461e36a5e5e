"""What a plan asks for that nothing fulfils, and what in it contradicts itself; every problem at once."""

import datetime
from collections.abc import Mapping

from arbiter.catalog import Catalog
from arbiter.constraints import USABLE
from arbiter.planning.eligibility import COST, LATENCY, QUALITY, Standing
from arbiter.planning.months import plan_months
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.use_case import PlanSpec, UseCase
from arbiter.planning.wording import usd
from arbiter.records import Candidate
from arbiter.vocabulary import Workload

WAITING = frozenset({Workload.BATCH, Workload.BACKGROUND, Workload.SCHEDULED})
"""Workloads of which a part may be deferred; the others are waited for."""

Expected = tuple[ModelOutlook, ...]


def contradictions(spec: PlanSpec, catalog: Catalog) -> list[str]:
    """Give what is wrong with a plan beside its use cases: a text per problem."""
    found = []
    end = plan_months(spec)[-1].end
    for change in spec.price_changes:
        if change.start > end:
            found.append(
                f"price change of '{change.model}' on {change.start} comes after the plan's last day, {end}: take it "
                "out, or plan more months"
            )
        if change.model in catalog and _is_free(catalog[change.model]):
            found.append(f"price change of '{change.model}', which is free in the catalog: give its price there")
    for model in sorted({*spec.fallbacks, *spec.fallbacks.values()}):
        if catalog[model].status not in USABLE:
            found.append(f"[fallbacks] names '{model}', whose status is {catalog[model].status}: take another")
    for circle in _circles(spec.fallbacks):
        found.append(f"the fallbacks go in a circle: {' > '.join(circle)}; take one of them out")
    keys = [(change.model, change.start) for change in spec.price_changes]
    for model, start in sorted({key for key in keys if keys.count(key) > 1}):
        found.append(f"two price changes of '{model}' on {start}: keep one")
    return found


def _circles(follower: Mapping[str, str]) -> list[list[str]]:
    """Give each circle once, from its first model in the order of the file, back to where it starts."""
    circles: list[list[str]] = []
    done: set[str] = set()
    for model in follower:
        path: list[str] = []
        while model in follower and model not in path and model not in done:
            path.append(model)
            model = follower[model]
        if model in path:
            circles.append([*path[path.index(model) :], model])
        done.update(path)
    return circles


def _is_free(candidate: Candidate) -> bool:
    return candidate.usd_per_mtok_in == candidate.usd_per_mtok_out == 0.0


def contradicting(case: UseCase, catalog: Catalog) -> list[str]:
    """Give what is wrong with a use case whatever is expected of the models: a text per problem."""
    limits, found = case.limits, []
    if case.deferrable > 0 and case.workload not in WAITING:
        found.append(
            f"deferrable = {case.deferrable:g} contradicts workload {case.workload}, which is waited for; use "
            f"{', '.join(sorted(WAITING))}, or take it out"
        )
    if limits.models is not None and not limits.models - limits.deny:
        found.append("deny names every model of models; no model is left")
    if case.incumbent is not None and case.incumbent in limits.deny:
        found.append(f"the incumbent '{case.incumbent}' is on the deny list; take it off one of the two")
    for key, wanted, known in (
        ("regions", limits.regions, {tag for c in catalog for tag in c.regions}),
        ("compliance", limits.compliance, {tag for c in catalog for tag in c.compliance}),
    ):
        for tag in sorted(wanted - known):
            found.append(f"{key} asks for '{tag}', which no model of the catalog carries; known: {sorted(known)}")
    return [f"use case '{case.name}': {problem}" for problem in found]


def infeasible(case: UseCase, found: Standing, expected: Expected) -> list[str]:
    """Give what no model fulfils: a text per problem.

    A limit that the file names and that no model keeps even by itself is a problem; limits that single models keep, but
    none all of them, are relaxed and named in the recommendation instead.
    """
    if not found.missed:
        return [f"use case '{case.name}': no model may serve it ({_most_common(found.barred)}); loosen what bars them"]
    usable = {o.candidate.name: o for o in expected if o.candidate.name in found.missed}
    problems = []
    for limit in (QUALITY, COST, LATENCY):
        if all(limit in missed for missed in found.missed.values()):
            problems.append(f"use case '{case.name}': {_unreached(case, limit, usable)}")
    for capability in sorted(case.limits.capabilities):
        if all(capability not in outlook.candidate.capabilities for outlook in usable.values()):
            problems.append(f"use case '{case.name}': no model that may serve it has the capability '{capability}'")
    return problems


def _most_common(barred: Mapping[str, str]) -> str:
    reasons = list(barred.values())
    ranked = sorted(dict.fromkeys(reasons), key=lambda reason: -reasons.count(reason))
    return "; ".join(f"{reasons.count(reason)} x {reason}" for reason in ranked[:3])


def _unreached(case: UseCase, limit: str, usable: Mapping[str, ModelOutlook]) -> str:
    limits = case.limits
    if limit == QUALITY:
        best = max(usable.values(), key=lambda o: o.quality)
        return (
            f"quality_floor = {limits.quality_floor:g} is reached by no model; the best, {best.candidate.name}, is "
            f"expected at {best.quality:.3f}: lower it"
        )
    if limit == COST:
        costs = {name: o.cost.mean_usd for name, o in usable.items() if o.cost is not None}
        cheapest = min(costs, key=lambda name: costs[name])
        return (
            f"max_cost_usd = {limits.max_cost_usd:g} is kept by no model; the cheapest, {cheapest}, costs "
            f"{usd(costs[cheapest])} a request: raise it"
        )
    fastest = min(usable.values(), key=lambda o: o.latency_s)
    return (
        f"max_latency_s = {limits.max_latency_s:g} for {limits.latency_quantile:.0%} of the answers is kept by no "
        f"model; the fastest, {fastest.candidate.name}, needs {fastest.latency_s:.3g} s: raise it, or lower "
        "latency_quantile"
    )


def late_start(spec: PlanSpec, today: datetime.date) -> list[str]:
    """Give a note where the plan begins in the past, so that what it projects may have happened already."""
    return [f"the plan starts on {spec.start}, before today"] if spec.start < today else []
