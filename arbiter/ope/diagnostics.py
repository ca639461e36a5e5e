"""What the log can and cannot say about a policy, in figures."""

from dataclasses import dataclass

import numpy as np

from arbiter.ope.arrays import FloatArray
from arbiter.ope.channels import WEIGHT
from arbiter.ope.distributions import chi_square_tail
from arbiter.ope.estimators import FIXED
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.moments import Moments
from arbiter.ope.overlap import OverlapSums, heaviest_share
from arbiter.ope.sums import PolicySums, feedback_counts
from arbiter.ope.view import ChosenStatistic, OutcomeView


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """Evidence behind an estimate for one policy and outcome.

    Parameters
    ----------
    n, units : int
        Requests; sessions where the log has them, else requests.
    ess : float
        Effective sample size in requests.
    max_weight : float
        Largest weight of one cell.
    top_share : float
        Share of all weight that the heaviest request carries, in [0, 1].
    mean_weight, mean_weight_z : float
        Mean weight, which is 1 in expectation, and its distance from 1 in standard errors. An
        outlier inflates that error, so a small z proves nothing.
    unsupported : float
        Mass of the policy on actions that this log cannot show: declared impossible by the
        support, scored with certainty elsewhere, or never answered at all. In [0, 1].
    deterministic : bool
        Whether every logged probability is 1.
    exact : bool
        Whether every action of the policy was scored with certainty.
    min_propensity : float
        Smallest logged probability.
    feedback_share : float
        Share of logged cells with this outcome known.
    feedback_p_value : float
        Chi-square p-value for "feedback does not depend on the action"; 1 where all is known.
    traffic : ndarray, shape (K,)
        The policy's share of traffic per action.
    action_mean_weight : ndarray, shape (K,)
        mean 1{a_i = a}/p_i, the mean weight of the constant policy a: 1 where the logged
        propensities are right and the action always had a chance.
    action_z : ndarray, shape (K,)
        Distance of these from 1 in standard errors. Both NaN without one action per request.
    weight_histogram : ndarray, shape (64,)
        Cells by power of two of their weight, for the overlap plot.
    top_percent_share : float
        Share of all weight on the heaviest hundredth of the requests, in [0, 1].
    model_r2 : float
        1 - sum (r - q)^2 / sum (r - mean r)^2 over logged cells; below 0 the model predicts worse
        than a constant. NaN without a model or spread.
    model_bias : float
        Mean of r - q over logged cells, in the unit of the outcome; NaN without a model.
    disagreement_z : float
        DR minus SNIPS in standard errors of that difference (a test in the manner of Hausman 1978:
        both are right where the propensities are). 0 without a model.
    observational : bool
        Whether the propensities were estimated from the log.
    """

    n: int
    units: int
    ess: float
    max_weight: float
    top_share: float
    mean_weight: float
    mean_weight_z: float
    unsupported: float
    deterministic: bool
    exact: bool
    min_propensity: float
    feedback_share: float
    feedback_p_value: float
    traffic: FloatArray
    action_mean_weight: FloatArray
    action_z: FloatArray
    weight_histogram: FloatArray
    top_percent_share: float
    model_r2: float
    model_bias: float
    disagreement_z: float
    observational: bool

    @property
    def ess_share(self) -> float:
        """Effective over actual sample size, in [0, 1]."""
        return self.ess / self.n


def diagnose(sums: PolicySums, outcome: str, policy: int = 0) -> Diagnostics:
    """Compute the diagnostics of one policy from finished sums.

    Parameters
    ----------
    sums : PolicySums
        Sums of the whole log.
    outcome : str
        Outcome column.
    policy : int
        Which policy, in the order given to `accumulate`.

    Returns
    -------
    Diagnostics
        The figures.

    Raises
    ------
    InvalidInputError
        If the outcome was not summed.
    """
    return diagnose_view(OutcomeView(sums, outcome), policy)


def diagnose_view(view: OutcomeView, policy: int) -> Diagnostics:
    """Compute the diagnostics of one policy from a view that others use too."""
    overlap = view.part.overlap[policy]
    r2, bias = _model_fit(view.part.fit)
    at = view.block(policy).start + WEIGHT
    weight = float(view.mean[at])
    stderr = float(np.sqrt(max(view.covariance[at, at], 0.0)))
    action_mean, action_z = _action_weights(overlap)
    return Diagnostics(
        n=view.n,
        units=view.units,
        ess=view.ess(policy),
        max_weight=overlap.max_weight,
        top_share=overlap.max_row_weight / (weight * view.n) if weight > 0.0 else 1.0,
        mean_weight=weight,
        mean_weight_z=(weight - 1.0) / stderr if stderr > 1e-12 else 0.0,
        unsupported=_unsupported(overlap),
        deterministic=overlap.min_inclusion == 1.0,
        exact=view.is_exact(policy),
        min_propensity=overlap.min_inclusion,
        feedback_share=float(overlap.answered.sum() / max(overlap.logged.sum(), 1.0)),
        feedback_p_value=feedback_independence(overlap.logged, overlap.answered),
        traffic=overlap.target_mass / overlap.n,
        action_mean_weight=action_mean,
        action_z=action_z,
        weight_histogram=overlap.histogram,
        top_percent_share=heaviest_share(overlap.histogram, overlap.histogram_mass, 0.01, overlap.n),
        model_r2=r2,
        model_bias=bias,
        disagreement_z=_disagreement(view, policy),
        observational=overlap.observational,
    )


