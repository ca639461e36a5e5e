"""The router: a query becomes a decision. Pure: no file, no network, no clock; randomness comes in as a generator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.constraints import eligible_mask, emergency, exclusions_of_batch, fallback_order
from arbiter.deciding import Assessment, Outlook, Weighed, WeighedBatch, confidences, draws, estimates_of
from arbiter.estimates import billing
from arbiter.estimates.estimator import Estimator
from arbiter.estimates.expectation import UtilityWeights
from arbiter.features import Features
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.policies.context import ContextMap
from arbiter.policies.protocol import Policy
from arbiter.policies.rule import Rule
from arbiter.records import Decision, Estimate, Query, TaskProfile
from arbiter.settings import Settings
from arbiter.strategies import STRATEGIES

FloatArray = NDArray[np.float64]

EMERGENCY = "no candidate fulfils the constraints: emergency choice"
"""What a decision says of itself when the constraints left nobody."""

AT_ONCE = 256
"""Requests of a batch that are worked on together: more gain nothing, and their arrays would outgrow the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Everything that a decision is made with; immutable, so that threads can share it and a swap is one assignment.

    Attributes
    ----------
    catalog : the K candidates.
    features, gatekeeper, context_map, estimator : from the text to what is expected of each candidate.
    policy : from there to action probabilities.
    settings : weights, floors and lengths.
    rule : the user's own, which goes before the policy where it speaks. It belongs to the process, not to a bundle.
    """

    catalog: Catalog
    features: Features
    gatekeeper: Gatekeeper
    context_map: ContextMap
    estimator: Estimator
    policy: Policy
    settings: Settings
    rule: Rule | None = None

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
        decisions: list[Decision] = []
        for start in range(0, len(queries), AT_ONCE):
            decisions += self.draw(self.assess(queries[start : start + AT_ONCE]), rng)
        return decisions

    def assess(self, queries: Sequence[Query]) -> Assessment:
        """Do everything of n decisions but draw: what :meth:`draw` needs, without a random number."""
        return self._assessed(self.outlook(queries))

    def draw(self, assessment: Assessment, rng: np.random.Generator) -> list[Decision]:
        """Draw the choices of n requests that were assessed by this router."""
        chosen, ids = draws(assessment.probabilities, rng)
        outlook, weighed = assessment.outlook, assessment.weighed
        sure = confidences(chosen, weighed, outlook.expectation.quality_se)
        ranked = np.argsort(-weighed.utility, axis=1, kind="stable").tolist()
        columns = (chosen, ids, sure, ranked, estimates_of(outlook.expectation, self.catalog, outlook.queries))
        tables = (weighed.eligible, assessment.probabilities, weighed.utility, outlook.contexts)
        rows = zip(*columns, *(table.tolist() for table in tables), strict=True)
        return [self._decision(assessment, i, _Row(*row)) for i, row in enumerate(rows)]

    def decide(self, outlook: Outlook, rng: np.random.Generator) -> list[Decision]:
        """Choose a candidate for each request of an outlook that this router, or its like at other prices, gave."""
        return self.draw(self._assessed(outlook), rng)

    def action_probabilities(self, outlook: Outlook) -> FloatArray:
        """Give the (n, K) probabilities with which the requests would be routed, for offline evaluation."""
        return self._assessed(outlook).probabilities

    def eligible(self, outlook: Outlook) -> NDArray[np.bool_]:
        """Give the (n, K) mask of who may answer; in each row at least one."""
        return self._weighed(outlook).eligible

    def weigh(self, outlook: Outlook, i: int) -> Weighed:
        """Apply constraints, then the weights of the strategy in force, to request ``i``."""
        alone = outlook.one(i, outlook.queries[i])
        return self._weighed(alone).one(0, alone.expectation.row(0))

    def _assessed(self, outlook: Outlook) -> Assessment:
        queries, weighed = outlook.queries, self._weighed(outlook)
        probabilities = np.empty(weighed.eligible.shape)
        for weights, rows in _alike(weighed.weights):
            expected = outlook.expectation.take(rows).weighed(weights)
            eligible, contexts = weighed.eligible[rows], outlook.contexts[rows]
            probabilities[rows] = self.policy.action_probabilities(contexts, eligible, expected)
        if self.rule is None:
            return Assessment(outlook=outlook, weighed=weighed, probabilities=probabilities)
        probabilities, spoke = self.rule.applied(queries, self.catalog.names, weighed.eligible, probabilities)
        return Assessment(outlook=outlook, weighed=weighed, probabilities=probabilities, ruled=spoke)

    def _weighed(self, outlook: Outlook) -> WeighedBatch:
        queries, expectation = outlook.queries, outlook.expectation
        weights = [self._weights(query) for query in queries]
        utility = np.empty(expectation.quality.shape)
        for own, rows in _alike(weights):
            utility[rows] = expectation.take(rows).weighed(own).utility
        reasons = exclusions_of_batch(queries, outlook.profiles, self.catalog, expectation, self.settings)
        eligible = eligible_mask(self.catalog, reasons)
        nobody = np.logical_not(np.any(eligible, axis=1))
        for i in np.flatnonzero(nobody).tolist():
            preset = STRATEGIES[queries[i].strategy or self.settings.strategy].preset
            eligible[i, emergency(self.catalog, queries[i], preset)] = True
        return WeighedBatch(eligible=eligible, reasons=reasons, emergency=nobody, weights=weights, utility=utility)

    def _weights(self, query: Query) -> UtilityWeights:
        weights = self.settings.weights(STRATEGIES[query.strategy or self.settings.strategy].objective)
        now = query.circumstances
        if now.quality_per_usd is not None:
            weights = replace(weights, quality_per_usd=now.quality_per_usd)
        if now.economy is not None:
            weights = replace(weights, quality_per_usd=weights.quality_per_usd * now.economy.factor)
        return weights

    def _decision(self, assessment: Assessment, i: int, row: "_Row") -> Decision:
        outlook, weighed, names = assessment.outlook, assessment.weighed, self.catalog.names
        profile, query, weights = outlook.profiles[i], outlook.queries[i], weighed.weights[i]
        ruled = assessment.ruled is not None and bool(assessment.ruled[i])
        ranked = [k for k in row.ranked if row.eligible[k]]
        order = fallback_order(self.catalog, row.chosen, ranked, self.settings.fallbacks[profile.risk])
        return Decision(
            id=row.id,
            model=names[row.chosen],
            propensity=row.probabilities[row.chosen],
            action_probs={name: p for name, p, may in zip(names, row.probabilities, row.eligible, strict=True) if may},
            fallbacks=tuple(names[k] for k in order),
            confidence=row.confidence,
            strategy=query.strategy or self.settings.strategy,
            profile=profile,
            estimates=dict(zip(names, row.estimates, strict=True)),
            utilities=dict(zip(names, row.utility, strict=True)),
            excluded=weighed.reasons[i],
            needs_human_review=profile.risk >= self.settings.review_from,
            degraded=_degraded(bool(weighed.emergency[i]), profile),
            policy_version=self.rule.version if self.rule and ruled else self.policy.version,
            context_version=self.context_map.fingerprint,
            context=tuple(row.context),
            session_id=query.session_id,
            user=query.user,
            quality_per_usd=weights.quality_per_usd,
            quality_per_s=weights.quality_per_s,
            input_tokens=query.input_tokens,
            bandit_share=None if ruled else self.policy.share,
            economy=query.circumstances.economy,
        )


def _degraded(emergency: bool, profile: TaskProfile) -> tuple[str, ...]:
    said = (EMERGENCY,) if emergency else ()
    return (*said, f"profile by {profile.source}: {profile.fell_back}") if profile.fell_back else said


class _Row(NamedTuple):
    """What a decision says of one request of a batch; lists are over the K candidates."""

    chosen: int
    id: str
    confidence: float
    ranked: list[int]
    estimates: list[Estimate]
    eligible: list[bool]
    probabilities: list[float]
    utility: list[float]
    context: list[float]


def _alike(weights: Sequence[UtilityWeights]) -> Iterator[tuple[UtilityWeights, NDArray[np.int64]]]:
    """Give each of the weights once, with the places of the requests under it."""
    places: dict[UtilityWeights, list[int]] = {}
    for i, own in enumerate(weights):
        places.setdefault(own, []).append(i)
    return ((own, np.array(rows)) for own, rows in places.items())
