"""Bounds on a policy's value where the log has no support for part of it."""

from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.conclude import conclude
from arbiter.ope.diagnostics import diagnose
from arbiter.ope.evaluate import sum_policies
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.options import EstimateOptions


def support_bounds(
    log: LoggedFeedback, action_probs: ArrayLike, outcome: str, reward_range: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Bound a policy's value where part of it has no support in the log.

    Parameters
    ----------
    log : LoggedFeedback
        Best with `support`; a deterministic log needs none.
    action_probs : array-like, shape (n, K)
        The policy.
    outcome : str
        Outcome column.
    reward_range : tuple of float
        Least and largest possible outcome.

    Returns
    -------
    tuple of float
        V_supported + U * least and V_supported + U * largest, with U the unsupported mass
        (Manski 1990). Sampling error comes on top and is not included.

    Raises
    ------
    InvalidInputError
        If the range is empty or the policy does not fit the log.
    """
    low, high = reward_range
    if not low < high:
        raise InvalidInputError(f"reward_range is {reward_range}: expected (least, largest)")
    options = EstimateOptions(estimators=("ips",))
    sums = sum_policies(log, [action_probs], None, options)
    supported = conclude(sums, outcome, options)["ips"].value
    outside = diagnose(sums, outcome).unsupported
    return supported + outside * low, supported + outside * high
