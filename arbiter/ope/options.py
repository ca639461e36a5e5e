"""What to estimate and how: one value object, checked once."""

import math
from dataclasses import dataclass

from arbiter.errors import InvalidInputError
from arbiter.ope.channels import LAM_GRID, TAU_GRID, Channels
from arbiter.ope.estimators import ESTIMATOR_NAMES

# Ten keeps nine tenths of the traffic of a logger with a 10 % floor untouched; it is reported.
DEFAULT_CLIP = 10.0
TUNING_RULES = ("mse", "slope")


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateOptions:
    """Choices of an off-policy estimate.

    Parameters
    ----------
    estimators : tuple of str, optional
        Names from `ESTIMATOR_NAMES`. Default: all that the log and the model allow.
    confidence : float
        Level of the intervals, in (0, 1).
    clip : float
        Largest weight of clipped IPS.
    tau, lam : float, optional
        Threshold of Switch-DR and strength of DRos. Default: chosen from a fixed grid by `tuning`
        at every call. Zero gives the direct method, infinity gives DR.
    tuning : str
        "mse" (Su et al. 2020) or "slope" (Su, Srinath and Krishnamurthy 2020, with the constants
        of Tucker and Lee 2021). SLOPE is not safe on sparse rewards: there it can choose a heavy
        cut whose bias its interval does not show.
    """

    estimators: tuple[str, ...] | None = None
    confidence: float = 0.95
    clip: float = DEFAULT_CLIP
    tau: float | None = None
    lam: float | None = None
    tuning: str = "mse"

    def __post_init__(self) -> None:
        """Check the choices."""
        unknown = set(self.estimators or ()) - set(ESTIMATOR_NAMES)
        if unknown:
            raise InvalidInputError(f"unknown estimators {sorted(unknown)}: choose from {list(ESTIMATOR_NAMES)}")
        if not 0.0 < self.confidence < 1.0:
            raise InvalidInputError(f"confidence is {self.confidence}: expected a number between 0 and 1, such as 0.95")
        if self.tuning not in TUNING_RULES:
            raise InvalidInputError(f"tuning is {self.tuning!r}: choose from {list(TUNING_RULES)}")

    def wants(self, name: str) -> bool:
        """Tell whether an estimator was asked for, by name or by default."""
        return self.estimators is None or name in self.estimators

    def channels(self, has_model: bool) -> Channels:
        """Return the sums that these choices need.

        Parameters
        ----------
        has_model : bool
            Whether predicted rewards exist; without them no threshold is needed.

        Returns
        -------
        Channels
            The same for equal options, so that parts summed apart can be added.
        """
        taus, lams = (TAU_GRID, LAM_GRID) if has_model else ((math.inf,), (math.inf,))
        taus = taus if self.tau is None else (self.tau,)
        lams = lams if self.lam is None else (self.lam,)
        return Channels(
            clip=self.clip,
            taus=taus if self.wants("switch_dr") else (math.inf,),
            lams=lams if self.wants("dros") else (math.inf,),
        )
