"""The sums of one outcome and what follows from them: values, errors, intervals."""

import math
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray
from arbiter.ope.channels import MODEL, RESIDUAL, WEIGHT
from arbiter.ope.distributions import normal_quantile, student_t_quantile
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.estimators import FIXED, TUNED, UNBIASED, Statistic
from arbiter.ope.moments import cluster_covariance
from arbiter.ope.options import EstimateOptions
from arbiter.ope.sums import PolicySums
from arbiter.ope.tuning import Candidate, choose_by_mse, choose_by_slope

# Full information: every request's weight is one up to the rounding of the policy's probabilities.
_EXACT_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenStatistic:
    """An estimator with its hyperparameter settled.

    Parameters
    ----------
    name : str
        Estimator name.
    statistic : Statistic
        What to compute from channel means.
    hyperparameter : float or None
        The clip, tau or lam behind it.
    """

    name: str
    statistic: Statistic
    hyperparameter: float | None


class OutcomeView:
    """The sums of one outcome with everything that follows from them.

    Parameters
    ----------
    sums : PolicySums
        Finished sums.
    outcome : str
        Outcome column.

    Raises
    ------
    InvalidInputError
        If the outcome was not summed.
    """

    def __init__(self, sums: PolicySums, outcome: str) -> None:
        if outcome not in sums.outcomes:
            raise InvalidInputError(f"no outcome {outcome!r} in the log: it has {sorted(sums.outcomes)}")
        self.sums = sums
        self.part = sums.outcomes[outcome]
        self.mean = self.part.moments.mean
        self.n = self.part.moments.n
        # Clusters without a request in this part are dropped once: the copy is the size of the sums.
        self.held = None if self.part.clusters is None else self.part.clusters.occupied
        self.units = self.n if self.held is None else self.held.shape[1]
        self.covariance = (
            self.part.moments.covariance_of_mean() if self.held is None else cluster_covariance(self.held, self.mean)
        )
        self.degrees_of_freedom = tuple(self._degrees_of_freedom(p) for p in range(sums.policies))

    def block(self, policy: int) -> slice:
        """Return the channels of a policy within the stacked ones."""
        return slice(policy * self.sums.channels.size, (policy + 1) * self.sums.channels.size)

    def ess(self, policy: int) -> float:
        """Return (sum w)^2 / sum w^2 over requests, 0 where all weights are zero (Kish 1965)."""
        at = self.block(policy).start + WEIGHT
        weight = float(self.mean[at])
        square = weight**2 + float(self.part.moments.comoment[at, at]) / self.n
        return self.n * weight**2 / square if square > 0.0 else 0.0

    def _degrees_of_freedom(self, policy: int) -> float:
        """Return ESS - 1, with the ESS of session sums where that is smaller, and at least 1."""
        effective = self.ess(policy)
        if self.held is not None:
            weight = self.held[1 + self.block(policy).start + WEIGHT]
            square = float(weight @ weight)
            effective = min(effective, float(weight.sum()) ** 2 / square if square > 0.0 else 0.0)
        return max(effective - 1.0, 1.0)

    def is_exact(self, policy: int) -> bool:
        """Tell whether every action that the policy can take was scored with certainty."""
        overlap = self.part.overlap[policy]
        certain = overlap.min_inclusion == 1.0 and bool((overlap.answered == overlap.logged).all())
        return certain and abs(overlap.certain_mass / self.n - 1.0) <= _EXACT_TOLERANCE

    def settle(self, name: str, policy: int, options: EstimateOptions) -> ChosenStatistic:
        """Return an estimator with its threshold chosen for a policy."""
        if name not in TUNED:
            return ChosenStatistic(
                name=name,
                statistic=FIXED[name],
                hyperparameter=self.sums.channels.clip if name == "clipped_ips" else None,
            )
        grid = self.sums.channels.taus if name == "switch_dr" else self.sums.channels.lams
        candidates = [self._candidate(TUNED[name](self.sums.channels, h), h, policy) for h in grid]
        if options.tuning == "mse":
            best = choose_by_mse(candidates)
        else:
            best = choose_by_slope(candidates, normal_quantile(0.5 + options.confidence / 2.0))
        chosen = TUNED[name](self.sums.channels, best.hyperparameter)
        return ChosenStatistic(name=name, statistic=chosen, hyperparameter=best.hyperparameter)

    def _candidate(self, statistic: Statistic, hyperparameter: float, policy: int) -> Candidate:
        mean = self.mean[self.block(policy)]
        gradient = statistic.gradient(mean)
        block = self.covariance[self.block(policy), self.block(policy)]
        value = float(statistic.value(mean))
        return Candidate(
            hyperparameter=hyperparameter,
            value=value,
            variance=max(float(gradient @ block @ gradient), 0.0),
            bias=float(mean[MODEL] + mean[RESIDUAL]) - value,
        )

    def linearise(self, chosen: ChosenStatistic, policies: tuple[int, ...]) -> tuple[float, FloatArray]:
        """Return an estimate with its gradient by the stacked channel means.

        Parameters
        ----------
        chosen : ChosenStatistic
            The estimator.
        policies : tuple of one or two int
            The policy; or policy and baseline, for their difference.

        Returns
        -------
        value : float
            Estimate of the policy, or of the difference.
        gradient : ndarray, shape (policies * channels,)
            Zero outside the policies; the stderr is the root of gradient' Cov(mean) gradient.
        """
        value, gradient = 0.0, np.zeros_like(self.mean)
        for policy, sign in zip(policies, (1.0, -1.0), strict=False):
            block = self.block(policy)
            value += sign * self.value(chosen, policy)
            gradient[block] += sign * chosen.statistic.gradient(self.mean[block])
        return value, gradient

    def value(self, chosen: ChosenStatistic, policy: int) -> float:
        """Return the point estimate.

        Raises
        ------
        InvalidInputError
            If the policy never takes a logged action and the estimator divides by the mean weight.
        """
        value = float(chosen.statistic.value(self.mean[self.block(policy)]))
        if math.isnan(value):
            raise InvalidInputError(f"{chosen.name} has no value: the policy never takes an action that was logged")
        return value

    def stderr(self, gradient: FloatArray) -> float:
        """Return the influence-function error of a linearised estimate."""
        return math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))

    def report(self, chosen: ChosenStatistic, policies: tuple[int, ...], level: float) -> OffPolicyEstimate:
        """Put value, influence-function error and t interval together.

        Parameters
        ----------
        chosen : ChosenStatistic
            The estimator.
        policies : tuple of one or two int
            The policy; or policy and baseline, for their difference.
        level : float
            Confidence level.

        Returns
        -------
        OffPolicyEstimate
            With an interval, save for "dm" and a log of one unit.

        Notes
        -----
        stderr^2 = g' Cov(mean) g, which is the sample variance of the influence function over n,
        or its cluster-robust form. Quantile of t with ESS - 1 degrees of freedom, where theory
        says normal: at an ESS of 20 the normal interval is 6 % too short.

        An estimator that cuts or shrinks weights trades variance for a bias that no error of its own
        shows, and no shorter interval than the unbiased one is honest for all models (Low 1997). So its
        interval is the hull of its own and of the one that it departs from (DR, or IPS): it covers at
        least as often as that.
        """
        value, gradient = self.linearise(chosen, policies)
        stderr = interval = bias = None
        if chosen.name != "dm" and self.units > 1:
            stderr = self.stderr(gradient)
            reach = self._quantile(chosen, policies, level)
            interval = (value - reach * stderr, value + reach * stderr)
            if (origin := self.origin(chosen)) is not None:
                other, slope = self.linearise(origin, policies)
                spread = reach * self.stderr(slope)
                bias = value - other
                interval = (min(interval[0], other - spread), max(interval[1], other + spread))
        return OffPolicyEstimate(
            estimator=chosen.name,
            value=value,
            stderr=stderr,
            interval=interval,
            confidence=level,
            n=self.n,
            units=self.units,
            ess=min(self.ess(p) for p in policies),
            hyperparameter=chosen.hyperparameter,
            bias=bias,
        )

    @staticmethod
    def origin(chosen: ChosenStatistic) -> ChosenStatistic | None:
        """Return the unbiased estimator that a cut or shrunk one departs from; None for the others."""
        if chosen.name not in UNBIASED:
            return None
        name = UNBIASED[chosen.name]
        return ChosenStatistic(name=name, statistic=FIXED[name], hyperparameter=None)

    def _quantile(self, chosen: ChosenStatistic, policies: tuple[int, ...], level: float) -> float:
        df = self.units - 1.0
        if chosen.name != "exact":
            df = min(df, *(self.degrees_of_freedom[p] for p in policies))
        return student_t_quantile(0.5 + level / 2.0, df)
