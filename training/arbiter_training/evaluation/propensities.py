"""Propensities of a log that did not write them down, estimated from what the router saw; every number says so."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError, MissingExtraError, NotEvaluableError
from arbiter.features import FeatureBatch
from arbiter.ope import LoggedFeedback, Reliability, propensity_reliability
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLIP = 1e-2
"""Least estimated propensity, with more than ten models a tenth of 1 / K: a model that is surer than one in a hundred
is surer than logs of some thousand requests allow. No logged answer then weighs more than a hundred or so."""

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)
"""Inverse ridge penalties that are tried. On eight logs of 1,785 and 3,746 real requests with 270 features a fixed 1
gave mean weights of 1.2 to 37 instead of 1; the one that foretells held-out choices best gave 0.9 to 1.7."""

TRIAL_ROWS = 5000
"""Most requests on which the penalties are tried."""

MAX_FORESEEN = 0.99
"""Share of choices that may be foreseen before a log counts as deterministic: what is left to chance is too little."""

OBSERVATIONAL = "observational"
"""What a number is called that rests on estimated propensities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedPropensities:
    """What the logging policy seems to have done.

    Attributes
    ----------
    probs : (n, K) out-of-fold probability of every choice, each row summing to 1.
    reliability : these against the choices that were made.
    clipped : share of logged choices whose probability was raised to the least one.
    foreseen : share of choices that a tree foresaw out of fold; near 1 the log was deterministic.
    label : ``"observational"``.
    """

    probs: FloatArray
    reliability: Reliability
    clipped: float
    foreseen: float
    label: str = OBSERVATIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class PropensitySettings:
    """How to estimate.

    Attributes
    ----------
    clip : least probability, in (0, 1 / K).
    inverse_penalty : of the ridge penalty (scikit-learn's C); the smaller, the nearer to the mere shares of traffic.
        None takes, fold by fold, the one of :data:`PENALTIES` that best foretells choices held out of its fit.
    max_iterations : of the solver.
    """

    clip: float = CLIP
    inverse_penalty: float | None = None
    max_iterations: int = 500


def router_features(batch: FeatureBatch) -> FloatArray:
    """Give (n, d + s) embedding and standardised statistics: what a router sees of a request."""
    return np.concatenate([batch.embedding, batch.dense], axis=1).astype(np.float64)


def estimate_propensities(
    features: FloatArray,
    action: IntArray,
    folds: IntArray,
    n_models: int,
    settings: PropensitySettings | None = None,
) -> EstimatedPropensities:
    """Estimate with what probability each model was chosen, from features that the router saw.

    Parameters
    ----------
    features : (n, d), finite; about as large as one another.
    action : (n,) chosen column, in [0, ``n_models``).
    folds : (n,) number of each request's fold, from :func:`~arbiter_training.split.fold_numbers`.
    n_models : K, at least 2.
    settings : None takes the defaults.

    Returns
    -------
    propensities : multinomial logistic regression, fitted on the other folds.

    Raises
    ------
    InvalidInputError
        If shapes do not fit.
    NotEvaluableError
        If the choices can be foreseen: a deterministic log has no propensities to estimate.
    MissingExtraError
        If scikit-learn is not installed.

    Notes
    -----
    Cross-fitted as in Chernozhukov et al. (2018). Theory needs two things that no code can check: that the features
    hold every cause of the choice that also moves the outcome (overrides by hand, rate limits and fallbacks are such
    causes), and that the logistic form is right. :func:`arbiter.ope.sensitivity_bounds` shows what breaking the first
    would do; ``reliability`` shows the second in part.
    """
    settings = settings or PropensitySettings(clip=min(CLIP, 0.1 / max(n_models, 2)))
    _check(features, action, folds, n_models, settings)
    probs, foreseen = np.zeros((action.size, n_models)), 0
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        held, fitted, guessed = _fit_predict(
            _Part(features[train], action[train], folds[train]), features[test], settings
        )
        probs[np.ix_(test, held)] = fitted
        foreseen += int((guessed == action[test]).sum())
    share = foreseen / action.size
    if share > MAX_FORESEEN:
        raise NotEvaluableError(
            f"{share:.1%} of the logged choices follow from the request by a rule (limit {MAX_FORESEEN:.0%}): the log "
            "is deterministic, has no propensities to estimate and cannot tell what another choice would have brought; "
            "randomise a share of the traffic, or score every model on a sample"
        )
    chosen = probs[np.arange(action.size), action]
    raised = np.maximum(probs, settings.clip)
    raised /= raised.sum(axis=1, keepdims=True)
    return EstimatedPropensities(
        probs=raised,
        reliability=propensity_reliability(raised, action),
        clipped=float((chosen < settings.clip).mean()),
        foreseen=share,
    )


