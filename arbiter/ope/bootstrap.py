"""Bootstrap of the whole statistic, by resampling blocks of requests or sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray
from arbiter.ope.conclude import applicable
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.evaluate import QHat, sum_policies
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.options import EstimateOptions
from arbiter.ope.view import ChosenStatistic, OutcomeView


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapPlan:
    """How to resample.

    Parameters
    ----------
    resamples : int
        Replicates. A thousand puts the ends of a 95 % interval within a few per cent of its width.
    blocks : int
        Runs of requests (or groups of sessions) that are drawn as one. With 2,000 of them the
        loss against single requests is 1/4000 of the stderr, and time does not grow with the log.
    seed : int
        Of the generator that this call owns.
    """

    resamples: int = 1000
    blocks: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the counts."""
        if self.resamples < 2 or self.blocks < 2:
            raise InvalidInputError(f"resamples is {self.resamples} and blocks {self.blocks}: both must be at least 2")


def resample_counts(units: int, plan: BootstrapPlan) -> FloatArray:
    """Draw how often each block occurs in each replicate.

    Parameters
    ----------
    units : int
        Number of blocks.
    plan : BootstrapPlan
        Replicates and seed.

    Returns
    -------
    ndarray, shape (resamples, units)
        Multinomial counts; each row sums to `units` (Efron 1979, resampling with replacement).
    """
    rng = np.random.default_rng(plan.seed)
    return rng.multinomial(units, np.full(units, 1.0 / units), size=plan.resamples).astype(np.float64)


def block_index(
    n: int, clusters: np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None, blocks: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Assign requests to blocks: runs of neighbours, or whole sessions.

    Parameters
    ----------
    n : int
        Requests.
    clusters : ndarray of int, shape (n,), or None
        Session of each request, coded 0 to C - 1.
    blocks : int
        Largest number of blocks.

    Returns
    -------
    ndarray of int, shape (n,)
        Block of each request, below `blocks`; neighbours in time stay together.
    """
    unit = np.arange(n, dtype=np.int64) if clusters is None else clusters
    total = int(unit.max()) + 1
    return unit * min(blocks, total) // total


def bootstrap(
    log: LoggedFeedback,
    policies: Sequence[ArrayLike | None],
    q_hat: QHat = None,
    options: EstimateOptions | None = None,
    plan: BootstrapPlan | None = None,
) -> dict[str, dict[str, OffPolicyEstimate]]:
    """Estimate one policy, or the difference of two, with bootstrap intervals.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    policies : sequence of one or two array-like, shape (n, K)
        The policy, and the baseline if a paired difference is wanted (None: the logging policy).
    q_hat : array-like, mapping or None
        Predicted rewards.
    options : EstimateOptions, optional
        Which estimators, level, thresholds.
    plan : BootstrapPlan, optional
        How to resample.

    Returns
    -------
    dict of str to dict of str to OffPolicyEstimate
        By outcome, then estimator; `stderr` and the percentile `interval` come from the
        replicates. DM gets neither.

    Raises
    ------
    InvalidInputError
        If the inputs do not fit, or more than two policies are given.

    Notes
    -----
    Numerator AND denominator of a normalised estimator are recomputed in every replicate: a
    frozen denominator makes the interval of SNIPS several times too wide. A tuned threshold is
    chosen once on the whole log and kept, and q_hat is not refitted, so their noise is left out.
    """
    options, plan = options or EstimateOptions(), plan or BootstrapPlan()
    if not 1 <= len(policies) <= 2:
        raise InvalidInputError(f"{len(policies)} policies were given: pass one, or a policy and its baseline")
    blocks = block_index(log.n, log.cluster_index, plan.blocks)
    blocked = replace(log, cluster_index=blocks, cluster_labels=np.arange(int(blocks.max()) + 1))
    sums = sum_policies(blocked, list(policies), q_hat, options)
    return {outcome: _bootstrap_outcome(OutcomeView(sums, outcome), options, plan) for outcome in log.outcomes}


def _bootstrap_outcome(
    view: OutcomeView, options: EstimateOptions, plan: BootstrapPlan
) -> dict[str, OffPolicyEstimate]:
    held = view.held
    assert held is not None
    drawn = resample_counts(held.shape[1], plan) @ held.T  # (resamples, 1 + d)
    means = drawn[:, 1:] / drawn[:, :1]
    pair = tuple(range(view.sums.policies))
    out = {}
    for name in applicable(view, pair, options):
        chosen = view.settle(name, 0, options)
        out[name] = _summarise(view, chosen, means, options.confidence)
    return out


def _replicates(view: OutcomeView, chosen: ChosenStatistic, means: FloatArray) -> FloatArray:
    """Return the statistic of the policy, or of the difference, in each replicate, shape (R,)."""
    values = [chosen.statistic.value(means[:, view.block(policy)]) for policy in range(view.sums.policies)]
    replicates = values[0] if len(values) == 1 else values[0] - values[1]
    # A replicate without any weight has no normalised value; it is left out of the quantiles.
    return np.asarray(replicates[~np.isnan(replicates)])


def _summarise(view: OutcomeView, chosen: ChosenStatistic, means: FloatArray, level: float) -> OffPolicyEstimate:
    policies = tuple(range(view.sums.policies))
    value = view.linearise(chosen, policies)[0]
    known = _replicates(view, chosen, means)
    stderr = interval = bias = None
    if chosen.name != "dm" and view.units > 1 and known.size > 1:
        stderr, interval = float(known.std(ddof=1)), percentile_interval(known, level)
        if (origin := view.origin(chosen)) is not None:
            bias = value - view.linearise(origin, policies)[0]
            low, high = percentile_interval(_replicates(view, origin, means), level)
            interval = (min(interval[0], low), max(interval[1], high))
    return OffPolicyEstimate(
        estimator=chosen.name,
        value=value,
        stderr=stderr,
        interval=interval,
        confidence=level,
        n=view.n,
        units=view.units,
        ess=min(view.ess(policy) for policy in policies),
        hyperparameter=chosen.hyperparameter,
        bias=bias,
    )


def percentile_interval(replicates: FloatArray, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of bootstrap replicates.

    Parameters
    ----------
    replicates : ndarray, shape (R,)
        Values of the statistic.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        Quantiles at (1 - level)/2 and (1 + level)/2 (Efron 1979, percentile method).
    """
    low, high = np.quantile(replicates, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return float(low), float(high)


def bootstrap_means(
    columns: FloatArray, clusters: ArrayLike | None = None, plan: BootstrapPlan | None = None
) -> FloatArray:
    """Resample the means of per-request columns, for scores that are functions of means.

    Curves and scores (`curves`, `scores`) depend on the data only through mean cost and mean quality of
    some policies; apply the score to each row of the answer and take `percentile_interval`.

    Parameters
    ----------
    columns : ndarray, shape (n, d)
        Per-request figures, such as cost and quality under each policy.
    clusters : array-like, shape (n,), optional
        Session ids.
    plan : BootstrapPlan, optional
        How to resample.

    Returns
    -------
    ndarray, shape (R, d)
        Column means of each replicate; columns are resampled together, so differences are paired.
    """
    plan = plan or BootstrapPlan()
    codes = None if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    blocks = block_index(columns.shape[0], codes, plan.blocks)
    sums = np.stack(
        [np.bincount(blocks, weights=column) for column in columns.T] + [np.bincount(blocks).astype(np.float64)]
    )
    drawn = resample_counts(sums.shape[1], plan) @ sums.T
    return np.asarray(drawn[:, :-1] / drawn[:, -1:])
