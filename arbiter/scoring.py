"""Candidates scored on ten criteria, each computed from data: what a person wants to see beside the utility.

Decisions weigh quality, money and time (see :class:`arbiter.estimates.expectation.Expectation`), whose propensities
are exact; scorecards say how each candidate stands in everything else, and what is its weakest side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.criteria import ORDER, CriterionWeights
from arbiter.estimates.expectation import Expectation
from arbiter.records import Candidate, Query, TaskProfile
from arbiter.settings import Settings
from arbiter.vocabulary import Capability, Complexity, Criterion, Domain, Risk, Status, Tier

FloatArray = NDArray[np.float64]

PRIOR_CALLS = 20.0
"""Calls and judgements that the catalog's rating counts for: a Beta prior whose mean is the rating."""

PRIOR_CONCENTRATION = 4.0
"""Of the Beta distribution that a candidate's answers are taken to be of before any was judged."""

HEALTH: Mapping[Status, float] = MappingProxyType(
    {
        Status.AVAILABLE: 1.0,
        Status.DEGRADED: 0.7,
        Status.RATE_LIMITED: 0.3,
        Status.DEPRECATED: 0.2,
        Status.UNAVAILABLE: 0.0,
        Status.MAINTENANCE: 0.0,
    }
)

SAFETY_FLOOR: Mapping[Risk, float] = MappingProxyType(
    {Risk.MINIMAL: 0.0, Risk.LOW: 0.3, Risk.MEDIUM: 0.5, Risk.HIGH: 0.7, Risk.CRITICAL: 0.8}
)
"""Rating of safety below which the required criterion fails, for a task of each risk."""

DATA_PROTECTION = frozenset({"ccpa", "gdpr", "hipaa", "lgpd"})
"""Compliance tags that stand for a law on personal data."""

