"""How far an estimate moves when propensities were estimated and a cause of the choice went unrecorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, IntArray, as_table
from arbiter.ope.bootstrap import BootstrapPlan, block_index, resample_counts
from arbiter.ope.logged import LoggedFeedback

# The largest factor that a search for the tipping point goes to; nobody needs to hear of more.
MAX_GAMMA = 64.0
DEFAULT_GAMMAS = (1.0, 1.25, 1.5, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityBound:
    """What the value may be if an unrecorded cause changed the odds of a choice by up to `gamma`.

    Parameters
    ----------
    gamma : float
        Largest factor between the true odds of a choice and the estimated ones, at least 1.
    snips, ips : tuple of float
        Least and largest estimate under it (with a model: of SNDR and DR).
    interval : tuple of float
        Percentile interval of the range of `snips`: it holds the truth with the confidence, for any
        cause within `gamma`.
    """

    gamma: float
    snips: tuple[float, float]
    ips: tuple[float, float]
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """Per request, sorted by reward: what the bounds are made of.

    mass : pi of the logged action. inverse : 1 / p. reward : outcome, or residual of the model.
    offset : model's part, per request. unit : block for the bootstrap.
    """

    mass: FloatArray
    inverse: FloatArray
    reward: FloatArray
    offset: FloatArray
    unit: IntArray


def sensitivity_bounds(
    log: LoggedFeedback,
    action_probs: ArrayLike,
    outcome: str,
    q_hat: ArrayLike | None = None,
    gammas: Sequence[float] = DEFAULT_GAMMAS,
) -> tuple[SensitivityBound, ...]:
    """Bound a policy's value under unrecorded causes of the logged choices.

    Parameters
    ----------
    log : LoggedFeedback
        One action per request. Requests without this outcome are left out.
    action_probs : array-like, shape (n, K)
        The policy.
    outcome : str
        Outcome column.
    q_hat : array-like, shape (n, K), optional
        Predicted outcome; the bounds are then those of the residuals on top of the model.
    gammas : sequence of float
        Factors on the odds, each at least 1.

    Returns
    -------
    tuple of SensitivityBound
        In the order of `gammas`; wider for a greater factor, the plain estimate at 1.

    Raises
    ------
    InvalidInputError
        If the log has not one action per request, the outcome is unknown, or a factor is below 1.

    Notes
    -----
    Marginal sensitivity model (Tan 2006): 1/gamma <= odds(p true) / odds(p) <= gamma, hence
    1/p true lies in [1 + (1/p - 1)/gamma, 1 + (1/p - 1) gamma]. SNIPS over that box is a linear
    fractional programme whose extremes give the upper end to all rewards above a threshold and
    the lower end to the rest (Zhao, Small and Bhattacharya 2019, who use the percentile bootstrap
    of the extremes, as here); one sort and running sums find it. Theory is for two choices; for
    more, each choice is taken here against all others. In code the propensities are not re-estimated in each
    replicate, which the theory asks for: their own noise is left out. The bounds are not sharp,
    since 1/p true is not held to average to one within a request's kind (Dorn and Guo 2023).
    """
    terms = _terms(log, action_probs, outcome, q_hat)
    plan = BootstrapPlan(resamples=200)
    counts = resample_counts(int(terms.unit.max()) + 1, plan)
    return tuple(_bound(terms, float(gamma), counts) for gamma in gammas)


def tipping_gamma(
    log: LoggedFeedback,
    action_probs: ArrayLike,
    outcome: str,
    reference: float,
    q_hat: ArrayLike | None = None,
) -> float:
    """Return the least factor on the odds at which the estimate could be the reference's.

    Parameters
    ----------
    log, action_probs, outcome, q_hat
        As for `sensitivity_bounds`.
    reference : float
        Such as the mean outcome of the log itself, in the unit of the outcome.

    Returns
    -------
    float
        At least 1; infinity where even a factor of 64 does not reach it. Near 1 a claim hangs on
        every cause having been recorded. Of the point estimate: sampling error comes on top.

    Raises
    ------
    InvalidInputError
        As for `sensitivity_bounds`.
    """
    terms = _terms(log, action_probs, outcome, q_hat)

    def reaches(gamma: float) -> bool:
        low, high = _fractional(terms, gamma, np.ones(terms.mass.size))
        return low <= reference <= high

    low, high = 1.0, MAX_GAMMA
    if reaches(low):
        return low
    if not reaches(high):
        return float("inf")
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def _terms(log: LoggedFeedback, action_probs: ArrayLike, outcome: str, q_hat: ArrayLike | None) -> _Terms:
    if log.cells_per_row != 1:
        raise InvalidInputError("sensitivity is for logs with one action per request")
    if outcome not in log.outcomes:
        raise InvalidInputError(f"no outcome {outcome!r} in the log: it has {sorted(log.outcomes)}")
    probs = as_table(action_probs, log.n, log.n_actions, "action_probs").astype(np.float64)
    rows, value = np.arange(log.n), log.outcomes[outcome]
    offset, residual = np.zeros(log.n), value
    if q_hat is not None:
        model = as_table(q_hat, log.n, log.n_actions, f"q_hat of {outcome}").astype(np.float64)
        offset, residual = (probs * model).sum(axis=1), value - model[rows, log.action]
    unit = block_index(log.n, log.cluster_index, BootstrapPlan().blocks)
    order = np.argsort(residual, kind="stable")
    order = order[~np.isnan(residual[order])]
    if order.size == 0 or not (probs[order, log.action[order]] > 0.0).any():
        raise InvalidInputError(f"the policy never takes a logged action with a known {outcome}: there is no estimate")
    return _Terms(
        mass=probs[order, log.action[order]],
        inverse=1.0 / log.inclusion[order],
        reward=residual[order],
        offset=offset[order],
        unit=unit[order],
    )


def _bound(terms: _Terms, gamma: float, counts: FloatArray) -> SensitivityBound:
    if not gamma >= 1.0:
        raise InvalidInputError(f"gamma is {gamma}: expected a factor of at least 1")
    once = np.ones(terms.mass.size)
    drawn = np.array([_fractional(terms, gamma, replicate[terms.unit]) for replicate in counts])
    return SensitivityBound(
        gamma=gamma,
        snips=_fractional(terms, gamma, once),
        ips=_linear(terms, gamma),
        interval=(float(np.nanquantile(drawn[:, 0], 0.025)), float(np.nanquantile(drawn[:, 1], 0.975))),
    )


def _box(terms: _Terms, gamma: float) -> tuple[FloatArray, FloatArray]:
    """Return the ends of 1/p true, times pi; at p = 1 there is no choice and nothing to hide."""
    odds = terms.inverse - 1.0
    return terms.mass * (1.0 + odds / gamma), terms.mass * (1.0 + odds * gamma)


def _fractional(terms: _Terms, gamma: float, times: FloatArray) -> tuple[float, float]:
    """Return the extremes of sum v r / sum v plus the model's part, for rewards in rising order."""
    small, large = (times * end for end in _box(terms, gamma))
    model = float(times @ terms.offset / times.sum()) if times.any() else float("nan")
    ends = []
    for below, above, pick in ((large, small, np.nanmin), (small, large, np.nanmax)):
        # At cut k the k lowest rewards weigh `below` and the others `above`.
        weight = np.concatenate([[0.0], np.cumsum(below - above)]) + above.sum()
        total = np.concatenate([[0.0], np.cumsum((below - above) * terms.reward)]) + above @ terms.reward
        safe = np.where(weight > 1e-12, weight, np.nan)
        ends.append(model + float(pick(total / safe)) if (weight > 1e-12).any() else float("nan"))
    return ends[0], ends[1]


def _linear(terms: _Terms, gamma: float) -> tuple[float, float]:
    """Return the extremes of mean v r plus the model's part: each reward takes its own worst end."""
    small, large = _box(terms, gamma)
    pushed = np.stack([small * terms.reward, large * terms.reward])
    n = terms.reward.size
    model = float(terms.offset.mean())
    return model + float(pushed.min(axis=0).sum()) / n, model + float(pushed.max(axis=0).sum()) / n
