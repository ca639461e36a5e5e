"""Whether a number may be believed: sound, approximate, or cannot be known from this log."""

from dataclasses import dataclass
from enum import StrEnum

from arbiter.ope.diagnostics import Diagnostics

# Below an ESS of 500 nominal 95 % intervals were measured at 91 to 94 %; at 4,000 they hold.
MIN_ESS_SOUND = 500.0
# Below 30 effective requests a t interval rests on a handful of outcomes.
MIN_ESS = 30.0
# One request that carries a fifth of the weight decides the estimate alone.
MAX_TOP_SHARE = 0.2
# A hundredth of the traffic unseen moves a value in [0, 1] by at most 0.01: the size of effects sought.
MAX_UNSUPPORTED = 0.01
# Mean weight: three standard errors, or a tenth, away from 1 means propensities or support are wrong.
MAX_MEAN_WEIGHT_Z = 3.0
MEAN_WEIGHT_RANGE = (0.9, 1.1)
# Beyond a factor of two no sampling error explains it: an ESS of 30 leaves the mean weight within 1 +- 0.18 or so.
REFUSED_MEAN_WEIGHT = (0.5, 2.0)
# A weight above n/20 lets one request move the mean by a twentieth of its own outcome.
MAX_WEIGHT_SHARE = 1.0 / 20.0
# Feedback that depends on the action at this level is corrected per action, and said so.
FEEDBACK_P_VALUE = 0.001
# The normal theory of cluster-robust errors needs some tens of clusters (Cameron and Miller 2015).
MIN_CLUSTERS_SOUND = 50
# DR and SNIPS agree within their joint error where the propensities are right; beyond three errors they do not.
MAX_DISAGREEMENT_Z = 3.0
# Cross-fitted models of a near-constant outcome have an R^2 just below 0 by noise alone.
MIN_MODEL_R2 = -0.05


class Verdict(StrEnum):
    """What an off-policy estimate is worth."""

    SOUND = "sound"
    APPROXIMATE = "approximate"
    CANNOT_BE_KNOWN = "cannot be known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reasons.

    Parameters
    ----------
    verdict : Verdict
        The worst that any rule gave.
    reasons : tuple of str
        One sentence per rule that spoke; empty when sound.
    notes : tuple of str
        What is worth saying but makes the number no worse, such as a poor reward model, which costs
        DR precision and nothing else.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether no number may be printed."""
        return self.verdict is Verdict.CANNOT_BE_KNOWN


def judge(figures: Diagnostics) -> Judgement:
    """Judge an estimate by its diagnostics.

    Several rules are needed because each is blind somewhere: a log of a deterministic learner
    keeps a healthy ESS while the mean weight falls to 0.6, and one huge weight hides in its own
    standard error while ESS falls to 2.

    Parameters
    ----------
    figures : Diagnostics
        From `diagnose`.

    Returns
    -------
    Judgement
        Verdict and reasons, refusals first.
    """
    refusals = _refusals(figures)
    if refusals:
        return Judgement(verdict=Verdict.CANNOT_BE_KNOWN, reasons=tuple(refusals))
    warnings = _weight_warnings(figures) + _sample_warnings(figures)
    verdict = Verdict.APPROXIMATE if warnings else Verdict.SOUND
    return Judgement(verdict=verdict, reasons=tuple(warnings), notes=tuple(_notes(figures)))


def _refusals(figures: Diagnostics) -> list[str]:
    out = []
    if figures.unsupported > MAX_UNSUPPORTED:
        cause = (
            "the logging policy was deterministic (every propensity is 1)"
            if figures.deterministic
            else "the log holds no feedback on actions that the policy takes"
        )
        out.append(
            f"{figures.unsupported:.1%} of the policy's traffic is outside the log (limit "
            f"{MAX_UNSUPPORTED:.0%}): {cause}"
        )
    if figures.ess < MIN_ESS and not figures.exact:
        out.append(f"effective sample size is {figures.ess:.1f} of {figures.n} requests (minimum {MIN_ESS:.0f})")
    low, high = REFUSED_MEAN_WEIGHT
    weighed = not figures.exact and not out  # what lies outside the log explains a low mean by itself
    if weighed and figures.ess >= MIN_ESS and not low <= figures.mean_weight <= high:
        out.append(
            f"mean weight is {figures.mean_weight:.3g} instead of 1 (limits {low:g} and {high:g}): the propensities "
            f"are not those of this log"
        )
    if figures.top_share > MAX_TOP_SHARE and not figures.exact:
        out.append(
            f"one request carries {figures.top_share:.0%} of the weight (limit {MAX_TOP_SHARE:.0%}; "
            f"largest weight {figures.max_weight:.4g})"
        )
    return out


def _notes(figures: Diagnostics) -> list[str]:
    if figures.model_r2 < MIN_MODEL_R2:
        return [
            f"the reward model predicts worse than a constant (R^2 = {figures.model_r2:.2f}): the doubly robust "
            f"estimate stays right but is wider than it need be"
        ]
    return []


def _weight_warnings(figures: Diagnostics) -> list[str]:
    if figures.exact:
        return []
    out = []
    if figures.observational:
        out.append(
            "observational: the propensities were estimated from the log, and a cause of the choice that is not "
            "in it would bias every number (see the sensitivity)"
        )
    if abs(figures.disagreement_z) > MAX_DISAGREEMENT_Z:
        out.append(
            f"dr and snips differ by {figures.disagreement_z:.1f} standard errors: propensities are wrong, or the "
            f"sample is too small for both"
        )
    low, high = MEAN_WEIGHT_RANGE
    if abs(figures.mean_weight_z) > MAX_MEAN_WEIGHT_Z or not low <= figures.mean_weight <= high:
        out.append(
            f"mean weight is {figures.mean_weight:.3f} instead of 1 (z = {figures.mean_weight_z:.1f}): "
            f"propensities are wrong or part of the policy has no support"
        )
    if figures.max_weight > figures.n * MAX_WEIGHT_SHARE:
        out.append(f"largest weight {figures.max_weight:.4g} is above a twentieth of {figures.n} requests")
    if 0.0 < figures.unsupported <= MAX_UNSUPPORTED:
        out.append(f"{figures.unsupported:.2%} of the policy's traffic is outside the log and counts as reward 0")
    return out


def _sample_warnings(figures: Diagnostics) -> list[str]:
    out = []
    if figures.ess < MIN_ESS_SOUND:
        out.append(
            f"effective sample size is {figures.ess:.0f}, below {MIN_ESS_SOUND:.0f}: the interval may cover "
            f"a few per cent less than stated"
        )
    if figures.units < min(MIN_CLUSTERS_SOUND, figures.n):
        out.append(f"only {figures.units} independent sessions (below {MIN_CLUSTERS_SOUND})")
    if figures.feedback_share < 1.0:
        tail = "and its share depends on the action" if figures.feedback_p_value < FEEDBACK_P_VALUE else ""
        out.append(
            f"feedback is known for {figures.feedback_share:.1%} of the log {tail}".rstrip()
            + ": taken as missing at random given the action"
        )
    return out
