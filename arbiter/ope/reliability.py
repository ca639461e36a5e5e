"""Predicted numbers against what happened: logged probabilities, and predicted outcomes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.ope.arrays import FloatArray, as_table
from arbiter.ope.logged import LoggedFeedback

DEFAULT_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Logged probabilities against observed frequencies.

    Parameters
    ----------
    predicted, observed : ndarray, shape (B,)
        Mean probability and observed frequency per bin; NaN in an empty bin.
    count : ndarray, shape (B,)
        (request, action) pairs per bin.
    brier, log_loss : float
        mean sum_a (p_a - 1{a})^2 (Brier 1950) and mean -log p of the chosen action (nats).
    """

    predicted: FloatArray
    observed: FloatArray
    count: FloatArray
    brier: float
    log_loss: float

    @property
    def calibration_error(self) -> float:
        """Count-weighted mean distance of frequency from probability (expected calibration error)."""
        held = self.count > 0.0
        gap = np.abs(self.predicted[held] - self.observed[held])
        return float((gap * self.count[held]).sum() / self.count.sum())


def propensity_reliability(logging_probs: ArrayLike, action: ArrayLike, bins: int = DEFAULT_BINS) -> Reliability:
    """Compare logging probabilities, given or estimated, with what was chosen.

    Parameters
    ----------
    logging_probs : array-like, shape (n, K)
        Probability of every action.
    action : array-like of int, shape (n,)
        Chosen action.
    bins : int
        Equal-width bins of the probability.

    Returns
    -------
    Reliability
        Curve and scores.

    Raises
    ------
    InvalidInputError
        If the shapes do not fit.
    """
    chosen = np.asarray(action, dtype=np.int64)
    table = np.asarray(logging_probs)
    table = as_table(table, chosen.size, table.shape[-1], "logging_probs").astype(np.float64, copy=False)
    hit = np.zeros(table.shape)
    hit[np.arange(chosen.size), chosen] = 1.0
    place = np.minimum((table * bins).astype(np.int64), bins - 1).ravel()
    count = np.bincount(place, minlength=bins).astype(np.float64)
    safe = np.where(count > 0.0, count, np.nan)
    picked = table[np.arange(chosen.size), chosen]
    return Reliability(
        predicted=np.bincount(place, weights=table.ravel(), minlength=bins) / safe,
        observed=np.bincount(place, weights=hit.ravel(), minlength=bins) / safe,
        count=count,
        brier=float(((table - hit) ** 2).sum(axis=1).mean()),
        log_loss=float(-np.log(np.maximum(picked, np.finfo(np.float64).tiny)).mean()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReliability:
    """Predicted outcomes against logged ones, on requests that the model has not seen.

    Parameters
    ----------
    predicted, observed : ndarray, shape (B,)
        Mean prediction and mean outcome per bin, in the unit of the outcome.
    stderr : ndarray, shape (B,)
        Of the observed mean; NaN in a bin of one.
    count : ndarray, shape (B,)
        Logged cells per bin; bins hold equally many, save for ties.
    r2 : float
        1 - sum (r - q)^2 / sum (r - mean r)^2; NaN where the outcome never varies.
    r2_by_action : ndarray, shape (K,)
        The same per action; NaN below two answers.
    """

    predicted: FloatArray
    observed: FloatArray
    stderr: FloatArray
    count: FloatArray
    r2: float
    r2_by_action: FloatArray

    @property
    def calibration_error(self) -> float:
        """Count-weighted mean distance of outcome from prediction over the bins, in the unit of the outcome."""
        return float(np.abs(self.predicted - self.observed) @ self.count / self.count.sum())

    @property
    def debiased_error(self) -> float:
        """Root mean squared distance of outcome from prediction, without what sampling adds to it.

        sqrt(max(0, mean of (predicted - observed)^2 - stderr^2)), weighted by count (Kumar, Liang and Ma
        2019, the debiased estimator). A perfect model has 0 up to noise, however small the log.
        """
        square = (self.predicted - self.observed) ** 2 - np.nan_to_num(self.stderr) ** 2
        return float(np.sqrt(max(square @ self.count / self.count.sum(), 0.0)))


def model_reliability(
    log: LoggedFeedback, q_hat: ArrayLike, outcome: str, bins: int = DEFAULT_BINS
) -> ModelReliability:
    """Compare predicted outcomes with logged ones.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    q_hat : array-like, shape (n, K)
        Predictions by models that did not see the row.
    outcome : str
        Outcome column.
    bins : int
        Bins of equally many cells, by prediction.

    Returns
    -------
    ModelReliability
        Of the cells that were logged, as the logging policy chose them: a model may be right here
        and wrong on actions that the log seldom took.

    Raises
    ------
    InvalidInputError
        If the shape does not fit the log.
    """
    table = as_table(q_hat, log.n, log.n_actions, f"q_hat of {outcome}")
    row = np.repeat(np.arange(log.n), np.diff(log.row_start))
    known = ~np.isnan(log.outcomes[outcome])
    value, action = log.outcomes[outcome][known], log.action[known]
    guess = table[row[known], action].astype(np.float64)
    edges = np.unique(np.quantile(guess, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    place = np.searchsorted(edges, guess, side="right")
    groups = [place == b for b in np.unique(place)]
    return ModelReliability(
        predicted=np.array([guess[g].mean() for g in groups]),
        observed=np.array([value[g].mean() for g in groups]),
        stderr=np.array([value[g].std(ddof=1) / np.sqrt(g.sum()) if g.sum() > 1 else np.nan for g in groups]),
        count=np.array([float(g.sum()) for g in groups]),
        r2=_r_squared(value, guess),
        r2_by_action=np.array([_r_squared(value[action == a], guess[action == a]) for a in range(log.n_actions)]),
    )


def _r_squared(value: FloatArray, guess: FloatArray) -> float:
    spread = float(((value - value.mean()) ** 2).sum()) if value.size > 1 else 0.0
    return 1.0 - float(((value - guess) ** 2).sum()) / spread if spread > 0.0 else float("nan")
