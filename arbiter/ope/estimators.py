"""The estimators, each a ratio or sum of channel means with its influence function.

Mixed case of all of them (bandit, partial and full information): requests i with scored cells
S_i, inclusion probabilities rho, weights w_ia = pi(a|x_i)/rho(a|x_i). With one scored cell per
request rho is the logging propensity and the textbook forms come out; with every cell scored at
rho = 1 the weights are the policy's own probabilities.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from arbiter.ope.arrays import FloatArray
from arbiter.ope.channels import CLIPPED, MODEL, RESIDUAL, WEIGHT, WEIGHTED, Channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A smooth function of channel means: sum of `added` plus `ratio` over the mean weight.

    Parameters
    ----------
    added : tuple of int
        Channels whose means are added.
    ratio : int or None
        Channel whose mean is divided by the mean weight.
    """

    added: tuple[int, ...]
    ratio: int | None = None

    def value(self, mean: FloatArray) -> FloatArray:
        """Evaluate at channel means.

        Parameters
        ----------
        mean : ndarray, shape (..., d)
            Channel means, one set or one per bootstrap replicate.

        Returns
        -------
        ndarray, shape (...)
            The statistic; NaN where the mean weight is zero and the ratio has no value.
        """
        total = np.sum([mean[..., channel] for channel in self.added], axis=0) + np.zeros(mean.shape[:-1])
        if self.ratio is None:
            return np.asarray(total)
        weight = mean[..., WEIGHT]
        return np.asarray(total + mean[..., self.ratio] / np.where(weight > 0.0, weight, np.nan))

    def gradient(self, mean: FloatArray) -> FloatArray:
        """Differentiate by the channel means.

        Parameters
        ----------
        mean : ndarray, shape (d,)
            Channel means.

        Returns
        -------
        ndarray, shape (d,)
            g with influence function g . (z_i - mean). For SNIPS that is w (r - V) / mean(w), for
            SNDR (q_pi - mean q_pi) + w (r - q - c) / mean(w).
        """
        out = np.zeros(mean.shape[0])
        out[list(self.added)] = 1.0
        if self.ratio is not None:
            out[self.ratio] += 1.0 / mean[WEIGHT]
            out[WEIGHT] -= mean[self.ratio] / mean[WEIGHT] ** 2
        return out


DM = Statistic(added=(MODEL,))
"""Direct method: mean q_pi(x). Biased by the model whatever the sample size, so it gets no interval."""

IPS = Statistic(added=(WEIGHTED,))
"""mean sum_a w r (Horvitz and Thompson 1952). Unbiased where pi > 0 implies rho > 0; not shift invariant."""

CLIPPED_IPS = Statistic(added=(CLIPPED,))
"""mean sum_a min(w, M) r (Bottou et al. 2013). Biased down by at most E[(w - M)+ r] for r >= 0."""

SNIPS = Statistic(added=(), ratio=WEIGHTED)
"""sum w r / sum w (Swaminathan and Joachims 2015). Equivariant to r + c; bias of order 1/n."""

DR = Statistic(added=(MODEL, RESIDUAL))
"""mean [q_pi + sum_a w (r - q)] (Dudik, Langford and Li 2011). The default."""

SNDR = Statistic(added=(MODEL,), ratio=RESIDUAL)
"""mean q_pi + sum w (r - q) / sum w: DR with normalised weights (Thomas and Brunskill 2016, one step)."""


def switch_dr(channels: Channels, tau: float) -> Statistic:
    """Return Switch-DR: mean [q_pi + sum_a w 1{w <= tau} (r - q)].

    Parameters
    ----------
    channels : Channels
        Must hold `tau`.
    tau : float
        Largest weight used; 0 is DM (for positive weights), infinity is DR.

    Returns
    -------
    Statistic
        Wang, Agarwal and Dudik (2017). There the two branches are IPS and DM; this is the
        doubly robust form. The bias of the cut cells is not in its stderr; the interval reaches over
        that of DR for it.
    """
    return Statistic(added=(MODEL, channels.switch(tau)))


def dros(channels: Channels, lam: float) -> Statistic:
    """Return DRos: mean [q_pi + sum_a lam w / (w^2 + lam) (r - q)].

    Parameters
    ----------
    channels : Channels
        Must hold `lam`.
    lam : float
        0 is DM, infinity is DR.

    Returns
    -------
    Statistic
        Su, Dimakopoulou, Krishnamurthy and Dudik (2020, optimistic shrinkage). The bias of
        shrinking is not in its stderr; the interval reaches over that of DR for it.
    """
    return Statistic(added=(MODEL, channels.shrunk(lam)))


NEEDS_MODEL = frozenset({"dm", "dr", "dros", "sndr", "switch_dr"})
TUNED: dict[str, Callable[[Channels, float], Statistic]] = {"dros": dros, "switch_dr": switch_dr}
FIXED = {"clipped_ips": CLIPPED_IPS, "dm": DM, "dr": DR, "exact": IPS, "ips": IPS, "sndr": SNDR, "snips": SNIPS}
UNBIASED = {"clipped_ips": "ips", "dros": "dr", "switch_dr": "dr"}
"""What a biased estimator departs from; its interval reaches over that one's."""

ESTIMATOR_NAMES = ("dm", "ips", "clipped_ips", "snips", "dr", "sndr", "switch_dr", "dros", "exact")
