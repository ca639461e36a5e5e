"""Constraints before utility: which candidates may answer, and for each that may not, the reason."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.demands import Circumstances
from arbiter.estimates.expectation import Expectation
from arbiter.records import Candidate, Query, Requirements, TaskProfile
from arbiter.settings import Settings
from arbiter.strategies import STRATEGIES
from arbiter.vocabulary import Capability, ConstraintPreset, Status, Tier

USABLE = frozenset({Status.AVAILABLE, Status.DEGRADED})
"""Statuses under which a candidate may be chosen."""

AVAILABILITY_FLOOR = 0.99
"""What the preset ``high_availability`` asks of a candidate's promised availability."""

PACED_LEVEL = 0.95
"""A paced budget must hold what a share of this of such answers stays below."""

WAITS_FOR_MONEY = "may cost $"
"""How the reason begins of a candidate that would be eligible if a paced budget held more just now."""

TOKENS_PER_MTOK = 1e6

NATIVE_LANGUAGES = frozenset({"en"})
"""What a candidate speaks whose catalog entry names no languages and that is not ``multilingual``."""


def exclusions(
    query: Query, profile: TaskProfile, catalog: Catalog, expectation: Expectation, settings: Settings
) -> dict[str, str]:
    """Find the candidates that may not answer.

    Parameters
    ----------
    query, profile : the request and what the gatekeeper says of it.
    catalog : K candidates.
    expectation : arrays (K,).
    settings : carries the risk floor.

    Returns
    -------
    reasons : candidate name to the first reason found, in words; a name that is missing may answer.
    """
    preset = STRATEGIES[query.strategy or settings.strategy].preset
    reasons: dict[str, str] = {}
    required, now = query.requirements, query.circumstances
    if required.latency_quantile is not None:
        expectation = replace(expectation, latency_s=expectation.latency_at(required.latency_quantile))
    for i, candidate in enumerate(catalog.candidates):
        found = chain(
            _down(candidate, now),
            _forbidden(candidate, required, preset),
            _fit(candidate, query, float(expectation.output_tokens[i])),
            _limits(required, expectation, i),
            _affordable(now, float(expectation.cost_usd[i])),
            _floors(candidate, profile, preset, settings),
        )
        reason = next(found, None)
        if reason is not None:
            reasons[candidate.name] = reason
    return reasons if now.paced_usd is None else reasons | _beyond_pace(now, reasons, catalog, expectation)


def exclusions_of_batch(
    queries: Sequence[Query],
    profiles: Sequence[TaskProfile],
    catalog: Catalog,
    expectation: Expectation,
    settings: Settings,
) -> list[dict[str, str]]:
    """Find, for each of n requests, the candidates that may not answer: what :func:`exclusions` gives, faster.

    Where a request sets no limit on an estimate and its answer has room everywhere, who may answer hangs on what it
    demands and on its risk alone: requests that are alike in these share one look at the catalog.

    Parameters
    ----------
    queries, profiles : n each.
    catalog : K candidates.
    expectation : arrays (n, K).
    settings : carries the risk floor.
    """
    cramped = _cramped(queries, catalog, expectation.output_tokens).tolist()
    known: dict[Hashable, dict[str, str]] = {}
    reasons: list[dict[str, str]] = []
    for i, (query, profile) in enumerate(zip(queries, profiles, strict=True)):
        if cramped[i] or _limited(query):
            reasons.append(exclusions(query, profile, catalog, expectation.row(i), settings))
            continue
        demands = (query.requirements, query.strategy, query.n_images > 0, profile.risk)
        alike = (*demands, frozenset(query.circumstances.out.items()))
        if alike not in known:
            known[alike] = exclusions(query, profile, catalog, expectation.row(i), settings)
        reasons.append(dict(known[alike]))
    return reasons