WISHED: Mapping[Domain, Capability] = MappingProxyType(
    {
        Domain.CODING: Capability.CODING,
        Domain.MATH: Capability.REASONING,
        Domain.SCIENCE: Capability.REASONING,
        Domain.MEDICINE: Capability.REASONING,
        Domain.LAW: Capability.REASONING,
        Domain.FINANCE: Capability.ANALYSIS,
        Domain.BUSINESS: Capability.ANALYSIS,
        Domain.DATA_ANALYSIS: Capability.ANALYSIS,
        Domain.CREATIVE_WRITING: Capability.CREATIVITY,
        Domain.TRANSLATION: Capability.MULTILINGUAL,
    }
)
"""The capability that a request's domain asks for without saying so; it lowers a score and never blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a ledger knows of K candidates.

    Attributes
    ----------
    calls, failures : (K,) attempts, and those of them that failed.
    judged : (K,) answers with a judged quality.
    squared_deviation : (K,) sum over these of (judged quality - expected quality)^2.
    """

    calls: FloatArray
    failures: FloatArray
    judged: FloatArray
    squared_deviation: FloatArray

    @classmethod
    def empty(cls, n_candidates: int) -> "History":
        """Know nothing: reliability and consistency are the catalog's."""
        return cls(**{name: np.zeros(n_candidates) for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """One candidate on one request.

    Attributes
    ----------
    model : its name.
    total : weighted mean of the scores, in [0, 1]; 0 where blocked.
    scores : criterion to score, in [0, 1].
    weights : criterion to weight, for the risk of this task.
    weakest : the criterion of the lowest score.
    blocked : why a required criterion (safety, capability) fails; None where none does.
    """

    model: str
    total: float
    scores: Mapping[Criterion, float]
    weights: Mapping[Criterion, float]
    weakest: Criterion
    blocked: str | None


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Scores the candidates of one catalog; made once, since it lays the catalog out as arrays.

    Attributes
    ----------
    catalog : K candidates.
    settings : gives the references of cost and latency where the request sets no limit.
    weights : the user's, before the risk of a task sets that of safety.
    history : what the ledger knows; None knows nothing.
    """

    catalog: Catalog
    settings: Settings
    weights: CriterionWeights = field(default_factory=CriterionWeights)
    history: History | None = None

    def scorecards(self, query: Query, profile: TaskProfile, expectation: Expectation) -> tuple[Scorecard, ...]:
        """Score every candidate, in the catalog's order.

        Parameters
        ----------
        query, profile : the request and what the gatekeeper says of it.
        expectation : arrays (K,).
        """
        weights, values = self._weights_by_risk[profile.risk]
        scores = self.scores(query, profile, expectation)  # (K, 10)
        weakest = scores.argmin(axis=1).tolist()
        totals = (scores @ values).tolist()
        blocked = [self._blocked(k, query, profile, expectation) for k in range(len(self.catalog))]
        return tuple(
            Scorecard(
                model=name,
                total=0.0 if why else total,
                scores=dict(zip(ORDER, row, strict=True)),
                weights=weights,
                weakest=ORDER[low],
                blocked=why,
            )
            for name, total, row, low, why in zip(
                self.catalog.names, totals, scores.tolist(), weakest, blocked, strict=True
            )
        )

    def scores(self, query: Query, profile: TaskProfile, expectation: Expectation) -> FloatArray:
        """Give the (K, 10) scores in [0, 1], in the order of :class:`arbiter.vocabulary.Criterion`."""
        required, settings = query.requirements, self.settings
        share = required.latency_quantile
        latency_s = expectation.latency_s if share is None else expectation.latency_at(share)
        columns = {
            Criterion.QUALITY: expectation.quality,
            Criterion.SAFETY: self.catalog.arrays.safety,
            Criterion.COST: _left(expectation.cost_usd, required.max_cost_usd, settings.reference_cost_usd),
            Criterion.LATENCY: _left(latency_s, required.max_latency_s, settings.reference_latency_s),
            Criterion.RELIABILITY: self._reliability,
            Criterion.CAPABILITY: self._capability(query, profile),
            Criterion.CONSISTENCY: self._consistency,
            Criterion.PRIVACY: self._privacy(required.regions),
            Criterion.COMPLIANCE: self._compliance(required.compliance),
            Criterion.AVAILABILITY: self._availability(query),
        }
        table = np.stack([columns[criterion] for criterion in ORDER], axis=1)
        return np.asarray(np.minimum(np.maximum(np.nan_to_num(table, nan=0.0), 0.0), 1.0))

    def _blocked(self, k: int, query: Query, profile: TaskProfile, expectation: Expectation) -> str | None:
        candidate, floor = self.catalog.candidates[k], SAFETY_FLOOR[profile.risk]
        if candidate.safety < floor:
            return f"safety {candidate.safety:.2f} below {floor:.2f}, which risk {profile.risk} requires"
        missing = _required(query) - candidate.capabilities
        if missing:
            return f"capability: lacks {', '.join(sorted(missing))}"
        room = query.requirements.max_output_tokens or 1
        if query.input_tokens + room > candidate.context_window_tokens:
            return f"capability: window {candidate.context_window_tokens} < {query.input_tokens} in + {room} out"
        return None

    def _capability(self, query: Query, profile: TaskProfile) -> FloatArray:
        asked = _required(query)
        if profile.domain in WISHED:
            asked = asked | {WISHED[profile.domain]}
        if profile.complexity >= Complexity.COMPLEX:
            asked = asked | {Capability.REASONING}
        if not asked:
            return np.ones(len(self.catalog))
        return np.asarray(self._held[:, [_PLACE[c] for c in asked]].mean(axis=1))

    def _privacy(self, regions: frozenset[str]) -> FloatArray:
        """Give 1 to what runs locally; else the share of three facts: region known and kept, law kept, made for it."""
        local, law, made, tags = self._private_facts
        kept = np.array([bool(found) and regions <= found for found in tags], dtype=np.float64)
        return np.where(local, 1.0, (kept + law + made) / 4.0)  # the fourth is that nothing leaves the house

    def _compliance(self, asked: frozenset[str]) -> FloatArray:
        """Give the share of the tags asked for that are carried; of all that the catalog knows where none is asked."""
        wanted = asked or self._known_tags
        if not wanted:
            return np.ones(len(self.catalog))
        return np.array([len(wanted & c.compliance) / len(wanted) for c in self.catalog.candidates])

    def _availability(self, query: Query) -> FloatArray:
        if not query.circumstances.out:
            return self._uptime
        up = np.array([float(name not in query.circumstances.out) for name in self.catalog.names])
        return np.asarray(self._uptime * up)

    @cached_property
    def _weights_by_risk(self) -> Mapping[Risk, tuple[Mapping[Criterion, float], FloatArray]]:
        found = {risk: self.weights.for_risk(risk) for risk in Risk}
        return {risk: (weights.values, np.array(weights.as_tuple())) for risk, weights in found.items()}

    @cached_property
    def _seen(self) -> History:
        return self.history or History.empty(len(self.catalog))

    @cached_property
    def _reliability(self) -> FloatArray:
        """Posterior mean of the share of calls that succeed, under a Beta prior at the catalog's rating."""
        succeeded = self._seen.calls - self._seen.failures
        return np.asarray(
            (PRIOR_CALLS * self.catalog.arrays.reliability + succeeded) / (PRIOR_CALLS + self._seen.calls)
        )

    @cached_property
    def _consistency(self) -> FloatArray:
        """1 - 2 sd of (judged - expected quality): 1 where answers are as expected, 0 where they are all or nothing.

        The prior of the variance is that of a Beta distribution with the rated quality q as its mean and concentration
        4: q (1 - q) / 5.
        """
        rated = self.catalog.arrays.quality
        prior = rated * (1.0 - rated) / (1.0 + PRIOR_CONCENTRATION)
        variance = (PRIOR_CALLS * prior + self._seen.squared_deviation) / (PRIOR_CALLS + self._seen.judged)
        return np.asarray(1.0 - 2.0 * np.sqrt(variance))

    @cached_property
    def _held(self) -> FloatArray:
        rows = [[float(c in candidate.capabilities) for c in Capability] for candidate in self.catalog.candidates]
        return np.array(rows)

    @cached_property
    def _private_facts(self) -> tuple[NDArray[np.bool_], FloatArray, FloatArray, tuple[frozenset[str], ...]]:
        candidates = self.catalog.candidates
        local = np.array([c.tier is Tier.LOCAL for c in candidates])
        law = np.array([float(bool(c.compliance & DATA_PROTECTION)) for c in candidates])
        made = np.array([float(Capability.PRIVACY_SENSITIVE in c.capabilities) for c in candidates])
        return local, law, made, tuple(c.regions for c in candidates)

    @cached_property
    def _known_tags(self) -> frozenset[str]:
        return frozenset().union(*(c.compliance for c in self.catalog.candidates))

    @cached_property
    def _uptime(self) -> FloatArray:
        return np.array([_uptime(c) for c in self.catalog.candidates])


_PLACE = {capability: i for i, capability in enumerate(Capability)}


def _required(query: Query) -> frozenset[Capability]:
    seeing = frozenset({Capability.VISION}) if query.n_images else frozenset()
    return query.requirements.capabilities | seeing


def _left(used: FloatArray, limit: float | None, reference: float) -> FloatArray:
    """Give the share of the limit that is left over; of the reference where the request sets no limit."""
    most = reference if limit is None else limit
    return np.asarray(1.0 - used / most) if most > 0.0 else np.asarray(used <= 0.0, dtype=np.float64)


def _uptime(candidate: Candidate) -> float:
    return candidate.sla_availability * HEALTH[candidate.status]
