"""Constraints before utility: which candidates may answer, and for each that may not, the reason."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.estimates.expectation import Expectation
from arbiter.records import Candidate, Query, Requirements, TaskProfile
from arbiter.settings import Settings
from arbiter.strategies import STRATEGIES
from arbiter.vocabulary import Capability, ConstraintPreset, Status, Tier

USABLE = frozenset({Status.AVAILABLE, Status.DEGRADED})
"""Statuses under which a candidate may be chosen."""

AVAILABILITY_FLOOR = 0.99
"""What the preset ``high_availability`` asks of a candidate's promised availability."""


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
    for i, candidate in enumerate(catalog.candidates):
        reason = next(_reasons(candidate, query, expectation, i), None) or _preset(candidate, preset)
        reason = reason or _risk_floor(candidate, profile, settings)
        if reason:
            reasons[candidate.name] = reason
    return reasons


def _reasons(candidate: Candidate, query: Query, expectation: Expectation, i: int) -> Iterator[str]:
    required = query.requirements
    if candidate.status not in USABLE:
        yield f"status {candidate.status}"
    if required.allow is not None and candidate.name not in required.allow:
        yield "not on the allow list"
    if candidate.name in required.deny:
        yield "on the deny list"
    yield from _fit(candidate, query, float(expectation.output_tokens[i]))
    yield from _tags(candidate, required)
    yield from _limits(required, expectation, i)


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


def _tags(candidate: Candidate, required: Requirements) -> Iterator[str]:
    if required.local_only and candidate.tier is not Tier.LOCAL:
        yield "not local"
    if required.regions - candidate.regions:
        yield f"not in region {', '.join(sorted(required.regions - candidate.regions))}"
    if required.compliance - candidate.compliance:
        yield f"lacks compliance {', '.join(sorted(required.compliance - candidate.compliance))}"


def _limits(required: Requirements, expectation: Expectation, i: int) -> Iterator[str]:
    cost, latency, quality = expectation.cost_usd[i], expectation.latency_s[i], expectation.quality[i]
    if required.max_cost_usd is not None and cost > required.max_cost_usd:
        yield f"expected cost ${cost:.3g} above the limit ${required.max_cost_usd:.3g}"
    if required.max_latency_s is not None and latency > required.max_latency_s:
        yield f"expected latency {latency:.3g} s above the limit {required.max_latency_s:.3g} s"
    if required.min_quality is not None and quality < required.min_quality:
        yield f"expected quality {quality:.2f} below the floor {required.min_quality:.2f}"


def _preset(candidate: Candidate, preset: ConstraintPreset) -> str | None:
    if preset is ConstraintPreset.PRIVACY and candidate.tier is not Tier.LOCAL:
        return "privacy: not local"
    if preset is ConstraintPreset.COMPLIANCE and not candidate.compliance:
        return "compliance: carries no compliance tag"
    if preset is ConstraintPreset.HIGH_AVAILABILITY and candidate.sla_availability < AVAILABILITY_FLOOR:
        return f"availability {candidate.sla_availability} below {AVAILABILITY_FLOOR}"
    return None


def _risk_floor(candidate: Candidate, profile: TaskProfile, settings: Settings) -> str | None:
    tier = settings.risk_tier.get(profile.risk)
    if tier is None or candidate.tier is tier:
        return None
    return f"risk {profile.risk} needs tier {tier}, this is {candidate.tier}"


def emergency(catalog: Catalog) -> int:
    """Give the choice when nothing is eligible.

    Of the candidates that are up (of all, where none is), the safest; for equal safety the one of best rating. The
    router must answer; the decision says so with confidence 0 and keeps every reason.
    """
    up = [i for i, c in enumerate(catalog.candidates) if c.status in USABLE] or list(range(len(catalog)))
    return max(up, key=lambda i: (catalog.candidates[i].safety, catalog.candidates[i].quality))


def eligible_mask(catalog: Catalog, reasons: dict[str, str]) -> NDArray[np.bool_]:
    """Give the (K,) mask of candidates that have no reason against them."""
    return np.array([name not in reasons for name in catalog.names], dtype=bool)


def fallback_order(
    catalog: Catalog, chosen: int, eligible: NDArray[np.bool_], utility: NDArray[np.float64]
) -> list[int]:
    """Order the other eligible candidates by utility, never one provider twice in a row while another is left."""
    left = [int(i) for i in np.argsort(-utility, kind="stable") if eligible[i] and i != chosen]
    order: list[int] = []
    provider = catalog.candidates[chosen].provider
    while left:
        step = next((i for i in left if catalog.candidates[i].provider != provider), left[0])
        left.remove(step)
        order.append(step)
        provider = catalog.candidates[step].provider
    return order


