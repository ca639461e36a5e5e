"""Choosing among many policies without falling for the luckiest: lower bounds that hold at any size of log."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, as_table
from arbiter.ope.logged import LoggedFeedback


@dataclass(frozen=True, slots=True, kw_only=True)
class PessimisticValue:
    """A value that errs on the low side.

    Parameters
    ----------
    name : str
        The policy.
    value : float
        Logarithmically smoothed estimate, biased down, in the unit of the outcome.
    lower : float
        Lower bound, for all policies that were compared together.
    lam : float
        Strength of the smoothing.
    """

    name: str
    value: float
    lower: float
    lam: float


def rank_pessimistically(
    log: LoggedFeedback,
    policies: Mapping[str, ArrayLike],
    outcome: str,
    alpha: float = 0.05,
    lam: float | None = None,
) -> tuple[PessimisticValue, ...]:
    """Rank policies by what each can be sure to earn.

    The best of many estimates is too high, the more so the wilder their weights; the best lower
    bound is not.

    Parameters
    ----------
    log : LoggedFeedback
        One action per request, this outcome known everywhere and at least 0.
    policies : mapping of str to array-like, shape (n, K)
        Candidates.
    outcome : str
        Outcome column.
    alpha : float
        Chance that ANY of the lower bounds is above its policy's value, in (0, 1).
    lam : float, optional
        Strength, above 0, not chosen by looking at the outcomes. Default: 1 / sqrt(n).

    Returns
    -------
    tuple of PessimisticValue
        Highest lower bound first.

    Raises
    ------
    InvalidInputError
        If a shape does not fit, an outcome is unknown or below 0, or requests share sessions.

    Notes
    -----
    V_LS = mean log(1 + lam w r) / lam (Sakhi et al. 2024, logarithmic smoothing). The bound is the
    sharper form before their last step: the product of 1 + lam w r has expectation (1 + lam V)^n,
    so by Markov's inequality V >= (exp(mean log(1 + lam w r) - log(1/alpha) / n) - 1) / lam with
    chance 1 - alpha, for independent requests, whatever the weights. alpha is shared evenly among
    the policies. It is wider than a normal interval where that is right.
    """
    n, value = log.n, _known(log, outcome)
    if not policies or not 0.0 < alpha < 1.0:
        raise InvalidInputError(f"{len(policies)} policies and alpha {alpha}: expected 1 or more, and 0 < alpha < 1")
    strength = 1.0 / math.sqrt(n) if lam is None else lam
    if not strength > 0.0:
        raise InvalidInputError(f"lam is {lam}: expected a number above 0")
    price = math.log(len(policies) / alpha) / n
    found = []
    for name, table in policies.items():
        probs = as_table(table, n, log.n_actions, f"action_probs of {name}")
        weighted = probs[np.arange(n), log.action] / log.inclusion * value
        smooth = float(np.log1p(strength * weighted).mean())
        lower = max(math.expm1(smooth - price) / strength, 0.0)
        found.append(PessimisticValue(name=name, value=smooth / strength, lower=lower, lam=strength))
    return tuple(sorted(found, key=lambda p: (-p.lower, -p.value, p.name)))


def _known(log: LoggedFeedback, outcome: str) -> FloatArray:
    if log.cells_per_row != 1:
        raise InvalidInputError("pessimistic ranking is for logs with one action per request")
    if log.cluster_index is not None and np.bincount(log.cluster_index).max() > 1:
        raise InvalidInputError("the bound needs independent requests, but some share a session: keep one of each")
    if outcome not in log.outcomes:
        raise InvalidInputError(f"no outcome {outcome!r} in the log: it has {sorted(log.outcomes)}")
    value = log.outcomes[outcome]
    if not (value >= 0.0).all():
        raise InvalidInputError(f"{outcome} is unknown or below 0 in places: select the rows, or shift the outcome")
    return value
