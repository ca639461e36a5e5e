"""The random control: a router's traffic shares, dealt to requests without looking at them.

Full information is assumed: per request and model a quality in [0, 1] and a cost in dollars.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.ope.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuffledControl:
    """What a router's traffic shares earn when requests are dealt at random.

    Parameters
    ----------
    quality, cost : float
        Expected, per request.
    traffic : ndarray, shape (K,)
        Share of traffic per model.
    """

    quality: float
    cost: float
    traffic: FloatArray


def traffic_shares(action_probs: ArrayLike) -> FloatArray:
    """Return the share of traffic per candidate: mean of action_probs over requests, shape (K,)."""
    return np.asarray(np.mean(np.asarray(action_probs, dtype=np.float64), axis=0))


def cost_matched_shuffle(action_probs: ArrayLike, quality: ArrayLike, cost: ArrayLike) -> ShuffledControl:
    """Return the random control that spends as much as the router.

    Parameters
    ----------
    action_probs, quality, cost : array-like, shape (n, K)
        The router, and full information.

    Returns
    -------
    ShuffledControl
        Expectation over all permutations of the router's choices among requests: sum_a share_a
        mean_i q_ia. Its cost differs from the router's if that sends long requests to particular
        models; the control is then mixed with the cheapest or the dearest constant model until
        the expected costs are equal (as far as that model's cost reaches).
    """
    probs, costs = np.asarray(action_probs, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    wanted = float((probs * costs).sum(axis=1).mean())
    means = np.asarray(quality, dtype=np.float64).mean(axis=0), costs.mean(axis=0)
    return shuffled_control(traffic_shares(probs), means[0], means[1], wanted)


def shuffled_control(share: FloatArray, quality: FloatArray, cost: FloatArray, wanted: float) -> ShuffledControl:
    """Return the control of `cost_matched_shuffle` from means.

    Parameters
    ----------
    share : ndarray, shape (K,)
        The router's traffic.
    quality, cost : ndarray, shape (K,)
        Means of the constant models.
    wanted : float
        The router's cost per request.

    Returns
    -------
    ShuffledControl
        Of that cost, as far as the cheapest and the dearest model reach.
    """
    spent = float(share @ cost)
    toward = np.zeros(share.size)
    toward[np.argmin(cost) if spent > wanted else np.argmax(cost)] = 1.0
    reach = float(toward @ cost) - spent
    part = min(max((wanted - spent) / reach, 0.0), 1.0) if reach != 0.0 else 0.0
    share = (1.0 - part) * share + part * toward
    return ShuffledControl(quality=float(share @ quality), cost=float(share @ cost), traffic=share)
