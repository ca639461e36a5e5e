"""What is believed of each candidate's error against the offline estimate: Bayesian linear regression per arm."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualBelief:
    """Posterior of K linear models of the residual ``observed quality - estimated quality``.

    The state is immutable: :meth:`updated` gives a new one, so that threads can read while one writes.

    Attributes
    ----------
    prior_precision : (d,), diagonal of the prior's precision; it never decays, so an arm without news falls back to
        the offline estimate (stabilised forgetting, Kulhavy and Zarrop, 1993).
    gram : (K, d, d), sum of z z' over the feedback, decayed. The truth, with ``moment``.
    moment : (K, d), sum of y z over the feedback, decayed.
    covariance : (K, d, d), inverse of diag(prior_precision) + gram. A cache.
    mean : (K, d), posterior mean of the weights. A cache.
    """

    prior_precision: FloatArray
    gram: FloatArray
    moment: FloatArray
    covariance: FloatArray
    mean: FloatArray

    @classmethod
    def prior(cls, n_arms: int, prior_precision: FloatArray) -> "ResidualBelief":
        """Start without feedback: mean 0, the offline estimate as it stands."""
        d = prior_precision.size
        return cls.from_statistics(prior_precision, np.zeros((n_arms, d, d)), np.zeros((n_arms, d)))

    @classmethod
    def from_statistics(cls, prior_precision: FloatArray, gram: FloatArray, moment: FloatArray) -> "ResidualBelief":
        """Rebuild the caches from the sums."""
        inverse = np.linalg.inv(gram + np.diag(prior_precision))
        covariance = np.asarray(0.5 * (inverse + np.swapaxes(inverse, 1, 2)), dtype=np.float64)
        mean = np.einsum("kij,kj->ki", covariance, moment)
        return cls(prior_precision=prior_precision, gram=gram, moment=moment, covariance=covariance, mean=mean)

    def updated(self, arm: int, context: FloatArray, residual: float, decay: float = 1.0) -> "ResidualBelief":
        """Learn from one judged answer.

        Parameters
        ----------
        arm : the candidate that answered.
        context : (d,), the decision's context vector.
        residual : observed quality less the quality that was estimated when the decision was made.
        decay : in (0, 1], multiplies what this arm knew before; 1 forgets nothing.

        Returns
        -------
        belief : a new belief; only ``arm`` differs.

        Notes
        -----
        The inverse is taken anew from the sums at each update (d is 64 at most). The rank-one formula of Sherman and
        Morrison (1950) is cheaper but is not exact under decay with a prior that stays.
        """
        gram = decay * self.gram[arm] + np.outer(context, context)
        moment = decay * self.moment[arm] + residual * context
        covariance = np.linalg.inv(gram + np.diag(self.prior_precision))
        covariance = 0.5 * (covariance + covariance.T)
        changed = {"gram": gram, "moment": moment, "covariance": covariance, "mean": covariance @ moment}
        arrays = {name: getattr(self, name).copy() for name in changed}
        for name, value in changed.items():
            arrays[name][arm] = value
        return replace(self, **arrays)

    def corrected(self, arm: int, context: FloatArray, change: float) -> "ResidualBelief":
        """Learn that a judgement already learned has moved by ``change``.

        Exact without decay; with decay the correction counts in full, as if the judgement were new.
        """
        moment = self.moment.copy()
        mean = self.mean.copy()
        moment[arm] += change * context
        mean[arm] = self.covariance[arm] @ moment[arm]
        return replace(self, moment=moment, mean=mean)

    def predict(self, context: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give mean and standard deviation (in units of the noise) of each arm's residual.

        Parameters
        ----------
        context : (d,) or (n, d).

        Returns
        -------
        mean, sd : (K,) or (n, K).
        """
        mean = context @ self.mean.T
        rows = np.atleast_2d(context)
        variance = ((rows @ self.covariance) * rows).sum(axis=2).T  # (K, n, d) to (n, K)
        return mean, np.sqrt(np.maximum(variance, 1e-12)).reshape(mean.shape)