def _action_weights(overlap: OverlapSums) -> tuple[FloatArray, FloatArray]:
    """Return mean 1{a_i = a}/p_i per action and its distance from 1 in errors; NaN without one action per request."""
    mean = overlap.inverse / overlap.n
    if not np.isclose(overlap.logged.sum(), overlap.n):
        return np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    spread = np.sqrt(np.maximum(overlap.inverse_squared / overlap.n - mean**2, 0.0) / overlap.n)
    return mean, np.divide(mean - 1.0, spread, out=np.zeros_like(spread), where=spread > 0.0)


def _model_fit(fit: Moments | None) -> tuple[float, float]:
    """Return R squared and mean residual of the model on the logged cells."""
    if fit is None:
        return float("nan"), float("nan")
    bias, spread = float(fit.mean[1]), float(fit.comoment[0, 0])
    missed = float(fit.comoment[1, 1]) + fit.n * bias**2
    return 1.0 - missed / spread if spread > 0.0 else float("nan"), bias


def _disagreement(view: OutcomeView, policy: int) -> float:
    """Return (DR - SNIPS) / stderr of that, from the influence functions of both."""
    if not view.sums.has_model or view.ess(policy) == 0.0 or view.is_exact(policy):
        return 0.0
    pair = [ChosenStatistic(name=name, statistic=FIXED[name], hyperparameter=None) for name in ("dr", "snips")]
    (dr, first), (snips, second) = (view.linearise(chosen, (policy,)) for chosen in pair)
    stderr = view.stderr(first - second)
    return (dr - snips) / stderr if stderr > 1e-12 else 0.0


def _unsupported(overlap: OverlapSums) -> float:
    """Return the largest of the three lower bounds on the mass outside the log."""
    never = float(overlap.target_mass[overlap.answered == 0.0].sum()) / overlap.n
    certain = 1.0 - overlap.certain_mass / overlap.n if overlap.min_inclusion == 1.0 else 0.0
    declared = 0.0 if np.isnan(overlap.outside_mass) else overlap.outside_mass / overlap.n
    return min(max(never, certain, declared, 0.0), 1.0)


def feedback_independence(logged: FloatArray, answered: FloatArray) -> float:
    """Test whether feedback comes equally often for every action.

    Parameters
    ----------
    logged, answered : ndarray, shape (K,)
        Logged cells per action, and those with a known outcome.

    Returns
    -------
    float
        p-value of Pearson's chi-square test of the K x 2 table (Pearson 1900); 1 where all or
        no feedback is known. Clusters are ignored, so with sessions it is too small.
    """
    held = logged > 0.0
    rate = float(answered.sum() / max(logged.sum(), 1.0))
    if rate in (0.0, 1.0) or held.sum() < 2:
        return 1.0
    gap = answered[held] - rate * logged[held]
    statistic = float((gap**2 / (logged[held] * rate * (1.0 - rate))).sum())
    return chi_square_tail(statistic, float(held.sum() - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFigures:
    """What a log holds per action, whatever the policy.

    Parameters
    ----------
    logged, answered : ndarray, shape (K,)
        Logged cells, and those with this outcome known.
    feedback_p_value : float
        As in `Diagnostics`.
    mean_weight, stderr : ndarray, shape (K,)
        mean over requests of 1{a was scored}/rho, which is 1 in expectation where an action always had a chance and the
        logged probabilities are right, and its standard error, clustered by session.
    """

    logged: FloatArray
    answered: FloatArray
    feedback_p_value: float
    mean_weight: FloatArray
    stderr: FloatArray


def diagnose_log(log: LoggedFeedback, outcome: str) -> LogFigures:
    """Describe a log: how often each action was taken and answered, and whether its propensities are calibrated.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    outcome : str
        Outcome column whose feedback counts.

    Returns
    -------
    LogFigures
        Per action.
    """
    logged, answered = feedback_counts(log, outcome)
    row = np.repeat(np.arange(log.n), np.diff(log.row_start))
    unit = np.arange(log.n) if log.cluster_index is None else np.unique(log.cluster_index, return_inverse=True)[1]
    units = log.units
    size = np.bincount(unit, minlength=units)
    cell = unit[row] * log.n_actions + log.action
    total = np.bincount(cell, weights=1.0 / log.inclusion, minlength=units * log.n_actions)
    mean = total.reshape(units, -1).sum(axis=0) / log.n
    gap = total.reshape(units, -1) - mean * size[:, None]
    stderr = np.sqrt((gap**2).sum(axis=0) * units / max(units - 1, 1)) / log.n
    return LogFigures(
        logged=logged,
        answered=answered,
        feedback_p_value=feedback_independence(logged, answered),
        mean_weight=mean,
        stderr=stderr,
    )
