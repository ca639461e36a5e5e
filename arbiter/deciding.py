"""Between estimates and decisions: what is known of n requests before and after a policy spoke, and the draw."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.estimates import billing
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.records import Estimate, Query, TaskProfile

FloatArray = NDArray[np.float64]

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

    def one(self, i: int, query: Query) -> "Outlook":
        """Give the outlook of request ``i`` alone, under the circumstances that ``query`` tells."""
        return self.take(np.array([i]), [query])

    def take(self, rows: NDArray[np.int64], queries: Sequence[Query]) -> "Outlook":
        """Give the outlook of the requests at ``rows``, under the circumstances that ``queries`` tell."""
        return Outlook(
            queries=tuple(queries),
            profiles=[self.profiles[i] for i in rows.tolist()],
            contexts=self.contexts[rows],
            expectation=self.expectation.take(rows),
        )


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
class WeighedBatch:
    """n requests after constraints and weights.

    Attributes
    ----------
    eligible : (n, K) who may answer; at least one in each row.
    reasons : n times excluded candidate to reason.
    emergency : (n,) whether nobody fulfilled the constraints and the emergency choice stands in.
    weights : n, those in force.
    utility : (n, K), under these.
    """

    eligible: NDArray[np.bool_]
    reasons: list[dict[str, str]]
    emergency: NDArray[np.bool_]
    weights: list[UtilityWeights]
    utility: FloatArray

    def one(self, i: int, expectation: Expectation) -> Weighed:
        """Give request ``i`` alone, with its expectation, arrays (K,)."""
        return Weighed(
            eligible=self.eligible[i],
            expectation=expectation.weighed(self.weights[i]),
            reasons=self.reasons[i],
            emergency=bool(self.emergency[i]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Everything of n decisions but the draw: arrays that are cheap to hand from one process to another.

    Attributes
    ----------
    outlook : what is believed of the requests.
    weighed : who may answer.
    probabilities : (n, K), the policy's.
    ruled : (n,) where a rule of the user's spoke in the policy's place; None where there is none.
    """

    outlook: Outlook
    weighed: WeighedBatch
    probabilities: FloatArray
    ruled: NDArray[np.bool_] | None = None


def draws(probabilities: FloatArray, rng: np.random.Generator) -> tuple[list[int], list[str]]:
    """Draw the choices of n decisions, and their ids.

    The distribution function is inverted at a uniform number; an action of probability 0 is never drawn.

    Parameters
    ----------
    probabilities : (n, K).
    rng : gives the number and the id of each request in turn, so that a batch and its requests one by one are drawn
        alike.
    """
    chosen, ids = [], []
    for edges in probabilities.cumsum(axis=1).tolist():
        chosen.append(bisect_right(edges, rng.random() * edges[-1]))
        ids.append(rng.bytes(16).hex())
    return chosen, ids


def confidences(chosen: Sequence[int], weighed: WeighedBatch, quality_se: FloatArray) -> list[float]:
    """Give the probability that each choice's utility exceeds that of its best rival, given their errors.

    Parameters
    ----------
    chosen : n places in the catalog.
    weighed : of the n requests.
    quality_se : (n, K).

    Returns
    -------
    confidences : n; 1 where there is no rival, 0 where the choice is the emergency's.
    """
    rows, utility = np.arange(len(chosen)), weighed.utility
    rivals = weighed.eligible.copy()
    rivals[rows, chosen] = False
    best = np.where(rivals, utility, -np.inf).argmax(axis=1)
    scale = np.hypot(quality_se[rows, chosen], quality_se[rows, best])
    gap = utility[rows, chosen] - utility[rows, best]
    z = gap / (np.maximum(scale, 1e-9) * math.sqrt(2.0))
    sure = [0.5 * (1.0 + math.erf(value)) for value in z.tolist()]
    rivalled: list[bool] = np.any(rivals, axis=1).tolist()
    sure = [p if any_rival else 1.0 for p, any_rival in zip(sure, rivalled, strict=True)]
    return [0.0 if nobody else p for p, nobody in zip(sure, weighed.emergency.tolist(), strict=True)]


def estimates_of(expectation: Expectation, catalog: Catalog, queries: Sequence[Query]) -> list[list[Estimate]]:
    """Give, for each of n requests, its K estimates with what nine of ten answers stay below.

    Parameters
    ----------
    expectation : arrays (n, K).
    catalog : K candidates.
    queries : n requests.
    """
    e, prices = expectation, catalog.arrays
    long = np.minimum(e.output_tokens_at(HIGH), prices.max_output_tokens)
    in_batch = np.array([query.batch for query in queries])[:, None]
    price = np.where(in_batch, prices.usd_per_mtok_batch_out, prices.usd_per_mtok_out)
    dear = e.cost_usd + np.maximum(long - e.output_tokens, 0.0) * price / billing.TOKENS_PER_MTOK
    columns = (e.quality, e.quality_se, e.cost_usd, e.latency_s, e.output_tokens, dear, e.latency_at(HIGH), long)
    table = np.stack(columns, axis=2).tolist()  # (n, K, 8)
    return [
        [
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
            for q, se, usd, s, n, usd_p90, s_p90, n_p90 in row
        ]
        for row in table
    ]
