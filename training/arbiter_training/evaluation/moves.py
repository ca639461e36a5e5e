"""What moved where: the traffic that a policy takes from the baseline's model, and what each move brings."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import student_t_quantile
from arbiter_training.evaluation.records import Measured, Move

FloatArray = NDArray[np.float64]

LEAST_SHARE = 0.0005


def moves_of(
    name: str,
    probs: FloatArray,
    origin: int,
    models: tuple[str, ...],
    scores: Mapping[str, FloatArray],
    clusters: NDArray[np.int64] | None,
) -> tuple[Move, ...]:
    """Split a policy's difference to one constant model by where the traffic goes.

    Parameters
    ----------
    name : of the policy.
    probs : (n, K) its action probabilities.
    origin : column of the constant model.
    models : K names.
    scores : outcome to (n, K) doubly robust scores.
    clusters : (n,) session of each request.

    Returns
    -------
    moves : the largest first. mean_i pi(a | x_i) (score_ia - score_i,origin) over a adds up to the policy's doubly
        robust difference.
    """
    found = []
    for a in np.argsort(-probs.mean(axis=0), kind="stable").tolist():
        share = float(probs[:, a].mean())
        if a == origin or share < LEAST_SHARE:
            continue
        parts = {o: _mean(probs[:, a] * (table[:, a] - table[:, origin]), clusters) for o, table in scores.items()}
        found.append(Move(policy=name, origin=models[origin], target=models[a], share=share, differences=parts))
    return tuple(found)


def _mean(values: FloatArray, clusters: NDArray[np.int64] | None) -> Measured:
    n, mean = values.size, float(values.mean())
    gap: FloatArray = values - mean
    if clusters is not None:
        gap = np.bincount(np.unique(clusters, return_inverse=True)[1], weights=gap).astype(np.float64)
    units = gap.size
    if units < 2:
        return Measured(value=mean, low=None, high=None, estimator="dr", ess=float(units))
    error = float(np.sqrt((gap**2).sum() * units / (units - 1))) / n
    reach = student_t_quantile(0.975, units - 1.0) * error
    return Measured(value=mean, low=mean - reach, high=mean + reach, estimator="dr", ess=float(units))