def _cramped(queries: Sequence[Query], catalog: Catalog, output_tokens: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell of n requests whether some window may be too small, or some length is not a number."""
    room = np.minimum(np.round(output_tokens), catalog.arrays.max_output_tokens)  # (n, K)
    asked = np.array([query.requirements.max_output_tokens or 0 for query in queries])[:, None]
    needed = np.array([query.input_tokens for query in queries])[:, None] + np.maximum(room, asked)
    return np.asarray(~(needed <= catalog.arrays.context_window_tokens).all(axis=1))


def _limited(query: Query) -> bool:
    """Tell whether a request sets a limit on an estimate."""
    required, now = query.requirements, query.circumstances
    limits = (required.max_cost_usd, required.max_latency_s, required.min_quality, now.budget_left_usd, now.paced_usd)
    return any(limit is not None for limit in limits)


def _beyond_pace(
    now: Circumstances, reasons: dict[str, str], catalog: Catalog, expectation: Expectation
) -> dict[str, str]:
    """Say who may cost more than a paced budget holds, of those that may answer; the cheapest of these never does."""
    left_usd = now.paced_usd or 0.0
    may = [i for i, name in enumerate(catalog.names) if name not in reasons]
    longer = np.maximum(expectation.output_tokens_at(PACED_LEVEL) - expectation.output_tokens, 0.0)
    dear = expectation.cost_usd + longer * catalog.arrays.usd_per_mtok_out / TOKENS_PER_MTOK
    cheapest = min(may, key=lambda i: float(dear[i]), default=-1)
    return {
        catalog.names[i]: f"{WAITS_FOR_MONEY}{dear[i]:.3g}, the paced budget allows ${left_usd:.3g}"
        for i in may
        if i != cheapest and dear[i] > left_usd and expectation.cost_usd[i] > now.paced_least_usd
    }


def _down(candidate: Candidate, now: Circumstances) -> Iterator[str]:
    if candidate.status not in USABLE:
        yield f"status {candidate.status}"
    if candidate.name in now.out:
        yield f"out: {now.out[candidate.name]}"


def _forbidden(candidate: Candidate, required: Requirements, preset: ConstraintPreset) -> Iterator[str]:
    """Say which promise to the asker the candidate would break; the emergency choice keeps these where it can."""
    if required.allow is not None and candidate.name not in required.allow:
        yield "not on the allow list"
    if candidate.name in required.deny:
        yield "on the deny list"
    if required.local_only and candidate.tier is not Tier.LOCAL:
        yield "not local"
    if required.regions - candidate.regions:
        yield f"not in region {', '.join(sorted(required.regions - candidate.regions))}"
    if required.compliance - candidate.compliance:
        yield f"lacks compliance {', '.join(sorted(required.compliance - candidate.compliance))}"
    if preset is ConstraintPreset.PRIVACY and candidate.tier is not Tier.LOCAL:
        yield "privacy: not local"
    if preset is ConstraintPreset.COMPLIANCE and not candidate.compliance:
        yield "compliance: carries no compliance tag"


def _fit(candidate: Candidate, query: Query, expected_tokens: float) -> Iterator[str]:
    room = query.requirements.max_output_tokens or min(round(expected_tokens), candidate.max_output_tokens)
    if query.input_tokens + room > candidate.context_window_tokens:
        yield f"window {candidate.context_window_tokens} < {query.input_tokens} in + {room} out"
    if room > candidate.max_output_tokens:
        yield f"answers at most {candidate.max_output_tokens} tokens, {room} asked"
    if query.n_images and Capability.VISION not in candidate.capabilities:
        yield "cannot see images"
    missing = query.requirements.capabilities - candidate.capabilities
    if missing:
        yield f"lacks {', '.join(sorted(missing))}"
    foreign = query.requirements.languages - _spoken(candidate, query.requirements.languages)
    if foreign:
        yield f"does not answer in {', '.join(sorted(foreign))}"


def _spoken(candidate: Candidate, asked: frozenset[str]) -> frozenset[str]:
    if candidate.languages:
        return candidate.languages
    return asked if Capability.MULTILINGUAL in candidate.capabilities else NATIVE_LANGUAGES


def _limits(required: Requirements, expectation: Expectation, i: int) -> Iterator[str]:
    cost, latency, quality = expectation.cost_usd[i], expectation.latency_s[i], expectation.quality[i]
    if required.max_cost_usd is not None and cost > required.max_cost_usd:
        yield f"expected cost ${cost:.3g} above the limit ${required.max_cost_usd:.3g}"
    if required.max_latency_s is not None and latency > required.max_latency_s:
        share = required.latency_quantile
        what = "expected latency" if share is None else f"latency that {share:.3g} of requests stay below,"
        yield f"{what} {latency:.3g} s above the limit {required.max_latency_s:.3g} s"
    if required.min_quality is not None and quality < required.min_quality:
        yield f"expected quality {quality:.2f} below the floor {required.min_quality:.2f}"


def _affordable(now: Circumstances, cost_usd: float) -> Iterator[str]:
    if now.budget_left_usd is not None and cost_usd > now.budget_left_usd:
        yield f"expected cost ${cost_usd:.3g} above the ${now.budget_left_usd:.3g} left of the budget"


def _floors(candidate: Candidate, profile: TaskProfile, preset: ConstraintPreset, settings: Settings) -> Iterator[str]:
    if preset is ConstraintPreset.HIGH_AVAILABILITY and candidate.sla_availability < AVAILABILITY_FLOOR:
        yield f"availability {candidate.sla_availability} below {AVAILABILITY_FLOOR}"
    tier = settings.risk_tier.get(profile.risk)
    if tier is not None and candidate.tier is not tier:
        yield f"risk {profile.risk} needs tier {tier}, this is {candidate.tier}"


def emergency(catalog: Catalog, query: Query | None = None, preset: ConstraintPreset = ConstraintPreset.NONE) -> int:
    """Give the choice when nothing is eligible.

    The candidates are narrowed step by step, a step that would leave none being skipped: to local ones where privacy is
    asked for, to those that break no other promise (allow and deny list, region, compliance), to those that are up, to
    those that the request fits. Of what is left, the safest; for equal safety the one of best rating. So a private
    request goes to a local model that is down, or of the wrong region, rather than elsewhere; only where there is no
    local model at all does it leave the house. The router must answer; the
    decision says so with confidence 0 and keeps every reason, that of its own choice included.

    Parameters
    ----------
    catalog : K candidates.
    query : the request; None demands nothing.
    preset : that of the strategy in force.

    Returns
    -------
    choice : place in the catalog.
    """
    asked = query or Query(text="")
    private = asked.requirements.local_only or preset is ConstraintPreset.PRIVACY
    steps: tuple[Callable[[Candidate], Iterator[str]], ...] = (
        lambda c: iter(("not local",) if private and c.tier is not Tier.LOCAL else ()),
        lambda c: _forbidden(c, asked.requirements, preset),
        lambda c: _down(c, asked.circumstances),
        lambda c: _fit(c, asked, 1.0),
    )
    left = list(range(len(catalog)))
    for reasons in steps:
        left = [i for i in left if next(reasons(catalog.candidates[i]), None) is None] or left
    return max(left, key=lambda i: (catalog.candidates[i].safety, catalog.candidates[i].quality))


def eligible_mask(catalog: Catalog, reasons: Sequence[Mapping[str, str]]) -> NDArray[np.bool_]:
    """Give the (n, K) mask of candidates that have no reason against them on each of n requests."""
    mask = np.ones((len(reasons), len(catalog)), dtype=bool)
    for row, found in zip(mask, reasons, strict=True):
        if found:
            row[[catalog.position(name) for name in found]] = False
    return mask


def fallback_order(catalog: Catalog, chosen: int, ranked: Sequence[int], most: int) -> list[int]:
    """Order who is asked next, never one provider twice in a row while another is left.

    Parameters
    ----------
    catalog : K candidates.
    chosen : who is asked first.
    ranked : the eligible candidates by falling utility, the chosen one wherever it stands.
    most : how many are named at most.
    """
    left = [i for i in ranked if i != chosen]
    order: list[int] = []
    provider = catalog.candidates[chosen].provider
    while left and len(order) < most:
        step = next((i for i in left if catalog.candidates[i].provider != provider), left[0])
        left.remove(step)
        order.append(step)
        provider = catalog.candidates[step].provider
    return order
