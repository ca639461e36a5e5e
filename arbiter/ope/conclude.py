"""From sums to estimates with intervals: the last step of a one-pass or a partitioned evaluation."""

from arbiter.errors import InvalidInputError
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.estimators import ESTIMATOR_NAMES, NEEDS_MODEL
from arbiter.ope.options import EstimateOptions
from arbiter.ope.sums import PolicySums
from arbiter.ope.view import OutcomeView


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
        out[name] = view.report(view.settle(name, policy, options), (policy,), options.confidence)
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
    out = {}
    for name in applicable(view, pair, options):
        out[name] = view.report(view.settle(name, pair[0], options), pair, options.confidence)
    return out
