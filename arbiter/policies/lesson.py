"""What one judged answer teaches a policy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How a judged decision was made and what it was worth: what the comparison with the offline policy needs.

    Attributes
    ----------
    utility : judged quality less the price of money and time, in quality points.
    propensity : with which the answering candidate was chosen.
    offline : probability that the offline policy gives it.
    share : part of the traffic that the bandit decided then; above 0.
    """

    utility: float
    propensity: float
    offline: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One judgement, or the change of one.

    Attributes
    ----------
    arm : the candidate that answered.
    context : (d,), the decision's context vector.
    residual : judged quality less the quality that was estimated when the decision was made.
    weight : inverse noise variance of the judgement, in units of the reference source's.
    known_residual, known_weight : of what had been learned of this decision before; weight 0 where nothing had.
    known_since : seconds since 1970 at which it was first judged; None where unknown, or it was not.
    timestamp : seconds since 1970 at which the judgement came; None where unknown.
    evidence : None where the decision does not tell how it was made, or this is a correction.
    """

    arm: int
    context: NDArray[np.float64]
    residual: float
    weight: float = 1.0
    known_residual: float = 0.0
    known_weight: float = 0.0
    known_since: float | None = None
    timestamp: float | None = None
    evidence: Evidence | None = None
