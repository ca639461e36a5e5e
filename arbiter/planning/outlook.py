"""What is expected of every model of the catalog on one use case, from the traffic or else the catalog."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.catalog.catalog import typical_latency_s
from arbiter.ope.distributions import normal_quantile
from arbiter.planning.history import CaseHistory, ModelHistory, token_count, weighed_mean
from arbiter.planning.request_cost import LEAST_HISTORY, RequestCost, measured, priced
from arbiter.planning.token_count import TokenCount
from arbiter.planning.use_case import Assumptions, UseCase
from arbiter.records import Candidate
from arbiter.vocabulary import Workload

FloatArray = NDArray[np.float64]

LEAST_LATENCIES = 100
"""Measured latencies from which a high quantile is read off them rather than off the catalog."""

LATENCY_LOG_SD = 0.5
"""Spread of a latency of which the catalog names no 99th percentile: p95 over twice the median."""

MOST_LATENCY_LOG_SD = 1.5

LEAST_VARIANCE = 1e-4
"""Of a judged answer: a few answers that were judged alike do not make a mean certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOutlook:
    """One model on one use case.

    Attributes
    ----------
    candidate : its entry in the catalog.
    quality, quality_se : expected mean and its standard error.
    judged : answers behind it; 0 is the catalog's rating alone.
    cost : of a request; None where lengths are neither declared nor logged.
    tokens : of request and answer; None likewise.
    latency_median_s, latency_s : that half, and that the use case's quantile of the answers stay below; of the first
        token where the workload streams.
    timed : latencies behind it; 0 is the catalog's prior.
    """

    candidate: Candidate
    quality: float
    quality_se: float
    judged: int
    cost: RequestCost | None
    tokens: tuple[TokenCount, TokenCount] | None
    latency_median_s: float
    latency_s: float
    timed: int


def outlooks(
    case: UseCase, catalog: Catalog, history: CaseHistory, assumptions: Assumptions
) -> tuple[ModelOutlook, ...]:
    """Give what is expected of every model, in the catalog's order."""
    qualities = _qualities(catalog, history, assumptions.rating_sd)
    found = []
    for candidate, (quality, se) in zip(catalog, qualities, strict=True):
        past = history.models.get(candidate.name, ModelHistory())
        tokens = _tokens(case, history, past, candidate)
        typical, late, timed = _latency(case, candidate, past, _output_tokens(case, history, past, candidate))
        found.append(
            ModelOutlook(
                candidate=candidate,
                quality=quality,
                quality_se=se,
                judged=past.quality.size,
                cost=_cost(candidate, past, tokens, assumptions.token_error, _declared(case)),
                tokens=tokens,
                latency_median_s=typical,
                latency_s=late,
                timed=timed,
            )
        )
    return tuple(found)


def _qualities(catalog: Catalog, history: CaseHistory, rating_sd: float) -> list[tuple[float, float]]:
    """Give mean and standard error of each model's quality.

    The catalog's rating, shifted to the scale of the log's judge, is the prior, the judged answers are the data; both
    are normal, so precisions add (Gelman et al., 2013, eq. 2.10-2.12). The shift is the mean of (judged - rating) over
    the models that were judged: without it models that nobody judged would look better than those a strict judge saw.
    """
    judged = {
        name: weighed_mean(past.quality, past.quality_weight)
        for name, past in history.models.items()
        if past.quality.size >= 2
    }
    gaps = np.array([mean - catalog[name].quality for name, (mean, _) in judged.items() if name in catalog])
    shift = float(gaps.mean()) if gaps.size else 0.0
    shift_se = rating_sd / math.sqrt(gaps.size) if gaps.size else 0.0
    found = []
    for candidate in catalog:
        prior, spread = candidate.quality + shift, math.hypot(rating_sd, shift_se)
        known = judged.get(candidate.name)
        if known is None:
            found.append((min(max(prior, 0.0), 1.0), spread))
            continue
        own_variance = max(known[1], LEAST_VARIANCE / history.models[candidate.name].quality.size)
        weight = own_variance / (own_variance + spread**2)
        mean = weight * prior + (1.0 - weight) * known[0]
        found.append((min(max(mean, 0.0), 1.0), math.sqrt(own_variance * (1.0 - weight))))
    return found


def _declared(case: UseCase) -> bool:
    return case.input_tokens is not None and case.output_tokens is not None


def _tokens(
    case: UseCase, history: CaseHistory, past: ModelHistory, candidate: Candidate
) -> tuple[TokenCount, TokenCount] | None:
    """Give the lengths: as declared, else as logged for this model, else for all of them."""
    tokens_in = case.input_tokens or token_count(history.input_tokens)
    tokens_out = _output_tokens(case, history, past, candidate)
    return None if tokens_in is None or tokens_out is None else (tokens_in, tokens_out)


def _output_tokens(case: UseCase, history: CaseHistory, past: ModelHistory, candidate: Candidate) -> TokenCount | None:
    everyone = np.concatenate([np.empty(0), *(each.output_tokens for each in history.models.values())])
    found = case.output_tokens or token_count(past.output_tokens) or token_count(everyone)
    if found is None or found.mean <= candidate.max_output_tokens:
        return found
    scale = candidate.max_output_tokens / found.mean
    return TokenCount(mean=found.mean * scale, sd=found.sd * scale)


def _cost(
    candidate: Candidate,
    past: ModelHistory,
    tokens: tuple[TokenCount, TokenCount] | None,
    error: float,
    declared: bool,
) -> RequestCost | None:
    """Give the cost: price times tokens where both lengths are declared, else what was billed, else list price."""
    if not declared and past.cost_usd.size >= LEAST_HISTORY:
        return measured(past.cost_usd, weights=past.cost_weight)
    if tokens is None:
        return None
    return priced((candidate.usd_per_mtok_in, candidate.usd_per_mtok_out), tokens, error)


def _latency(
    case: UseCase, candidate: Candidate, past: ModelHistory, answer: TokenCount | None
) -> tuple[float, float, int]:
    """Give median, the use case's quantile, and how many latencies were measured."""
    streams = case.workload is Workload.STREAMING
    level, values = case.limits.latency_quantile, past.ttft_s if streams else past.latency_s
    if values.size >= LEAST_LATENCIES:
        return float(np.median(values)), float(np.quantile(values, level)), values.size
    typical = candidate.ttft_s
    if not streams and answer is not None:
        typical += answer.mean / candidate.output_tokens_per_s
    spread = LATENCY_LOG_SD
    if candidate.latency_p99_s is not None:
        ratio = max(candidate.latency_p99_s / typical_latency_s(candidate), 1.0)
        spread = min(math.log(ratio) / normal_quantile(0.99), MOST_LATENCY_LOG_SD)
    return typical, typical * math.exp(spread * normal_quantile(level)), 0
