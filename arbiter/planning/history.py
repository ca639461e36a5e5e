"""What the traffic of a team says of a use case; read by the workshop, computed with here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.planning.token_count import TokenCount

FloatArray = NDArray[np.float64]


def no_values() -> FloatArray:
    """Give an empty (0,) array."""
    return np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHistory:
    """What one model did on the requests of a use case; arrays in order of time, unknown values left out.

    Attributes
    ----------
    cost_usd, quality, latency_s, ttft_s, output_tokens : (n,) each of its own n.
    cost_weight, quality_weight : (n,) one over the probability with which the request went to this model, so that means
        are those of all requests; empty where all count alike.
    """

    cost_usd: FloatArray = field(default_factory=no_values)
    quality: FloatArray = field(default_factory=no_values)
    latency_s: FloatArray = field(default_factory=no_values)
    ttft_s: FloatArray = field(default_factory=no_values)
    output_tokens: FloatArray = field(default_factory=no_values)
    cost_weight: FloatArray = field(default_factory=no_values)
    quality_weight: FloatArray = field(default_factory=no_values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """What of the requests is said twice; shares in [0, 1].

    Attributes
    ----------
    prefix : of the input, in prefixes of 1,024 tokens or more that an earlier request had as well.
    duplicates : of the requests, near-duplicates of an earlier one.
    redundant : of the input, white space and lines that repeat an earlier line of the same request.
    """

    prefix: float
    duplicates: float
    redundant: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTrial:
    """What a router would have done with the requests, beside every single model on the same requests.

    Attributes
    ----------
    policy : as the user named it.
    requests : n.
    share : chosen model to the share of the requests that it got, of sum 1.
    cost_usd, cost_weight : chosen model to the (m,) costs that are known of the requests that it got, and one over the
        probability with which each came to be known; equal ones where every model answered every request.
    quality : mean.
    utility_gain : single model to the lower end of the interval of the router's mean utility less that model's; 95 %
        for all together (Bonferroni); minus infinity where the log cannot tell.
    single, single_cost_usd, single_quality : the single model of the greatest utility.
    """

    policy: str
    requests: int
    share: Mapping[str, float]
    cost_usd: Mapping[str, FloatArray]
    cost_weight: Mapping[str, FloatArray]
    quality: float
    utility_gain: Mapping[str, float]
    single: str
    single_cost_usd: float
    single_quality: float

    @property
    def beats_all(self) -> bool:
        """Whether the router is better than every single model, beyond chance."""
        return all(low > 0.0 for low in self.utility_gain.values())

    @property
    def mean_cost_usd(self) -> float:
        """Per request."""
        return sum(share * self.mean_cost_of(model) for model, share in self.share.items())

    def mean_cost_of(self, model: str) -> float:
        """Give the mean cost of the requests that a model got."""
        weights, costs = self.cost_weight[model], self.cost_usd[model]
        return float(weights @ costs / weights.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHistory:
    """What the traffic says of one use case.

    Attributes
    ----------
    requests : distinct ones.
    models : name in the catalog to what that model did.
    input_tokens : (n,) of the requests.
    comparable : whether all models answered the same requests, so that their means can be compared.
    weighed : whether they did not, but are weighed by the probabilities with which they were chosen.
    repetition : None where the traffic has no texts.
    routing : None where no router was tried.
    """

    requests: int
    models: Mapping[str, ModelHistory]
    input_tokens: FloatArray = field(default_factory=no_values)
    comparable: bool = False
    weighed: bool = False
    repetition: Repetition | None = None
    routing: RoutingTrial | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the traffic says of all use cases.

    Attributes
    ----------
    cases : name of the use case to its part.
    source, fingerprint : of the traffic; empty where there is none.
    notes : what could not be read of it, and why.
    problems : what in the plan's file does not fit the traffic; planning refuses with them.
    """

    cases: Mapping[str, CaseHistory] = field(default_factory=dict)
    source: str = ""
    fingerprint: str = ""
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def knows(self, case: str) -> bool:
        """Tell whether the traffic, where there is any, could be cut to a use case."""
        return not self.source or case in self.cases

    def of(self, case: str) -> CaseHistory:
        """Give what is known of a use case; an empty history where nothing is."""
        return self.cases.get(case, CaseHistory(requests=0, models={}))


def weighed_mean(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Give the mean of all requests from those that were observed, and its variance.

    The self-normalised estimate sum(w v) / sum(w) with w one over the probability of being observed, and the variance
    of its linearisation, sum(w^2 (v - mean)^2) / sum(w)^2 n / (n - 1) (Hajek, 1971; Swaminathan and Joachims, 2015).
    Equal weights give the sample mean and s^2 / n.

    Parameters
    ----------
    values : (n,) at least two.
    weights : (n,) above 0; empty counts all alike.
    """
    w = weights if weights.size else np.ones(values.size)
    mean = float(w @ values / w.sum())
    n = values.size
    return mean, float((w**2 @ (values - mean) ** 2) / w.sum() ** 2) * n / (n - 1)


def token_count(values: FloatArray) -> TokenCount | None:
    """Give mean and deviation of counted tokens; None where fewer than two were counted."""
    return None if values.size < 2 else TokenCount(mean=float(values.mean()), sd=float(values.std(ddof=1)))
