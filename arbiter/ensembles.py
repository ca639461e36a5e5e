"""Ensembles before they are asked: who, at what cost together, and what their joint answer may be worth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from arbiter.deciding import estimates_of
from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.records import Decision, Estimate, Query, TaskProfile
from arbiter.router import Router
from arbiter.vocabulary import Aggregation

FloatArray = NDArray[np.float64]

LEAST_RESPONSES: Mapping[Aggregation, int] = MappingProxyType(
    {
        Aggregation.MAJORITY_VOTE: 3,
        Aggregation.WEIGHTED_VOTE: 2,
        Aggregation.BEST_OF_N: 2,
        Aggregation.CONCATENATE: 1,
        Aggregation.SYNTHESIZE: 2,
        Aggregation.FIRST_VALID: 1,
    }
)
"""Answers without which an aggregation says nothing."""

LEAST_AGREEMENT = 0.5
"""Share of the weight behind the answer that a vote gives."""

CONSIDERED = 10
"""Candidates of the greatest utility from which members are chosen."""

MOST_MEMBERS = 7

SURE = 0.995
"""A quality beyond this, or below its complement, counts as this in the weight of a vote."""


def read_aggregation(name: str) -> Aggregation:
    """Give the aggregation of that name.

    Raises
    ------
    InvalidInputError
        If there is none; the message lists them all.
    """
    try:
        return Aggregation(name)
    except ValueError:
        raise InvalidInputError(f"unknown aggregation {name!r}; there are {', '.join(Aggregation)}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One candidate of an ensemble.

    Attributes
    ----------
    model : its name.
    weight : share of the vote; all weights sum to 1.
    estimate : what is expected of it alone.
    """

    model: str
    weight: float
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsemblePlan:
    """Who is asked together, and what is expected of it.

    Attributes
    ----------
    aggregation : how the answers become one.
    members : by falling weight.
    least_responses, least_agreement : below which the ensemble gives no answer of its own.
    quality_if_alike, quality_if_independent : expected quality of the joint answer if the members fail on the same
        requests, and if they fail independently; the truth lies between, for models mostly nearer to the former. None
        where the aggregation writes a new answer, of which nothing is known.
    cost_usd, latency_s : of all members, and of the slowest (the first for ``first_valid``); without a judge's.
    single : the candidate of the greatest utility alone, with
    single_estimate : what is expected of it.
    gain_if_alike, gain_if_independent : utility of the ensemble less that of ``single``, in quality points.
    profile : what the gatekeeper says of the request.
    """

    aggregation: Aggregation
    members: tuple[Member, ...]
    least_responses: int
    least_agreement: float
    quality_if_alike: float | None
    quality_if_independent: float | None
    cost_usd: float
    latency_s: float
    single: str
    single_estimate: Estimate
    gain_if_alike: float | None
    gain_if_independent: float | None
    profile: TaskProfile


def plan_ensemble(
    router: Router, query: Query, aggregation: Aggregation = Aggregation.MAJORITY_VOTE, members: int = 3
) -> EnsemblePlan:
    """Choose the members of an ensemble for one request; nobody is asked.

    Of the ten eligible candidates of the greatest utility, those members are taken whose joint answer has the greatest
    utility, with its quality half-way between the two bounds that an :class:`EnsemblePlan` tells.

    Parameters
    ----------
    router : estimates and weighs.
    query : the request; its strategy gives the worth of money and time.
    aggregation : how the answers become one.
    members : how many are asked.

    Raises
    ------
    InvalidInputError
        If so many cannot be asked: fewer than the aggregation needs, more than seven, or more than are eligible.
    """
    least = LEAST_RESPONSES[aggregation]
    if not least <= members <= MOST_MEMBERS:
        raise InvalidInputError(f"{aggregation} takes {least} to {MOST_MEMBERS} members, got {members}")
    outlook = router.outlook([query])
    weighed = router.weigh(outlook, 0)
    utility = weighed.expectation.utility
    ranked = [k for k in np.argsort(-utility, kind="stable").tolist() if weighed.eligible[k]]
    if weighed.emergency or len(ranked) < members:
        fit = 0 if weighed.emergency else len(ranked)
        raise InvalidInputError(f"{members} members are asked for, {fit} candidates are eligible; loosen the limits")
    chosen, joint = _best_group(ranked, weighed.expectation, aggregation, members)
    estimates = estimates_of(outlook.expectation, router.catalog, [query])[0]
    names, single = router.catalog.names, ranked[0]
    rows = sorted(zip(chosen.tolist(), joint.weights.tolist(), strict=True), key=lambda row: -row[1])
    gains = [None if u is None else u - float(utility[single]) for u in (joint.utility_alike, joint.utility_apart)]
    return EnsemblePlan(
        aggregation=aggregation,
        members=tuple(Member(model=names[k], weight=w, estimate=estimates[k]) for k, w in rows),
        least_responses=least,
        least_agreement=LEAST_AGREEMENT,
        quality_if_alike=joint.alike,
        quality_if_independent=joint.apart,
        cost_usd=joint.cost_usd,
        latency_s=joint.latency_s,
        single=names[single],
        single_estimate=estimates[single],
        gain_if_alike=gains[0],
        gain_if_independent=gains[1],
        profile=outlook.profiles[0],
    )


