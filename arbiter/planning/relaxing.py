"""Limits that no model keeps all of: which are given up, and what it would take to keep each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arbiter.planning.eligibility import CAPABILITIES, COST, LATENCY, QUALITY, SOFT, WISH, Standing
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.use_case import UseCase
from arbiter.planning.wording import usd
from arbiter.planning.workloads import latency_limit_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """A limit that was given up.

    Attributes
    ----------
    limit : its key.
    wanted, got : in words, with units.
    to_keep : what it would take to keep it, one way each.
    """

    limit: str
    wanted: str
    got: str
    to_keep: tuple[str, ...]


def least_relaxed(found: Standing) -> tuple[str, ...]:
    """Give the limits that the model misses which gives up least.

    The model whose gravest missed limit stands first in the order of giving way, then the one that misses fewest, then
    the one that is beyond them by the least.
    """

    def gravity(model: str) -> tuple[int, int, float, str]:
        missed = found.missed[model]
        return max(SOFT.index(m) for m in missed), len(missed), sum(found.excess[model].values()), model

    return tuple(sorted(found.missed[min(found.missed, key=gravity)], key=SOFT.index))


def explain_relaxed(
    case: UseCase, found: Standing, by_name: Mapping[str, ModelOutlook], primary: str, given_up: Sequence[str]
) -> tuple[Relaxed, ...]:
    """Say what was given up and what it would take to keep it.

    Parameters
    ----------
    case, found, by_name : the use case, what stands in its way, and the outlook of each model.
    primary : the model that was chosen.
    given_up : limits that need not be kept.
    """
    return tuple(
        Relaxed(
            limit=limit,
            wanted=_wanted(case, limit),
            got=f"{_value(by_name[primary], limit, case)} with {primary}",
            to_keep=_ways(case, found, by_name, limit),
        )
        for limit in given_up
        if limit in found.missed[primary]
    )


def _ways(case: UseCase, found: Standing, by_name: Mapping[str, ModelOutlook], limit: str) -> tuple[str, ...]:
    """Name, per other limit that could give way instead, the model that then keeps this one and misses by the least."""
    ways: dict[str, tuple[float, str]] = {}
    for model, missed in found.missed.items():
        others = sorted(missed, key=SOFT.index)
        if limit in missed or not others:
            continue
        key = " and ".join(f"{other} to {_value(by_name[model], other, case)}" for other in others)
        group = "/".join(others)
        ways[group] = min(ways.get(group, (float("inf"), "")), (sum(found.excess[model].values()), f"{key}: {model}"))
    if not ways:
        return ("no model of the catalog keeps it, whatever else gives way",)
    return tuple(f"change {text}" for _, text in (ways[group] for group in sorted(ways)))


def _wanted(case: UseCase, limit: str) -> str:
    limits = case.limits
    return {
        WISH: f"{latency_limit_s(case)} s, half of the answers (workload {case.workload})",
        COST: f"{usd(limits.max_cost_usd or 0.0)} a request",
        LATENCY: f"{limits.max_latency_s} s for {limits.latency_quantile:.0%} of the answers",
        QUALITY: f"{limits.quality_floor}",
        CAPABILITIES: ", ".join(sorted(limits.capabilities)),
    }[limit]


def _value(outlook: ModelOutlook, limit: str, case: UseCase) -> str:
    """Say what a model offers in the place of a limit."""
    cost = outlook.cost
    assert cost is not None, "a model without a cost is barred"
    return {
        WISH: f"{outlook.latency_median_s:.3g} s",
        COST: usd(cost.mean_usd),
        LATENCY: f"{outlook.latency_s:.3g} s",
        QUALITY: f"{outlook.quality:.3f}",
        CAPABILITIES: ", ".join(sorted(case.limits.capabilities & outlook.candidate.capabilities)) or "none of them",
    }[limit]
