"""The router: a query becomes a decision. Pure: no file, no network, no clock; randomness comes in as a generator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.constraints import eligible_mask, emergency, exclusions, fallback_order
from arbiter.estimates import billing
from arbiter.estimates.estimator import Estimator
from arbiter.estimates.expectation import Expectation
from arbiter.features import Features
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.policies.context import ContextMap
from arbiter.policies.protocol import Policy
from arbiter.records import Decision, Estimate, Query, TaskProfile
from arbiter.settings import Settings
from arbiter.strategies import STRATEGIES

FloatArray = NDArray[np.float64]

EMERGENCY = "no candidate fulfils the constraints: emergency choice"
"""What a decision says of itself when the constraints left nobody."""

HIGH = 0.9
"""The quantile that a decision tells beside the means of cost, latency and length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is believed of n requests before a policy speaks.

    Attributes
    ----------
    queries, profiles : n each.
    contexts : (n, d), what the policy sees.
    expectation : arrays (n, K).
    """

    queries: tuple[Query, ...]
    profiles: list[TaskProfile]
    contexts: FloatArray
    expectation: Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One request after constraints and weights.

    Attributes
    ----------
    eligible : (K,) who may answer; at least one.
    expectation : arrays (K,), under the weights in force.
    reasons : excluded candidate to reason.
    emergency : whether nobody fulfilled the constraints and the emergency choice stands in.
    """

    eligible: NDArray[np.bool_]
    expectation: Expectation
    reasons: dict[str, str]
    emergency: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Everything that a decision is made with; immutable, so that threads can share it and a swap is one assignment.

    Attributes
    ----------
    catalog : the K candidates.
    features, gatekeeper, context_map, estimator : from the text to what is expected of each candidate.
    policy : from there to action probabilities.
    settings : weights, floors and lengths.
    """

    catalog: Catalog
    features: Features
    gatekeeper: Gatekeeper
    context_map: ContextMap
    estimator: Estimator
    policy: Policy
    settings: Settings

    def outlook(self, queries: Sequence[Query]) -> Outlook:
        """Estimate n requests on the K candidates, without choosing."""
        batch = self.features.transform(queries)
        heads = self.gatekeeper.probabilities(queries, batch)
        contexts = self.context_map.contexts(batch, heads)
        expectation = self.estimator.expect(self.catalog, batch, heads, contexts)
        if billing.discounted(queries):
            cost_usd = billing.cost_usd(queries, self.catalog, expectation.output_tokens)
            expectation = replace(expectation, cost_usd=cost_usd)
        return Outlook(
            queries=tuple(queries),
            profiles=self.gatekeeper.profiles(queries, heads),
            contexts=contexts,
            expectation=expectation,
        )

    def route(self, query: Query, rng: np.random.Generator) -> Decision:
        """Choose a candidate for one request.

        Parameters
        ----------
        query : the request.
        rng : draws the choice and the decision's id.

        Returns
        -------
        decision : with the propensity of the choice. Never fails for want of an eligible candidate: see
            :func:`arbiter.constraints.emergency`.
        """
        return self.route_batch([query], rng)[0]

    def route_batch(self, queries: Sequence[Query], rng: np.random.Generator) -> list[Decision]:
        """Choose a candidate for each of n requests; features and estimates are computed together."""
        if not queries:
            return []
        outlook = self.outlook(queries)
        return [self._decide(outlook, i, rng) for i in range(len(queries))]

    def action_probabilities(self, outlook: Outlook) -> FloatArray:
        """Give the (n, K) probabilities with which the requests would be routed, for offline evaluation."""
        weighed = [self.weigh(outlook, i) for i in range(len(outlook.queries))]
        pairs = zip(outlook.contexts, weighed, strict=True)
        return np.stack([self.policy.action_probabilities(z, w.eligible, w.expectation) for z, w in pairs])

    def eligible(self, outlook: Outlook) -> NDArray[np.bool_]:
        """Give the (n, K) mask of who may answer; in each row at least one."""
        return np.stack([self.weigh(outlook, i).eligible for i in range(len(outlook.queries))])

    def weigh(self, outlook: Outlook, i: int) -> Weighed:
        """Apply constraints, then the weights of the strategy in force, to request ``i``."""
        query, profile = outlook.queries[i], outlook.profiles[i]
        row = STRATEGIES[query.strategy or self.settings.strategy]
        expected = outlook.expectation.row(i).weighed(self.settings.weights(row.objective))
        reasons = exclusions(query, profile, self.catalog, expected, self.settings)
        eligible = eligible_mask(self.catalog, reasons)
        nothing = not eligible.any()
        if nothing:
            eligible[emergency(self.catalog, query, row.preset)] = True
        return Weighed(eligible=eligible, expectation=expected, reasons=reasons, emergency=nothing)

    def _decide(self, outlook: Outlook, i: int, rng: np.random.Generator) -> Decision:
        profile, query = outlook.profiles[i], outlook.queries[i]
        weighed = self.weigh(outlook, i)
        eligible, expected = weighed.eligible, weighed.expectation
        probabilities = self.policy.action_probabilities(outlook.contexts[i], eligible, expected)
        chosen = _draw(probabilities, rng)
        names = self.catalog.names
        order = fallback_order(self.catalog, chosen, eligible, expected.utility)
        return Decision(
            id=rng.bytes(16).hex(),
            model=names[chosen],
            propensity=float(probabilities[chosen]),
            action_probs={names[k]: float(probabilities[k]) for k in np.flatnonzero(eligible)},
            fallbacks=tuple(names[k] for k in order[: self.settings.fallbacks[profile.risk]]),
            confidence=0.0 if weighed.emergency else _confidence(chosen, eligible, expected),
            strategy=query.strategy or self.settings.strategy,
            profile=profile,
            estimates=dict(zip(names, estimates_of(expected, self.catalog, query), strict=True)),
            utilities=dict(zip(names, expected.utility.tolist(), strict=True)),
            excluded=weighed.reasons,
            needs_human_review=profile.risk >= self.settings.review_from,
            degraded=_degraded(weighed, profile),
            policy_version=self.policy.version,
            context_version=self.context_map.fingerprint,
            context=tuple(outlook.contexts[i].tolist()),
            session_id=query.session_id,
            user=query.user,
            quality_per_usd=expected.weights.quality_per_usd,
            quality_per_s=expected.weights.quality_per_s,
        )


def _degraded(weighed: Weighed, profile: TaskProfile) -> tuple[str, ...]:
    emergency = (EMERGENCY,) if weighed.emergency else ()
    return (*emergency, f"profile by {profile.source}: {profile.fell_back}") if profile.fell_back else emergency


def _draw(probabilities: FloatArray, rng: np.random.Generator) -> int:
    """Invert the distribution function at a uniform number; an action of probability 0 is never drawn."""
    edges = probabilities.cumsum()
    return int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))


def _confidence(chosen: int, eligible: NDArray[np.bool_], expected: Expectation) -> float:
    """Give the probability that the chosen candidate's utility exceeds that of its best rival, given their errors."""
    rivals = np.flatnonzero(eligible)
    rivals = rivals[rivals != chosen]
    if rivals.size == 0:
        return 1.0
    utility, error = expected.utility, expected.quality_se
    rival = int(rivals[np.argmax(utility[rivals])])
    scale = float(np.hypot(error[chosen], error[rival]))
    gap = float(utility[chosen] - utility[rival])
    return 0.5 * (1.0 + math.erf(gap / (max(scale, 1e-9) * math.sqrt(2.0))))


def estimates_of(expected: Expectation, catalog: Catalog, query: Query) -> list[Estimate]:
    """Give the K estimates of one request, with what nine of ten answers stay below."""
    long = np.minimum(expected.output_tokens_at(HIGH), catalog.arrays.max_output_tokens)
    price = catalog.arrays.usd_per_mtok_batch_out if query.batch else catalog.arrays.usd_per_mtok_out
    dear = expected.cost_usd + np.maximum(long - expected.output_tokens, 0.0) * price / billing.TOKENS_PER_MTOK
    columns = (
        expected.quality,
        expected.quality_se,
        expected.cost_usd,
        expected.latency_s,
        expected.output_tokens,
        dear,
        expected.latency_at(HIGH),
        long,
    )
    return [
        Estimate(
            quality=q,
            quality_se=se,
            cost_usd=usd,
            latency_s=s,
            output_tokens=n,
            cost_p90_usd=usd_p90,
            latency_p90_s=s_p90,
            output_tokens_p90=n_p90,
        )
        for q, se, usd, s, n, usd_p90, s_p90, n_p90 in zip(*(c.tolist() for c in columns), strict=True)
    ]