def members_of(decision: Decision, aggregation: Aggregation, members: int) -> tuple[Member, ...]:
    """Choose the members of an ensemble for a request that is decided, as :func:`plan_ensemble` does.

    Parameters
    ----------
    decision : its choice is always a member.
    aggregation : how the answers become one.
    members : how many are asked; fewer where fewer are eligible.

    Returns
    -------
    members : by falling weight; empty where nothing is expected of the choice.
    """
    names = [name for name in decision.action_probs if name in decision.estimates]
    ranked = sorted(range(len(names)), key=lambda k: -decision.utilities[names[k]])
    if decision.model not in names:
        return ()
    estimates = [decision.estimates[name] for name in names]
    expected = Expectation(
        quality=np.array([estimate.quality for estimate in estimates]),
        quality_se=np.array([estimate.quality_se for estimate in estimates]),
        cost_usd=np.array([estimate.cost_usd for estimate in estimates]),
        latency_s=np.array([estimate.latency_s for estimate in estimates]),
        output_tokens=np.array([estimate.output_tokens for estimate in estimates]),
        weights=UtilityWeights(
            quality_per_usd=decision.quality_per_usd or 0.0, quality_per_s=decision.quality_per_s or 0.0
        ),
    )
    chosen = names.index(decision.model)
    first = [chosen, *(k for k in ranked if k != chosen)]
    group, joint = _best_group(first, expected, aggregation, min(members, len(names)), kept=1)
    rows = sorted(zip(group.tolist(), joint.weights.tolist(), strict=True), key=lambda row: -row[1])
    return tuple(Member(model=names[k], weight=w, estimate=estimates[k]) for k, w in rows)


def _best_group(
    ranked: Sequence[int], expected: Expectation, aggregation: Aggregation, members: int, kept: int = 0
) -> "tuple[NDArray[np.int64], _Joint]":
    """Give the group of the greatest joint utility, among those that hold the first ``kept`` of the ranked."""
    considered = list(ranked[:CONSIDERED])
    groups = [np.array(considered[:kept] + list(g)) for g in combinations(considered[kept:], members - kept)]
    chosen = max(groups, key=lambda group: _Joint.of(group, expected, aggregation).middle_utility)
    return chosen, _Joint.of(chosen, expected, aggregation)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joint:
    """What is expected of some candidates together.

    Attributes
    ----------
    weights : (m,) of the votes, sum 1.
    alike, apart : quality if the members fail together, and if they fail independently; None where unknown.
    cost_usd, latency_s : of the whole.
    price : of cost and latency, in quality points.
    rating : mean quality of the members, by which they are chosen where the joint quality is unknown.
    """

    weights: FloatArray
    alike: float | None
    apart: float | None
    cost_usd: float
    latency_s: float
    price: float
    rating: float

    @classmethod
    def of(cls, group: NDArray[np.int64], expected: Expectation, aggregation: Aggregation) -> "_Joint":
        quality, latency = expected.quality[group], expected.latency_s[group]
        first = aggregation is Aggregation.FIRST_VALID
        cost, slowest = float(expected.cost_usd[group].sum()), float(latency.min() if first else latency.max())
        weights = vote_weights(quality) if aggregation is Aggregation.WEIGHTED_VOTE else np.full(len(group), 1.0)
        alike, apart = joint_quality(quality, latency, aggregation)
        return cls(
            weights=weights / weights.sum(),
            alike=alike,
            apart=apart,
            cost_usd=cost,
            latency_s=slowest,
            price=expected.weights.quality_per_usd * cost + expected.weights.quality_per_s * slowest,
            rating=float(quality.mean()),
        )

    @property
    def utility_alike(self) -> float | None:
        return None if self.alike is None else self.alike - self.price

    @property
    def utility_apart(self) -> float | None:
        return None if self.apart is None else self.apart - self.price

    @property
    def middle_utility(self) -> float:
        if self.alike is None or self.apart is None:
            return self.rating - self.price
        return 0.5 * (self.alike + self.apart) - self.price


