"""From outcomes to a router: everything that is fitted, fitted on the rows given and on no others."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from arbiter.catalog import Catalog
from arbiter.errors import InvalidInputError
from arbiter.estimates.estimator import Estimator
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.policies import BanditPolicy, BanditSettings
from arbiter.policies.context import ContextMap
from arbiter.router import Router
from arbiter.settings import Settings
from arbiter.vocabulary import Risk, Strategy, Tier
from arbiter_training.estimates import OutcomeData, QualityOptions, QualityReport, fit_quality
from arbiter_training.estimates.length import implied_output_tokens
from arbiter_training.estimates.timing import TimingData, fit_timing
from arbiter_training.gatekeeper import GatekeeperOptions, HeadReport, LabelledQueries, fit_gatekeeper
from arbiter_training.judge import JudgeOptions
from arbiter_training.labels import LabelConflict, conflicts_of, label_sources, labels_of
from arbiter_training.principal import principal_components
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.traffic import OutcomeMatrix

LEAST_NOISE_SD = 1e-3
"""Spread of a judgement that is assumed at least: where all answers were judged alike it would be 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnOptions:
    """How a router is learned.

    Attributes
    ----------
    folds : of the cross-validation inside the training rows.
    seed : of everything random.
    context_components : principal components in the bandit's context.
    quality_per_usd : what a dollar is worth, in quality points; None keeps the balanced default, a tenth of a quality
        point for the cost of the dearest candidate.
    risk_floor : whether high risk needs a frontier candidate; False for benchmarks, where nobody is at risk.
    threads : for linear algebra and boosting. One is fastest below some ten thousand rows.
    quality, gatekeeper, bandit : options of the parts.
    judge : an LLM that labels what neither the log nor its outcomes do; nobody by default.
    """

    folds: int = 5
    seed: int = 0
    context_components: int = 16
    quality_per_usd: float | None = None
    risk_floor: bool = True
    threads: int = 1
    quality: QualityOptions = field(default_factory=QualityOptions)
    gatekeeper: GatekeeperOptions = field(default_factory=GatekeeperOptions)
    bandit: BanditSettings = field(default_factory=BanditSettings)
    judge: JudgeOptions = field(default_factory=JudgeOptions)

    def __post_init__(self) -> None:
        for name, least in (("folds", 2), ("seed", 0), ("context_components", 1), ("threads", 1)):
            if getattr(self, name) < least:
                raise InvalidInputError(f"{name} must be {least} or more, got {getattr(self, name)}")
        worth = self.quality_per_usd
        if worth is not None and not 0.0 <= worth < math.inf:
            raise InvalidInputError(f"quality_per_usd must be a number from 0 up, got {worth}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A router and what its parts were worth out of fold.

    Attributes
    ----------
    router : fitted on all rows given.
    quality : of the quality estimates.
    heads : head to report, for the heads that were fitted anew.
    conflicts : where the sources of labels disagree.
    """

    router: Router
    quality: QualityReport
    heads: Mapping[str, HeadReport]
    conflicts: tuple[LabelConflict, ...]


def learn_router(outcomes: OutcomeMatrix, catalog: Catalog, base: Router, options: LearnOptions) -> Learned:
    """Fit gatekeeper heads (where labels are known), quality, length, speed and the bandit's prior.

    Parameters
    ----------
    outcomes : the training rows.
    catalog : its candidates, in the order of ``outcomes.models``.
    base : gives the features and the gatekeeper's heads for which there are no labels.
    options : how.
    """
    with threadpool_limits(limits=options.threads):
        return _learn(outcomes, catalog, base, options)


def _learn(outcomes: OutcomeMatrix, catalog: Catalog, base: Router, options: LearnOptions) -> Learned:
    groups = groups_of(outcomes)
    folds = fold_numbers(groups, min(options.folds, len(np.unique(groups))), options.seed)
    batch = base.features.transform(outcomes.queries)
    sources = label_sources(outcomes)
    data = LabelledQueries(queries=outcomes.queries, labels=labels_of(sources), folds=folds)
    gatekeeper, reports = _gatekeeper(data, batch, base.gatekeeper, options.gatekeeper)
    heads = gatekeeper.probabilities(outcomes.queries, batch)
    context_map = ContextMap(projection=principal_components(batch.embedding, options.context_components, options.seed))
    contexts = context_map.contexts(batch, heads)
    inclusion = np.nan_to_num(outcomes.propensity, nan=1.0)
    judged = OutcomeData(batch=batch, heads=heads, quality=outcomes.quality, inclusion=inclusion, folds=folds)
    quality, report = fit_quality(judged, catalog, options.quality)
    tokens = _output_tokens(outcomes, batch, catalog)
    timing = TimingData(contexts=contexts, output_tokens=tokens, latency_s=outcomes.latency_s, folds=folds)
    length, speed = fit_timing(timing, catalog)
    estimator = Estimator(quality=quality, length=length, speed=speed)
    bandit = replace(options.bandit, noise_sd=max(float(np.sqrt(np.mean(quality.noise_variance))), LEAST_NOISE_SD))
    expected = estimator.expect(catalog, batch, heads, contexts)
    router = Router(
        catalog=catalog,
        features=base.features,
        gatekeeper=gatekeeper,
        context_map=context_map,
        estimator=estimator,
        policy=BanditPolicy.fresh(len(catalog), context_map.dim, bandit),
        settings=_settings(expected.cost_usd.mean(axis=0), expected.latency_s.mean(axis=0), options),
    )
    conflicts = conflicts_of(sources, outcomes.request_ids.tolist())
    return Learned(router=router, quality=report, heads=reports, conflicts=conflicts)


def _gatekeeper(
    data: LabelledQueries, batch: FeatureBatch, base: Gatekeeper, options: GatekeeperOptions
) -> tuple[Gatekeeper, Mapping[str, HeadReport]]:
    """Fit the heads that have labels; without labels, or on a base that is not learned, keep the base."""
    if not data.labels or not isinstance(base, LearnedGatekeeper):
        return base, {}
    return fit_gatekeeper(data, batch, options, base)


def _output_tokens(outcomes: OutcomeMatrix, batch: FeatureBatch, catalog: Catalog) -> NDArray[np.float64]:
    """Give the (n, K) lengths of the answers, from the cost where they were not counted."""
    implied = implied_output_tokens(outcomes.cost_usd, batch.input_tokens.astype(np.float64), catalog)
    return np.where(np.isnan(outcomes.output_tokens), implied, outcomes.output_tokens)


def _settings(cost_usd: NDArray[np.float64], latency_s: NDArray[np.float64], options: LearnOptions) -> Settings:
    risk_tier = {Risk.HIGH: Tier.FRONTIER, Risk.CRITICAL: Tier.FRONTIER} if options.risk_floor else {}
    settings = Settings(
        strategy=Strategy.SINGLE_BEST,
        reference_cost_usd=float(max(cost_usd.max(), 1e-9)),
        reference_latency_s=float(max(latency_s.max(), 1e-3)),
        risk_tier=risk_tier,
    )
    return settings if options.quality_per_usd is None else settings.valuing(options.quality_per_usd)
