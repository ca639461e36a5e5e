"""From outcomes to what the estimators take: the log, and models of its outcomes that did not see the row."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.errors import NotEvaluableError
from arbiter.features import FeatureBatch
from arbiter.ope import LoggedFeedback
from arbiter_training.design import design_matrix
from arbiter_training.estimates.data import OutcomeData
from arbiter_training.estimates.length import fit_length, implied_output_tokens
from arbiter_training.estimates.shared_logistic import Penalty, fit_shared_logistic
from arbiter_training.quality_sources import SourceWeights
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]

PENALTY = Penalty(shared=2.0, own=8.0)
"""Of the quality model behind the doubly robust estimate, which is right for any model and better for a good one."""


def log_of(outcomes: OutcomeMatrix) -> LoggedFeedback:
    """Give the log of the outcomes ``quality``, ``cost_usd`` and, where it was measured, ``latency_s``.

    Raises
    ------
    NotEvaluableError
        If one model was asked per request and its propensity is not known, or nothing was judged.
    """
    seen = outcomes.observed
    if np.isnan(outcomes.quality).all():
        raise NotEvaluableError("the log holds no quality; add a column 'quality' in [0, 1], unknown where not judged")
    if lacks_propensities(outcomes):
        missing = int(np.isnan(outcomes.propensity[seen]).sum())
        raise NotEvaluableError(
            f"{missing} of {int(seen.sum())} logged answers carry no propensity, so what another policy would have "
            "earned cannot be known from this log; log the probability of each choice (arbiter does), or score every "
            "model on a sample of the requests"
        )
    columns = {"quality": outcomes.quality, "cost_usd": outcomes.cost_usd, "latency_s": outcomes.latency_s}
    known = {name: values for name, values in columns.items() if not np.isnan(values).all()}
    return LoggedFeedback.from_matrix(known, np.where(seen, outcomes.propensity, 1.0), outcomes.clusters)


def lacks_propensities(outcomes: OutcomeMatrix) -> bool:
    """Say whether an answer was logged without the probability of its choice."""
    return bool(np.isnan(outcomes.propensity[outcomes.observed]).any())


def priced(outcomes: OutcomeMatrix, catalog: Catalog) -> OutcomeMatrix:
    """Give the outcomes with the costs that the log lacks but its token counts tell, at the catalog's prices.

    Parameters
    ----------
    outcomes : n requests of K models.
    catalog : K candidates, in the order of ``outcomes.models``.
    """
    prices = catalog.arrays
    spent_in = np.outer(outcomes.input_tokens, prices.usd_per_mtok_in)  # (n, K)
    cost_usd = (spent_in + outcomes.output_tokens * prices.usd_per_mtok_out) / 1e6
    lacking = outcomes.observed & np.isnan(outcomes.cost_usd)
    return replace(outcomes, cost_usd=np.where(lacking, cost_usd, outcomes.cost_usd))


def cross_fitted(
    outcomes: OutcomeMatrix, batch: FeatureBatch, catalog: Catalog, folds: NDArray[np.int64]
) -> dict[str, FloatArray]:
    """Give (n, K) predictions of quality, cost and latency, each by a model that did not see the row's fold.

    Quality is a logistic regression shared between the candidates; cost is a log-linear length at the catalog's
    prices; latency is each candidate's mean.

    Parameters
    ----------
    outcomes, batch : n requests and their features.
    catalog : K candidates.
    folds : (n,) fold of each request.
    """
    data = OutcomeData(
        batch=batch,
        heads=None,  # type: ignore[arg-type]  # the linear model reads no heads
        quality=outcomes.quality,
        inclusion=np.nan_to_num(outcomes.propensity, nan=1.0),
        folds=folds,
        trust=SourceWeights().trust(outcomes),
    )
    design, weights = design_matrix(batch), data.weights
    contexts = np.concatenate([np.ones((len(batch), 1)), batch.embedding.astype(np.float64)], axis=1)
    tokens = implied_output_tokens(outcomes.cost_usd, batch.input_tokens.astype(np.float64), catalog)
    found = {name: np.zeros_like(outcomes.quality) for name in ("quality", "cost_usd", "latency_s")}
    prices = catalog.arrays
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        coefficients, bias = fit_shared_logistic(design[train], outcomes.quality[train], weights[train], PENALTY)
        found["quality"][test] = 1.0 / (1.0 + np.exp(-(design[test] @ coefficients.T + bias)))
        length = fit_length(contexts[train], tokens[train], catalog).predict(contexts[test])
        spent_in = np.outer(batch.input_tokens[test], prices.usd_per_mtok_in)
        found["cost_usd"][test] = (spent_in + length * prices.usd_per_mtok_out) / 1e6
        found["latency_s"][test] = _means(outcomes.latency_s[train])
    return found


def _means(values: FloatArray) -> FloatArray:
    seen = ~np.isnan(values)
    total = np.where(seen, values, 0.0).sum(axis=0)
    overall = total.sum() / max(int(seen.sum()), 1)
    return np.asarray(np.where(seen.any(axis=0), total / np.maximum(seen.sum(axis=0), 1), overall))