def vote_weights(quality: FloatArray) -> FloatArray:
    """Give the (m,) weights of independent voters that are right with these probabilities: their log-odds, 0 at least.

    No other weights make the joint answer right more often, for answers that are right or wrong alike (Nitzan and
    Paroush, 1982, theorem 1). Theory and code part at a voter worse than chance, whose vote would count against it
    there and counts nothing here. Where all are, all count the same.
    """
    odds = np.maximum([math.log(q / (1.0 - q)) for q in np.clip(quality, 1.0 - SURE, SURE).tolist()], 0.0)
    return odds if odds.sum() > 0 else np.ones(len(quality))


def joint_quality(
    quality: FloatArray, latency_s: FloatArray, aggregation: Aggregation
) -> tuple[float | None, float | None]:
    """Give the expected quality of a joint answer, if its members fail on the same requests and if independently.

    Parameters
    ----------
    quality : (m,) probability that a member is right; a graded quality is read as one.
    latency_s : (m,); the fastest is the first valid.
    aggregation : how the answers become one. ``best_of_n`` is given a judge that knows the best, so both values are
        bounds; ``synthesize`` and ``concatenate`` write something new.

    Returns
    -------
    alike, independent : in [0, 1]; both None where nothing is known.

    Notes
    -----
    A vote is right where the weights behind right answers are more than half, and half the time where they are half
    (Condorcet, 1785; wrong answers are taken to agree, the worst case of a plurality). Independent voters are counted
    over all 2^m patterns; voters that fail together are those whose patterns are nested: whoever is right, so is
    everyone of greater quality.
    """
    if aggregation in (Aggregation.SYNTHESIZE, Aggregation.CONCATENATE):
        return None, None
    if aggregation is Aggregation.FIRST_VALID:
        first = float(quality[int(np.argmin(latency_s))])
        return first, first
    if aggregation is Aggregation.BEST_OF_N:
        return float(quality.max()), float(1.0 - np.prod(1.0 - quality))
    weights = vote_weights(quality) if aggregation is Aggregation.WEIGHTED_VOTE else np.ones(len(quality))
    m = len(quality)
    patterns = (np.arange(2**m)[:, None] >> np.arange(m)) & 1  # (2^m, m), 1 where a voter is right
    apart = np.where(patterns == 1, quality, 1.0 - quality).prod(axis=1)
    order = np.argsort(-quality, kind="stable")
    edges = np.concatenate([[1.0], quality[order], [0.0]])
    nested = np.zeros((m + 1, m))  # the first j of the order are right
    for j in range(m + 1):
        nested[j, order[:j]] = 1.0
    return _right(nested, weights, edges[:-1] - edges[1:]), _right(patterns, weights, apart)


def _right(patterns: NDArray[np.float64] | NDArray[np.int64], weights: FloatArray, chances: FloatArray) -> float:
    share = patterns @ weights / weights.sum()
    return float((chances * np.where(np.isclose(share, 0.5), 0.5, share > 0.5)).sum())
