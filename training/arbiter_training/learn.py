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
from arbiter.gatekeeper.heads import SLICES, HeadProbabilities
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.gatekeeper.own_features import OwnFeatures
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.policies import BanditPolicy, BanditSettings
from arbiter.policies.context import ContextMap
from arbiter.router import Router
from arbiter.settings import Settings
from arbiter.vocabulary import Risk, Strategy, Tier
from arbiter_training.estimates import OutcomeData, QualityOptions, QualityReport, fit_quality
from arbiter_training.estimates.length import TEXT_COMPONENTS, implied_output_tokens
from arbiter_training.estimates.reduction import ReducedTexts
from arbiter_training.estimates.timing import TimingData, fit_timing
from arbiter_training.gatekeeper import GatekeeperOptions, HeadReport, LabelledQueries, fit_gatekeeper
from arbiter_training.judge import JudgeOptions
from arbiter_training.labels import LabelConflict, conflicts_of, kinds_of, label_sources, labels_of
from arbiter_training.principal import principal_components
from arbiter_training.quality_sources import SourceWeights
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.teacher import require_teacher, teacher_named, teacher_vectors
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
    teacher : ``"minilm"`` teaches a student of the MiniLM on the log, which takes the embedding's place in the quality
        estimates; empty teaches none. Training then needs the extra [minilm], the bundle does not.
    teacher_cache : folder that keeps the teacher's vectors; empty keeps none.
    kind_column : column of the log that names the kind of a request, such as a task; read in training only. Where the
        log has no such column, kinds are found from its texts and outcomes.
    threads : for linear algebra and boosting. One is fastest below some ten thousand rows.
    quality, gatekeeper, bandit : options of the parts.
    quality_sources : how much a quality counts by who gave it, where the log says so.
    judge : an LLM that labels what neither the log nor its outcomes do; nobody by default.
    """

    folds: int = 5
    seed: int = 0
    context_components: int = 16
    quality_per_usd: float | None = None
    risk_floor: bool = True
    teacher: str = ""
    teacher_cache: str = ""
    kind_column: str = "domain"
    threads: int = 1
    quality: QualityOptions = field(default_factory=QualityOptions)
    gatekeeper: GatekeeperOptions = field(default_factory=GatekeeperOptions)
    bandit: BanditSettings = field(default_factory=BanditSettings)
    quality_sources: SourceWeights = field(default_factory=SourceWeights)
    judge: JudgeOptions = field(default_factory=JudgeOptions)

    def __post_init__(self) -> None:
        require_teacher(self.teacher)
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


def learn_router(
    outcomes: OutcomeMatrix,
    catalog: Catalog,
    base: Router,
    options: LearnOptions,
    teacher: NDArray[np.float32] | None = None,
) -> Learned:
    """Fit gatekeeper heads (where labels are known), quality, length, speed and the bandit's prior.

    Parameters
    ----------
    outcomes : the training rows.
    catalog : its candidates, in the order of ``outcomes.models``.
    base : gives the features and the gatekeeper's heads for which there are no labels.
    options : how.
    teacher : (n, d) of :func:`teacher_vectors_of`; None computes them where the options name a teacher.

    Raises
    ------
    MissingExtraError
        If the options name a teacher whose libraries are not installed.
    """
    with threadpool_limits(limits=options.threads):
        return _learn(outcomes, catalog, base, options, teacher_vectors_of(outcomes, options, teacher))


def teacher_vectors_of(
    outcomes: OutcomeMatrix, options: LearnOptions, known: NDArray[np.float32] | None = None
) -> NDArray[np.float32] | None:
    """Give the vectors of the teacher that the options name: those known, else new ones; None without a teacher."""
    if known is not None:
        return known
    encoder = teacher_named(options.teacher, options.teacher_cache)
    return None if encoder is None else teacher_vectors(outcomes.queries, encoder, options.seed)


def _learn(
    outcomes: OutcomeMatrix,
    catalog: Catalog,
    base: Router,
    options: LearnOptions,
    teacher: NDArray[np.float32] | None,
) -> Learned:
    groups = groups_of(outcomes)
    folds = fold_numbers(groups, min(options.folds, len(np.unique(groups))), options.seed)
    batch = base.features.transform(outcomes.queries)
    sources = label_sources(outcomes)
    data = LabelledQueries(queries=outcomes.queries, labels=labels_of(sources), folds=folds)
    gatekeeper, reports = _gatekeeper(data, batch, base.gatekeeper, options.gatekeeper)
    heads = gatekeeper.probabilities(outcomes.queries, batch)
    context_map = ContextMap(projection=principal_components(batch.embedding, options.context_components, options.seed))
    contexts = context_map.contexts(batch, heads)
    judged = OutcomeData(
        batch=batch,
        heads=_unseen(heads, data.labels, reports),
        quality=options.quality_sources.heard(outcomes),
        inclusion=np.nan_to_num(outcomes.propensity, nan=1.0),
        folds=folds,
        teacher=teacher,
        trust=options.quality_sources.trust(outcomes),
        kinds=kinds_of(outcomes, options.kind_column),
    )
    quality, report = fit_quality(judged, catalog, options.quality)
    tokens = _output_tokens(outcomes, batch, catalog)
    timing = TimingData(
        contexts=contexts,
        output_tokens=tokens,
        latency_s=outcomes.latency_s,
        folds=folds,
        texts=ReducedTexts.of(batch, TEXT_COMPONENTS, options.seed),
    )
    length, speed = fit_timing(timing, catalog)
    estimator = Estimator(quality=quality, length=length, speed=speed)
    noise_sd = np.maximum(np.sqrt(quality.noise_variance), LEAST_NOISE_SD)
    bandit = replace(options.bandit, noise_sd=max(float(np.sqrt(np.mean(quality.noise_variance))), LEAST_NOISE_SD))
    expected = estimator.expect(catalog, batch, heads, contexts)
    router = Router(
        catalog=catalog,
        features=base.features,
        gatekeeper=gatekeeper,
        context_map=context_map,
        estimator=estimator,
        policy=BanditPolicy.fresh(len(catalog), context_map.dim, bandit, noise_sd),
        settings=_settings(expected.cost_usd.mean(axis=0), expected.latency_s.mean(axis=0), options),
    )
    conflicts = conflicts_of(sources, outcomes.request_ids.tolist())
    return Learned(router=router, quality=report, heads=reports, conflicts=conflicts)


def _gatekeeper(
    data: LabelledQueries, batch: FeatureBatch, base: Gatekeeper, options: GatekeeperOptions
) -> tuple[Gatekeeper, Mapping[str, HeadReport]]:
    """Fit the heads that have labels; without labels, or on a base that is not learned, keep the base."""
    if isinstance(base, OwnFeatures):
        inside, reports = _gatekeeper(data, base.features.transform(data.queries), base.base, options)
        return replace(base, base=inside), reports
    if not data.labels or not isinstance(base, LearnedGatekeeper):
        return base, {}
    return fit_gatekeeper(data, batch, options, base)


def _unseen(
    heads: HeadProbabilities, labels: Mapping[str, NDArray[np.int64]], reports: Mapping[str, HeadReport]
) -> HeadProbabilities:
    """Put the out-of-fold probabilities of new heads in the place of what they say of their own training rows.

    Complexity is learned from the outcomes themselves: estimates that read it in sample would read their own targets.
    """
    stacked = heads.stacked.copy()
    for head, report in reports.items():
        stacked[np.flatnonzero(labels[head] >= 0), SLICES[head]] = report.out_of_fold
    return HeadProbabilities(stacked=stacked)


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
