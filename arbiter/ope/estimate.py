"""The result of one off-policy estimator."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyEstimate:
    """The estimated value of a policy, or of a difference of two.

    Parameters
    ----------
    estimator : str
        "dm", "ips", "clipped_ips", "snips", "dr", "sndr", "switch_dr", "dros" or "exact".
    value : float
        Estimate, in the unit of the outcome.
    stderr : float or None
        Standard error; None where none is known to be right (dm, or a single session).
    interval : tuple of float or None
        Lower and upper end; None where `stderr` is.
    confidence : float
        Level of the interval, such as 0.95.
    n : int
        Requests.
    units : int
        Independent units behind the standard error: sessions where the log has them, else `n`.
    ess : float
        Effective sample size of the weights, in requests: (sum w)^2 / sum w^2 (Kish 1965).
    hyperparameter : float or None
        The clip, tau or lam that was used; chosen anew at every call.
    bias : float or None
        Of an estimator that cuts or shrinks weights: its value minus that of the unbiased one (dr,
        ips), whose interval its own takes in. Not in `stderr`. None for the others.
    """

    estimator: str
    value: float
    stderr: float | None
    interval: tuple[float, float] | None
    confidence: float
    n: int
    units: int
    ess: float
    hyperparameter: float | None = None
    bias: float | None = None

    @property
    def width(self) -> float | None:
        """Width of the interval, in the unit of the outcome."""
        return None if self.interval is None else self.interval[1] - self.interval[0]

    def covers(self, value: float) -> bool:
        """Tell whether the interval holds a value; False where there is no interval."""
        return self.interval is not None and self.interval[0] <= value <= self.interval[1]