def observational_log(outcomes: OutcomeMatrix, propensities: EstimatedPropensities) -> LoggedFeedback:
    """Give the log of one model per request with estimated propensities; every verdict on it says so.

    Parameters
    ----------
    outcomes : one observed model per request, in the order of the propensities.
    propensities : from :func:`estimate_propensities`.

    Raises
    ------
    InvalidInputError
        If several models were asked on a request, or the numbers differ.
    """
    if not outcomes.one_per_request or propensities.probs.shape != outcomes.quality.shape:
        raise InvalidInputError(
            f"estimated propensities of shape {propensities.probs.shape} fit a log with one model per request of shape "
            f"{outcomes.quality.shape} only: estimate them on these very requests"
        )
    rows = np.arange(outcomes.n)
    columns = {"quality": outcomes.quality, "cost_usd": outcomes.cost_usd, "latency_s": outcomes.latency_s}
    seen = {name: values[rows, outcomes.action] for name, values in columns.items()}
    log = LoggedFeedback.from_bandit(
        outcomes.action,
        {name: values for name, values in seen.items() if not np.isnan(values).all()},
        propensities.probs[rows, outcomes.action],
        outcomes.n_models,
        outcomes.clusters,
    )
    return replace(log, observational=True)


def _check(
    features: FloatArray, action: IntArray, folds: IntArray, n_models: int, settings: PropensitySettings
) -> None:
    n = action.size
    if features.ndim != 2 or features.shape[0] != n or folds.shape != (n,) or not np.isfinite(features).all():
        raise InvalidInputError(
            f"features {features.shape}, action {action.shape} and folds {folds.shape} must be finite and of one length"
        )
    if n == 0 or action.min() < 0 or action.max() >= n_models or np.unique(folds).size < 2:
        raise InvalidInputError(f"action must lie in [0, {n_models}) and folds must be 2 or more")
    if not 0.0 < settings.clip < 1.0 / n_models:
        raise InvalidInputError(f"clip is {settings.clip}: expected a probability between 0 and 1 / {n_models}")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one fold's model is fitted on."""

    features: FloatArray
    action: IntArray
    folds: IntArray

    def take(self, rows: NDArray[Any]) -> "_Part":
        return _Part(self.features[rows], self.action[rows], self.folds[rows])


def _fit_predict(part: _Part, test: FloatArray, settings: PropensitySettings) -> tuple[IntArray, FloatArray, IntArray]:
    """Return the models seen in training, their probabilities on `test`, and the choice that a tree foresees there."""
    held = np.unique(part.action)
    if held.size == 1:
        return held, np.ones((len(test), 1)), np.full(len(test), held[0])
    penalty = settings.inverse_penalty
    if penalty is None:
        penalty = _best_penalty(part, settings)
    # A rule such as "long prompts to the large model" is no straight line, but a tree finds it.
    tree = _sklearn()[1].DecisionTreeClassifier(min_samples_leaf=5, random_state=0).fit(part.features, part.action)
    return held, _logistic(part, test, penalty, settings), np.asarray(tree.predict(test))


def _logistic(part: _Part, test: FloatArray, penalty: float, settings: PropensitySettings) -> FloatArray:
    scale = np.where(part.features.std(axis=0) > 1e-9, part.features.std(axis=0), 1.0)
    centre = part.features.mean(axis=0)
    model = _sklearn()[0].LogisticRegression(C=penalty, max_iter=settings.max_iterations)
    model.fit((part.features - centre) / scale, part.action)
    return np.asarray(model.predict_proba((test - centre) / scale))


def _best_penalty(part: _Part, settings: PropensitySettings) -> float:
    """Return the penalty that gives choices held out of this part the least log loss."""
    rows = np.random.default_rng(0).permutation(part.action.size)[:TRIAL_ROWS]
    tried = part.take(rows)
    names = np.unique(tried.folds)
    out = tried.folds == names[0] if names.size > 1 else np.arange(rows.size) % 3 == 0
    rest, held = tried.take(~out), np.unique(tried.action[~out])
    known = out & np.isin(tried.action, held)
    if held.size < 2 or not known.any():
        return min(PENALTIES)
    chosen = np.searchsorted(held, tried.action[known])
    losses = {}
    for penalty in PENALTIES:
        fitted = _logistic(rest, tried.features[known], penalty, settings)
        losses[penalty] = -np.log(np.maximum(fitted[np.arange(chosen.size), chosen], settings.clip)).mean()
    return min(losses, key=losses.__getitem__)


def _sklearn() -> tuple[Any, Any]:
    try:
        from sklearn import linear_model, tree
    except ImportError as error:
        raise MissingExtraError.of("scikit-learn", "train") from error
    return linear_model, tree
