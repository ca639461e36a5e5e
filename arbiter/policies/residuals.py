"""What is believed of each candidate's error against the offline estimate: Bayesian linear regression per arm."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.policies.fading import Fading

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualBelief:
    """Posterior of K linear models of the residual ``observed quality - estimated quality``.

    The state is immutable: :meth:`updated` gives a new one, so that threads can read while one writes.

    Attributes
    ----------
    prior_precision : (K, d), diagonals of the priors' precision; they do not decay with feedback or time, so that an
        arm without news falls back to the offline estimate (stabilised forgetting, Kulhavy and Zarrop, 1993).
    gram : (K, d, d), sum of w z z' over the feedback, decayed. The truth, with ``moment``.
    moment : (K, d), sum of w y z over the feedback, decayed.
    covariance : (K, d, d), inverse of diag(prior_precision) + gram. A cache.
    mean : (K, d), posterior mean of the weights. A cache.
    fading : what forgetting has left of what was learned when.
    """

    prior_precision: FloatArray
    gram: FloatArray
    moment: FloatArray
    covariance: FloatArray
    mean: FloatArray
    fading: Fading

    @classmethod
    def prior(cls, prior_precision: FloatArray) -> "ResidualBelief":
        """Start without feedback, for (K, d) precisions: mean 0, the offline estimates as they stand."""
        k, d = prior_precision.shape
        return cls.from_statistics(prior_precision, np.zeros((k, d, d)), np.zeros((k, d)), Fading.fresh(k))

    @classmethod
    def from_statistics(
        cls, prior_precision: FloatArray, gram: FloatArray, moment: FloatArray, fading: Fading | None = None
    ) -> "ResidualBelief":
        """Rebuild the caches from the sums; None where nobody knows when these were learned."""
        covariance = _inverse(gram, prior_precision)
        return cls(
            prior_precision=prior_precision,
            gram=gram,
            moment=moment,
            covariance=covariance,
            mean=(covariance @ moment[:, :, None])[:, :, 0],
            fading=Fading.unknown(len(gram)) if fading is None else fading,
        )

    @property
    def counts(self) -> FloatArray:
        """(K,) effective number of judgements behind each arm, decayed; the context's first entry is 1."""
        return self.gram[:, 0, 0]

    def updated(
        self, arm: int, context: FloatArray, residual: float, *, weight: float = 1.0, decay: float = 1.0
    ) -> "ResidualBelief":
        """Learn from one judged answer.

        Parameters
        ----------
        arm : the candidate that answered.
        context : (d,), the decision's context vector.
        residual : observed quality less the quality that was estimated when the decision was made.
        weight : inverse noise variance of the judgement against the reference.
        decay : in (0, 1], multiplies what this arm knew before; 1 forgets nothing.

        Returns
        -------
        belief : a new belief; only ``arm`` differs.

        Notes
        -----
        The inverse is taken anew from the sums at each update. The rank-one formula of Sherman and Morrison (1950) is
        no faster for the dozens of dimensions that a context has, is not exact under decay with a prior that stays, and
        diverges under decay in its plain form.
        """
        gram, moment = self.gram.copy(), self.moment.copy()
        gram[arm] = decay * gram[arm] + weight * np.outer(context, context)
        moment[arm] = decay * moment[arm] + weight * residual * context
        return self._renewed(gram, moment, np.array([arm]), self.fading.faded(arm, decay))

    def noted(self, arm: int, at: float | None) -> "ResidualBelief":
        """Note when an arm was told what it learned last, for corrections of it; nothing where that is unknown."""
        return self if at is None else replace(self, fading=self.fading.noted(arm, at))

    def corrected(self, arm: int, context: FloatArray, weight_change: float, moment_change: float) -> "ResidualBelief":
        """Learn that a judgement already learned has moved.

        Parameters
        ----------
        arm, context : of the judged decision.
        weight_change : of the judgement's weight, times what is left of it (:meth:`Fading.left`).
        moment_change : of weight x residual, likewise.

        Returns
        -------
        belief : that of the moved judgement from the start.
        """
        gram, moment = self.gram.copy(), self.moment.copy()
        gram[arm] += weight_change * np.outer(context, context)
        moment[arm] += moment_change * context
        return self._renewed(gram, moment, np.array([arm]), self.fading)

    def aged(self, factor: float) -> "ResidualBelief":
        """Give the belief after time has passed: what every arm knew counts ``factor`` of what it did."""
        fading = Fading(tuple(arm.faded(factor) for arm in self.fading.arms))
        return self._renewed(factor * self.gram, factor * self.moment, np.arange(len(self.gram)), fading)

    def doubted(self, arm: int, factor: float, intercept_precision: float | None = None) -> "ResidualBelief":
        """Give the belief after the world has changed.

        Parameters
        ----------
        arm, factor : what this arm knew counts so much of what it did.
        intercept_precision : of the arm's prior from now on; None keeps it. Where judgements have refuted the offline
            estimate, a prior that holds it right would have to be outvoted first.
        """
        gram, moment, prior = self.gram.copy(), self.moment.copy(), self.prior_precision.copy()
        gram[arm] *= factor
        moment[arm] *= factor
        if intercept_precision is not None:
            prior[arm, 0] = intercept_precision
        fading = self.fading.faded(arm, factor)
        return replace(self, prior_precision=prior)._renewed(gram, moment, np.array([arm]), fading)

    def arranged(self, old: list[int | None], prior_precision: FloatArray) -> "ResidualBelief":
        """Give the belief over another list of arms.

        Parameters
        ----------
        old : for each new arm, the place of the old one whose knowledge it takes over; None starts it anew.
        prior_precision : (K', d) of the new arms.
        """
        d = self.gram.shape[-1]
        gram = np.stack([np.zeros((d, d)) if i is None else self.gram[i] for i in old])
        moment = np.stack([np.zeros(d) if i is None else self.moment[i] for i in old])
        return ResidualBelief.from_statistics(prior_precision, gram, moment, self.fading.arranged(old))

    def _renewed(
        self, gram: FloatArray, moment: FloatArray, arms: NDArray[np.int64], fading: Fading
    ) -> "ResidualBelief":
        covariance, mean = self.covariance.copy(), self.mean.copy()
        covariance[arms] = _inverse(gram[arms], self.prior_precision[arms])
        mean[arms] = (covariance[arms] @ moment[arms][:, :, None])[:, :, 0]
        return ResidualBelief(  # replace() takes a twelfth of the time of an update
            prior_precision=self.prior_precision,
            gram=gram,
            moment=moment,
            covariance=covariance,
            mean=mean,
            fading=fading,
        )

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


def _inverse(gram: FloatArray, prior_precision: FloatArray) -> FloatArray:
    """Give the (n, d, d) inverses of gram + diag(prior_precision), symmetric to the bit."""
    precision = gram.copy()
    np.einsum("kii->ki", precision)[:] += prior_precision  # the diagonals, as a view
    inverse = np.linalg.inv(precision)
    return np.asarray(0.5 * (inverse + np.swapaxes(inverse, -1, -2)), dtype=np.float64)
