"""What requests will cost: prices per token, and from them the predicted cost that all methods of a round share."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from arbiter.catalog import Catalog, catalog_for_log
from arbiter.features import FeatureBatch
from arbiter.records import Candidate
from arbiter.vocabulary import Category, Tier
from arbiter_training.estimates.length import TEXT_COMPONENTS, fit_length, implied_output_tokens
from arbiter_training.estimates.reduction import ReducedTexts
from arbiter_training.principal import principal_components
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]

CONTEXT_COMPONENTS = 16
LEAST_USD_PER_MTOK = 1e-4
USUAL_TOKENS = 200.0
"""Length of an answer where the log has none: cost is then read as input plus so many tokens."""


def catalog_of(outcomes: OutcomeMatrix, input_tokens: FloatArray, prices: str) -> Catalog:
    """Give the catalog of a benchmark's models.

    Parameters
    ----------
    outcomes : the training rows.
    input_tokens : (n,) as the router counts them.
    prices : ``"catalog"``, or ``"log"``: dollars per token of input and output that explain the logged costs best,
        by non-negative least squares. For models that no price table names any longer.
    """
    if prices == "catalog":
        return catalog_for_log(outcomes.models)
    return Catalog([_candidate(name, *_prices(outcomes, input_tokens, k)) for k, name in enumerate(outcomes.models)])


def _prices(outcomes: OutcomeMatrix, input_tokens: FloatArray, k: int) -> tuple[float, float]:
    cost, tokens = outcomes.cost_usd[:, k], np.nan_to_num(outcomes.output_tokens[:, k], nan=USUAL_TOKENS)
    seen = ~np.isnan(cost)
    if not seen.any():
        return LEAST_USD_PER_MTOK, LEAST_USD_PER_MTOK
    design = np.stack([input_tokens[seen], tokens[seen]], axis=1) / 1e6
    # Relative errors: a price must fit the many short requests, not the few long ones.
    scale = 1.0 / np.maximum(cost[seen], 1e-12)
    (price_in, price_out), _ = nnls(design * scale[:, None], cost[seen] * scale)
    return max(float(price_in), LEAST_USD_PER_MTOK), max(float(price_out), LEAST_USD_PER_MTOK)


def _candidate(name: str, usd_per_mtok_in: float, usd_per_mtok_out: float) -> Candidate:
    return Candidate(
        name=name,
        provider="log",
        tier=Tier.BALANCED,
        category=Category.BALANCED,
        context_window_tokens=1_000_000,
        max_output_tokens=16_384,
        usd_per_mtok_in=usd_per_mtok_in,
        usd_per_mtok_out=usd_per_mtok_out,
    )


def predicted_costs(outcomes: OutcomeMatrix, train: FeatureBatch, test: FeatureBatch, catalog: Catalog) -> FloatArray:
    """Give the (n_test, K) dollars expected, by the shipped model of lengths and the catalog's prices.

    Parameters
    ----------
    outcomes : the training rows, whose costs and lengths are learned from.
    train, test : their features, and those of the rows to predict.
    catalog : in the order of ``outcomes.models``.
    """
    projection = principal_components(train.embedding, CONTEXT_COMPONENTS)

    def contexts(batch: FeatureBatch) -> FloatArray:
        tokens = np.log1p(batch.input_tokens)[:, None] / 8.0
        place = projection.apply(batch.embedding) / np.sqrt(max(projection.dim, 1))
        return np.concatenate([np.ones((len(batch), 1)), place, tokens], axis=1)

    implied = implied_output_tokens(outcomes.cost_usd, train.input_tokens.astype(np.float64), catalog)
    tokens = np.where(np.isnan(outcomes.output_tokens), implied, outcomes.output_tokens)
    length = fit_length(contexts(train), tokens, catalog, ReducedTexts.of(train, TEXT_COMPONENTS))
    prices = catalog.arrays
    spent_in = np.outer(test.input_tokens, prices.usd_per_mtok_in)
    return np.asarray((spent_in + length.predict(contexts(test), test) * prices.usd_per_mtok_out) / 1e6)
