"""What to randomise, for how long and at what price, so that a log can tell what it now cannot."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import BoolArray, FloatArray, IntArray, as_table
from arbiter.ope.distributions import normal_quantile

# Shares of traffic that are tried: whole per cents, which is also how people set them.
SHARES = np.arange(1, 101) / 100.0
# Below a hundredth of the target outside the ties the later estimate is not refused (see `verdict`).
MAX_OUTSIDE = 0.01


def tie_band(utility: ArrayLike, tie_width: float) -> BoolArray:
    """Mark the candidates that are nearly as good as the best.

    Parameters
    ----------
    utility : array-like, shape (n, K)
        Predicted utility; minus infinity where a candidate is not eligible.
    tie_width : float
        Largest distance from the best, at least 0, in the unit of the utility.

    Returns
    -------
    ndarray of bool, shape (n, K)
        At least one True per row.

    Raises
    ------
    InvalidInputError
        If the width is negative, or a row has NaN or no eligible candidate.
    """
    table = np.asarray(utility, dtype=np.float64)
    if not tie_width >= 0.0:
        raise InvalidInputError(f"tie_width is {tie_width}: expected 0 or more, in the unit of the utility")
    best = table.max(axis=1, keepdims=True) if table.ndim == 2 and table.size else np.full((1, 1), np.nan)
    if not np.isfinite(best).all():
        raise InvalidInputError(
            f"utility of shape {table.shape} has a row without a finite best: give (n, K) numbers, -inf if ineligible"
        )
    return np.asarray(table >= best - tie_width)


def tie_band_probabilities(utility: ArrayLike, tie_width: float, share: float) -> FloatArray:
    """Return the logging policy that breaks near-ties at random on a share of the traffic.

    Parameters
    ----------
    utility : array-like, shape (n, K)
        Predicted utility; minus infinity where a candidate is not eligible.
    tie_width : float
        Largest distance from the best.
    share : float
        Of the traffic, in [0, 1]. On the rest the best candidate is taken, the first among equals.

    Returns
    -------
    ndarray, shape (n, K)
        (1 - share) 1{best} + share / m on the m candidates of the band. These are the propensities
        to sample from and to log.

    Raises
    ------
    InvalidInputError
        If the share is not in [0, 1], or as for `tie_band`.
    """
    if not 0.0 <= share <= 1.0:
        raise InvalidInputError(f"share is {share}: expected a share of traffic from 0 to 1")
    band = tie_band(utility, tie_width)
    probs = share * band / band.sum(axis=1, keepdims=True)
    probs[np.arange(len(probs)), np.argmax(utility, axis=1)] += 1.0 - share
    return np.asarray(probs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is expected of each candidate on a sample of the traffic.

    Parameters
    ----------
    utility : ndarray, shape (n, K)
        What the router maximises; minus infinity where a candidate is not eligible.
    quality : ndarray, shape (n, K)
        Predicted quality, in [0, 1].
    cost_usd : ndarray, shape (n, K)
        Predicted cost per request, in dollars.
    """

    utility: FloatArray
    quality: FloatArray
    cost_usd: FloatArray

    def __post_init__(self) -> None:
        """Check that the tables belong together."""
        n, k = np.shape(self.utility)
        for name in ("quality", "cost_usd"):
            as_table(getattr(self, name), n, k, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorationGoal:
    """What the log should be able to tell, and how soon.

    Parameters
    ----------
    requests_per_day : float
        Traffic, above 0.
    max_days : float
        Longest wait, above 0.
    ess : float
        Effective sample size wanted; the default is where verdicts become "sound".
    width : float, optional
        Width wanted of the interval of the value, in the unit of the outcome.
    outcome_sd : float
        Standard deviation of what the weights multiply: of the outcome, or with a reward model of
        its residual. 0.5 is the most that an outcome in [0, 1] can have.
    confidence : float
        Level of that interval.
    """

    requests_per_day: float
    max_days: float = 14.0
    ess: float = 500.0
    width: float | None = None
    outcome_sd: float = 0.5
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("requests_per_day", "max_days", "ess", "outcome_sd"):
            if not getattr(self, name) > 0.0:
                raise InvalidInputError(f"{name} is {getattr(self, name)}: expected a number above 0")
        if self.width is not None and not self.width > 0.0:
            raise InvalidInputError(f"width is {self.width}: expected a number above 0, in the unit of the outcome")

    @property
    def effective_requests(self) -> float:
        """ESS that meets both wishes: width = 2 z sd / sqrt(ess) solved for the ESS."""
        if self.width is None:
            return self.ess
        z = normal_quantile(0.5 + self.confidence / 2.0)
        return max(self.ess, (2.0 * z * self.outcome_sd / self.width) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorationPlan:
    """How much to randomise among near-ties.

    Parameters
    ----------
    tie_width : float
        Of the band, in the unit of the utility.
    share : float
        Of the traffic to randomise uniformly within its band, in (0, 1].
    days : float
        Until the goal is met; infinity where no share meets it.
    requests : float
        Logged until then.
    tied : float
        Share of requests with more than one candidate in the band: on the others nothing is tried.
    outside : float
        Mass of the target on candidates outside the band, which stays unknown.
    extra_usd_per_day : float
        Expected cost above that of always taking the best, in dollars a day (may be negative).
    quality_loss : float
        Expected mean quality below that of always taking the best, per request of all traffic.
    reached : bool
        Whether `days` is within the goal and next to nothing of the target is outside the band.
    """

    tie_width: float
    share: float
    days: float
    requests: float
    tied: float
    outside: float
    extra_usd_per_day: float
    quality_loss: float
    reached: bool

    @property
    def extra_usd(self) -> float:
        """Extra cost until the goal is met, in dollars."""
        return self.extra_usd_per_day * self.days

    def sentence(self) -> str:
        """Give the plan in words, for a report."""
        if not math.isfinite(self.days) or self.outside > MAX_OUTSIDE:
            return (
                f"ties of width {self.tie_width:g} cannot make this knowable: {self.outside:.1%} of the policy's "
                f"traffic goes to candidates outside of them; widen the ties, or score more models on a sample"
            )
        late = "" if self.reached else " (longer than was allowed: widen the ties or wait)"
        return (
            f"randomise {self.share:.0%} of the traffic among candidates within {self.tie_width:g} of the best for "
            f"{math.ceil(self.days)} days{late}: {round(self.extra_usd_per_day, 2) + 0.0:+.2f} dollars a day "
            f"({round(self.extra_usd, 2) + 0.0:+.2f} in all), {_quality_change(self.quality_loss)}, {self.tied:.0%} of "
            f"requests have such a tie"
        )


def plan_exploration(
    forecast: Forecast, tie_width: float, goal: ExplorationGoal, target: ArrayLike | None = None
) -> ExplorationPlan:
    """Find the least share of traffic to randomise such that the log can tell in time.

    Parameters
    ----------
    forecast : Forecast
        Utilities, qualities and costs on a sample that is like the traffic.
    tie_width : float
        Which candidates count as nearly as good as the best.
    goal : ExplorationGoal
        What to reach, and by when.
    target : array-like, shape (n, K), optional
        The policy to be evaluated. Default: the hardest one inside the ties, which never takes the
        best candidate where there is another.

    Returns
    -------
    ExplorationPlan
        The least share, in whole per cents, that meets the goal; else the share that comes nearest.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, the target's rows are not distributions, or the width is negative.

    Notes
    -----
    For a target pi and the logging policy p of `tie_band_probabilities`, E[w^2] = mean_i sum_a
    pi^2 / p, so that ESS = n / E[w^2] in expectation (Kish 1965) and n = ESS E[w^2]. The width
    follows from the variance of an importance-weighted mean with residuals of one spread,
    E[w^2] sd^2 / n; where residuals spread more on one candidate than on another, the width that
    comes out will differ. Total extra cost hardly depends on the share: half the share takes about
    twice as long. So the least share in time is also the gentlest.
    """
    band = tie_band(forecast.utility, tie_width)
    best = np.argmax(forecast.utility, axis=1).astype(np.int64)
    aim = _hardest(band, best) if target is None else as_table(target, band.shape[0], band.shape[1], "target")
    if np.abs(aim.sum(axis=1) - 1.0).max() > 1e-6:
        raise InvalidInputError("a row of target does not sum to 1: pass action probabilities")
    square = _mean_square_weight(band, best, aim)
    requests = goal.effective_requests * square
    days = requests / goal.requests_per_day
    outside = float(aim[~band].sum()) / len(band)
    inside = outside <= MAX_OUTSIDE
    met = np.flatnonzero(days <= goal.max_days)
    at = int(met[0]) if met.size else int(np.argmin(days))
    share = float(SHARES[at])
    return ExplorationPlan(
        tie_width=tie_width,
        share=share,
        days=float(days[at]) if inside else math.inf,
        requests=float(requests[at]) if inside else math.inf,
        tied=float((band.sum(axis=1) > 1).mean()),
        outside=outside,
        extra_usd_per_day=share * goal.requests_per_day * _surplus(forecast.cost_usd, band, best),
        quality_loss=-share * _surplus(forecast.quality, band, best),
        reached=bool(met.size) and inside,
    )


def _quality_change(loss: float) -> str:
    """Write a loss of quality, or a gain, per request."""
    word = "gained" if round(loss, 4) < 0.0 else "lost"
    return f"{abs(loss):.4f} quality {word} per request"


def _hardest(band: BoolArray, best: IntArray) -> FloatArray:
    """Return the policy that takes another member of the band wherever there is one."""
    others = band.copy()
    rows = np.arange(len(band))
    others[rows, best] = band.sum(axis=1) == 1
    aim = np.zeros(band.shape)
    aim[rows, np.argmax(others, axis=1)] = 1.0
    return aim


def _mean_square_weight(band: BoolArray, best: IntArray, aim: FloatArray) -> FloatArray:
    """Return E[w^2] at each of SHARES, of the part of the target that lies in the band."""
    members = band.sum(axis=1)
    on_best = aim[np.arange(len(aim)), best] ** 2
    inside = np.where(band, aim, 0.0) ** 2
    on_others = (members * (inside.sum(axis=1) - on_best)).mean()
    # Rows with bands of one size share p of the best: K sums instead of n per share.
    mass = np.bincount(members, weights=on_best, minlength=band.shape[1] + 1) / len(band)
    sizes = np.maximum(np.arange(mass.size), 1)
    chance = 1.0 - SHARES[:, None] + SHARES[:, None] / sizes  # (shares, K + 1)
    return np.asarray((mass / chance).sum(axis=1) + on_others / SHARES)


def _surplus(table: FloatArray, band: BoolArray, best: IntArray) -> float:
    """Return mean over requests of (mean over the band) - (the best candidate's)."""
    values = np.where(band, table, 0.0).sum(axis=1) / band.sum(axis=1)
    return float((values - np.asarray(table)[np.arange(len(band)), best]).mean())
