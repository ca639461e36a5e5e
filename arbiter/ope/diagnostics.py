"""What the log can and cannot say about a policy, in figures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.ope.arrays import FloatArray, as_table
from arbiter.ope.channels import WEIGHT
from arbiter.ope.conclude import OutcomeView
from arbiter.ope.distributions import chi_square_tail
from arbiter.ope.overlap import OverlapSums
from arbiter.ope.sums import PolicySums

DEFAULT_BINS = 10


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
        Distance of these from 1 in standard errors.
    weight_histogram : ndarray, shape (64,)
        Cells by power of two of their weight, for the overlap plot.
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
    at = view.block(policy).start + WEIGHT
    weight = float(view.mean[at])
    stderr = float(np.sqrt(max(view.covariance[at, at], 0.0)))
    bandit = np.isclose(overlap.logged.sum(), overlap.n)
    action_mean = overlap.inverse / overlap.n
    spread = np.sqrt(np.maximum(overlap.inverse_squared / overlap.n - action_mean**2, 0.0) / overlap.n)
    z = np.divide(action_mean - 1.0, spread, out=np.zeros_like(spread), where=spread > 0.0)
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
        action_mean_weight=action_mean if bandit else np.full_like(action_mean, np.nan),
        action_z=z if bandit else np.full_like(z, np.nan),
        weight_histogram=overlap.histogram,
    )


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
