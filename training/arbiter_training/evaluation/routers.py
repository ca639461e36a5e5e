"""Routers as policies on a log: what they would do with each request, at their own setting and along their frontier."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.deciding import Outlook
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.features import Features
from arbiter.policies import GreedyPolicy
from arbiter.router import Router
from arbiter_training.evaluation.evaluate import GREEDY, Evaluator
from arbiter_training.evaluation.evidence import EstimatedLogging
from arbiter_training.evaluation.logs import cross_fitted, lacks_propensities, log_of, priced
from arbiter_training.evaluation.propensities import estimate_propensities, observational_log, router_features
from arbiter_training.evaluation.records import LogSummary, PolicyFamily
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]

FOLDS = 5


def evaluator_of(
    outcomes: OutcomeMatrix, features: Features, catalog: Catalog, summary: LogSummary, observational: bool = False
) -> Evaluator:
    """Give an evaluator on logged outcomes, with models of them cross-fitted on the same rows.

    Parameters
    ----------
    outcomes : the log.
    features : what the outcome models read.
    catalog : prices of the log's models, in the order of ``outcomes.models``.
    summary : the data in words.
    observational : whether propensities that were not logged are estimated; every verdict then says so.

    Raises
    ------
    NotEvaluableError
        If the log cannot answer: propensities or judgements are missing, or the choices were deterministic.
    """
    assert catalog.names == outcomes.models, "columns of prices and outcomes must be the same models"
    outcomes = priced(outcomes, catalog)
    batch = features.transform(outcomes.queries)
    groups = groups_of(outcomes)
    folds = fold_numbers(groups, min(FOLDS, len(np.unique(groups))), 0)
    estimated = None
    if observational and lacks_propensities(outcomes):
        found = estimate_propensities(router_features(batch), outcomes.action, folds, outcomes.n_models)
        log = observational_log(outcomes, found)
        estimated = EstimatedLogging.of(found.reliability, found.foreseen, found.clipped)
    else:
        log = log_of(outcomes)
    predicted = cross_fitted(outcomes, batch, catalog, folds)
    q_hat = {outcome: predicted[outcome] for outcome in log.outcomes}
    return Evaluator(log=log, models=outcomes.models, q_hat=q_hat, summary=summary, estimated=estimated)


def policies_of(router: Router, outlook: Outlook, name: str = "router") -> dict[str, FloatArray]:
    """Give what a router would do: as it serves, exploration included, and its best choice alone."""
    greedy = replace(router, policy=GreedyPolicy())
    return {name: router.action_probabilities(outlook), f"{name}{GREEDY}": greedy.action_probabilities(outlook)}


def aligned(probs: FloatArray, columns: tuple[str, ...], models: tuple[str, ...]) -> FloatArray:
    """Put a router's probabilities in the order of a log's models; those that it does not know get none.

    Parameters
    ----------
    probs : (..., k), one column per candidate of the router.
    columns : the k candidates, all of them among the models.
    models : the K models of the log.

    Returns
    -------
    probs : (..., K).
    """
    found = np.zeros((*probs.shape[:-1], len(models)))
    found[..., [models.index(name) for name in columns]] = probs
    return found


def realigned(family: PolicyFamily, columns: tuple[str, ...], models: tuple[str, ...]) -> PolicyFamily:
    """Put a family in the order of a log's models, as :func:`aligned`."""
    predicted = family.predicted_quality
    return replace(
        family,
        action_probs=aligned(family.action_probs, columns, models),
        predicted_quality=predicted if predicted is None else aligned(predicted, columns, models),
    )


def frontier(router: Router, outlook: Outlook, name: str = "router", settings: int = 24) -> PolicyFamily:
    """Give what the router would do as a dollar is worth more and more quality.

    Parameters
    ----------
    router, outlook : the router and its estimates on the requests.
    name : of the curve.
    settings : points, spread so that about as many requests change their candidate between one and the next.
    """
    eligible = router.eligible(outlook)
    values = switching_values(outlook.expectation, settings)
    expected = [outlook.expectation.weighed(UtilityWeights(quality_per_usd=float(v))) for v in values]
    greedy = GreedyPolicy()
    probs = np.stack([greedy.action_probabilities(outlook.contexts, eligible, e) for e in expected])
    return PolicyFamily(
        name=name,
        quality_per_usd=values,
        action_probs=probs,
        predicted_quality=outlook.expectation.quality,
    )


def switching_values(expectation: Expectation, settings: int) -> FloatArray:
    """Give worths of a dollar at which requests change from a dearer to a cheaper candidate.

    Parameters
    ----------
    expectation : arrays (n, K).
    settings : how many values, at least 3.

    Returns
    -------
    quality_per_usd : ascending; 0 first, the last one so great that all requests go to the cheapest.
    """
    k = expectation.quality.shape[1]
    pairs = [(a, b) for a in range(k) for b in range(k) if a != b]
    gained = np.concatenate([expectation.quality[:, a] - expectation.quality[:, b] for a, b in pairs])
    paid = np.concatenate([expectation.cost_usd[:, a] - expectation.cost_usd[:, b] for a, b in pairs])
    worth = gained[(gained > 0) & (paid > 0)] / paid[(gained > 0) & (paid > 0)]
    if worth.size == 0:
        return np.zeros(1)
    inner = np.quantile(worth, np.linspace(0.02, 0.98, settings - 2))
    return np.concatenate([[0.0], inner, [2.0 * worth.max()]])


def cheapest_keeping(expectation: Expectation, eligible: NDArray[np.bool_], keep: float) -> float:
    """Give the greatest worth of a dollar under which the expected quality keeps a share of the best single model's.

    Everything is as the estimates see it, so give estimates out of fold: a setting, to be judged on other data.

    Parameters
    ----------
    expectation : arrays (n, K).
    eligible : (n, K).
    keep : share of the best constant model's expected quality, e.g. 0.99.
    """
    goal = keep * float(expectation.quality.mean(axis=0).max())
    greedy = GreedyPolicy()
    best = 0.0
    for value in switching_values(expectation, 200):
        weighed = expectation.weighed(UtilityWeights(quality_per_usd=float(value)))
        probs = greedy.action_probabilities(np.zeros((len(eligible), 1)), eligible, weighed)
        if float((probs * expectation.quality).sum(axis=1).mean()) >= goal:
            best = max(best, float(value))
    return best
