"""From sums to estimates with intervals: the last step of a one-pass or a partitioned evaluation."""

import math
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray
from arbiter.ope.channels import MODEL, RESIDUAL, WEIGHT
from arbiter.ope.distributions import normal_quantile, student_t_quantile
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.estimators import ESTIMATOR_NAMES, FIXED, NEEDS_MODEL, TUNED, Statistic
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

    def stacked_gradient(self, chosen: ChosenStatistic, policy: int) -> FloatArray:
        """Return the gradient over the channels of all policies, zero outside one policy."""
        out = np.zeros_like(self.mean)
        out[self.block(policy)] = chosen.statistic.gradient(self.mean[self.block(policy)])
        return out

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

    def report(
        self, chosen: ChosenStatistic, value: float, gradient: FloatArray, policies: tuple[int, ...], level: float
    ) -> OffPolicyEstimate:
        """Put value, influence-function error and t interval together.

        Notes
        -----
        stderr^2 = g' Cov(mean) g, which is the sample variance of the influence function over n,
        or its cluster-robust form. Quantile of t with ESS - 1 degrees of freedom, where theory
        says normal: at an ESS of 20 the normal interval is 6 % too short.
        """
        variance = float(gradient @ self.covariance @ gradient)
        stderr = math.sqrt(max(variance, 0.0)) if chosen.name != "dm" and self.units > 1 else None
        interval = None
        if stderr is not None:
            df = self.units - 1.0
            if chosen.name != "exact":
                df = min(df, *(self.degrees_of_freedom[p] for p in policies))
            reach = student_t_quantile(0.5 + level / 2.0, df) * stderr
            interval = (value - reach, value + reach)
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
        )


def applicable(view: OutcomeView, policies: tuple[int, ...], options: EstimateOptions) -> tuple[str, ...]:
    """Return the estimators to compute, in the order of `ESTIMATOR_NAMES`.

    Parameters
    ----------
    view : OutcomeView
        Sums of one outcome.
    policies : tuple of int
        Policies involved.
    options : EstimateOptions
        What was asked for.

    Returns
    -------
    tuple of str
        By default all that make sense: model-based ones with a model, "exact" on full information.

    Raises
    ------
    InvalidInputError
        If an estimator was asked for by name and cannot be computed.
    """
    possible = {name for name in ESTIMATOR_NAMES if view.sums.has_model or name not in NEEDS_MODEL}
    if not all(view.is_exact(policy) for policy in policies):
        possible.discard("exact")
    missing = set(options.estimators or ()) - possible
    if missing:
        raise InvalidInputError(
            f"{sorted(missing)} cannot be computed: model-based estimators need q_hat, and exact needs "
            f"every action of the policy scored with inclusion probability 1"
        )
    return tuple(name for name in ESTIMATOR_NAMES if name in possible and options.wants(name))


def conclude(
    sums: PolicySums, outcome: str, options: EstimateOptions | None = None, policy: int = 0
) -> dict[str, OffPolicyEstimate]:
    """Compute the estimates of one policy from finished sums.

    Parameters
    ----------
    sums : PolicySums
        Sums of the whole log.
    outcome : str
        Outcome column.
    options : EstimateOptions, optional
        Must agree with the channels that were summed.
    policy : int
        Which policy, in the order given to `accumulate`.

    Returns
    -------
    dict of str to OffPolicyEstimate
        By estimator name.

    Raises
    ------
    InvalidInputError
        If the outcome is unknown or an estimator cannot be computed.
    """
    return conclude_view(OutcomeView(sums, outcome), options or EstimateOptions(), policy)


def conclude_view(view: OutcomeView, options: EstimateOptions, policy: int) -> dict[str, OffPolicyEstimate]:
    """Compute the estimates of one policy from a view that others use too."""
    out = {}
    for name in applicable(view, (policy,), options):
        chosen = view.settle(name, policy, options)
        value = view.value(chosen, policy)
        gradient = view.stacked_gradient(chosen, policy)
        out[name] = view.report(chosen, value, gradient, (policy,), options.confidence)
    return out


def conclude_difference(
    sums: PolicySums, outcome: str, options: EstimateOptions | None = None, pair: tuple[int, int] = (0, 1)
) -> dict[str, OffPolicyEstimate]:
    """Compute the paired difference of two policies from finished sums.

    Parameters
    ----------
    sums : PolicySums
        Sums of the whole log for both policies.
    outcome : str
        Outcome column.
    options : EstimateOptions, optional
        Must agree with the channels that were summed.
    pair : tuple of int
        Policy and baseline.

    Returns
    -------
    dict of str to OffPolicyEstimate
        By estimator name; `ess` is the smaller of the two.

    Raises
    ------
    InvalidInputError
        If the outcome is unknown or an estimator cannot be computed for both.

    Notes
    -----
    Delta-OPE (Jeunen and Ustimenko 2024): for DR the difference of the two estimates is
    mean[sum_a (pi - pi') q + (pi - pi')/p (r - q)], and the influence functions are subtracted
    request by request, so that what the policies share cancels. A tuned threshold is the one
    chosen for the policy, applied to both: two thresholds would be two different biases.
    """
    return conclude_pair(OutcomeView(sums, outcome), options or EstimateOptions(), pair)


def conclude_pair(view: OutcomeView, options: EstimateOptions, pair: tuple[int, int]) -> dict[str, OffPolicyEstimate]:
    """Compute the paired difference from a view that others use too."""
    first, second = pair
    out = {}
    for name in applicable(view, pair, options):
        chosen = view.settle(name, first, options)
        value = view.value(chosen, first) - view.value(chosen, second)
        gradient = view.stacked_gradient(chosen, first) - view.stacked_gradient(chosen, second)
        out[name] = view.report(chosen, value, gradient, pair, options.confidence)
    return out
