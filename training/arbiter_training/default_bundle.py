"""The shipped default: a trained gatekeeper over the default catalog, before there is any log."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.cold_start import rated_estimator, rated_settings
from arbiter.encoders import Encoder
from arbiter.features import Features
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.policies import ThompsonPolicy
from arbiter.policies.context import ContextMap
from arbiter.router import Router
from arbiter_training.gatekeeper import GatekeeperOptions, HeadReport, LabelledQueries, fit_gatekeeper
from arbiter_training.labelled import LabelledPrompts
from arbiter_training.principal import principal_components
from arbiter_training.split import fold_numbers
from arbiter_training.traffic import near_duplicate_groups

CONTEXT_COMPONENTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultRouter:
    """The default router and what its heads were worth.

    Attributes
    ----------
    router : ready to serve.
    heads : head to out-of-fold report.
    """

    router: Router
    heads: Mapping[str, HeadReport]


def default_router(encoder: Encoder, prompts: LabelledPrompts, seed: int = 0) -> DefaultRouter:
    """Train the default router on labelled prompts.

    Parameters
    ----------
    encoder : the static encoder.
    prompts : the authored seed prompts, and public label sets where they are at hand.
    seed : of folds and boosting.
    """
    rules = KeywordRules.default()
    features = Features(encoder, evidence=rules).fit(prompts.queries)
    batch = features.transform(prompts.queries)
    groups = near_duplicate_groups([query.text for query in prompts.queries])
    data = LabelledQueries(
        queries=prompts.queries, labels=prompts.labels, folds=fold_numbers(groups, 5, seed)
    )
    gatekeeper, heads = fit_gatekeeper(data, batch, GatekeeperOptions(seed=seed))
    return DefaultRouter(router=assemble(features, gatekeeper, np.asarray(batch.embedding)), heads=heads)


def assemble(features: Features, gatekeeper: LearnedGatekeeper, embedding: NDArray[np.float32]) -> Router:
    """Put a gatekeeper over the default catalog, with rated quality and a bandit that knows nothing yet."""
    catalog = Catalog.default()
    context_map = ContextMap(projection=principal_components(embedding, CONTEXT_COMPONENTS))
    return Router(
        catalog=catalog,
        features=features,
        gatekeeper=gatekeeper,
        context_map=context_map,
        estimator=rated_estimator(catalog, context_map.dim),
        policy=ThompsonPolicy.fresh(len(catalog), context_map.dim),
        settings=rated_settings(catalog),
    )


