"""What an evaluation found, as frozen records that the report, the terminal and MLflow all read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import OffPolicyEstimate
from arbiter_training.evaluation.evidence import LogEvidence, PolicyEvidence, Sensitivity

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number with its evidence.

    Attributes
    ----------
    value : the estimate, in the outcome's unit.
    low, high : 95 % interval; None where none is known to cover.
    estimator : ``exact``, ``dr``, ``snips``, ...
    ess : effective sample size, in requests.
    """

    value: float
    low: float | None
    high: float | None
    estimator: str
    ess: float

    @classmethod
    def of(cls, estimate: OffPolicyEstimate) -> "Measured":
        """Take over an estimate."""
        low, high = estimate.interval or (None, None)
        return cls(value=estimate.value, low=low, high=high, estimator=estimate.estimator, ess=estimate.ess)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """What one policy would have earned and cost on the log.

    Attributes
    ----------
    name : as asked for.
    verdict, reasons : whether the log can tell, and why not.
    outcomes : outcome (``quality``, ``cost_usd``, ``latency_s``) to the leading estimate; None where refused.
    estimators : outcome to every estimate by estimator name.
    differences : outcome to the paired difference against the baseline; None where refused. Where several policies were
        asked for, intervals are widened so that they hold for all of them together (Bonferroni).
    shares : candidate to share of the traffic.
    evidence : what the log shows of the policy's quality; None where that was not looked at.
    """

    name: str
    verdict: str
    reasons: tuple[str, ...]
    outcomes: Mapping[str, Measured | None]
    estimators: Mapping[str, Mapping[str, Measured]]
    differences: Mapping[str, Measured | None]
    shares: Mapping[str, float]
    evidence: PolicyEvidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """One setting of a policy that can be told what money is worth.

    Attributes
    ----------
    quality_per_usd : the setting.
    cost_usd, quality : means per request.
    quality_low, quality_high : 95 % interval; None where none is known.
    """

    quality_per_usd: float
    cost_usd: float
    quality: float
    quality_low: float | None
    quality_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The cost-quality curve of one policy over its settings, by rising cost."""

    name: str
    points: tuple[FrontierPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSummary:
    """The data behind an evaluation.

    Attributes
    ----------
    source : the file, as the user named it.
    fingerprint : of the rows.
    n_requests : requests evaluated on.
    models : the candidates.
    kind : ``full information``, ``one model per request`` or ``mixed``.
    protocol : in words, what was held out from what, and how.
    """

    source: str
    fingerprint: str
    n_requests: int
    models: tuple[str, ...]
    kind: str
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One policy against the baseline on one part of the traffic.

    Attributes
    ----------
    policy : name of its row.
    dimension, value : such as ``domain`` and ``coding``.
    n_requests : in the segment.
    differences : outcome to the paired difference against the baseline; None where refused. Intervals are widened so
        that all segments of the policy hold together at 95 % (Bonferroni).
    shares : candidate to share of the segment's traffic under the policy.
    adjusted_p_value : of "no difference in quality", with allowance for all segments (Holm); 1 where refused.
    """

    policy: str
    dimension: str
    value: str
    n_requests: int
    differences: Mapping[str, Measured | None]
    shares: Mapping[str, float] = field(default_factory=dict)
    adjusted_p_value: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFamily:
    """A policy that can be told what money is worth.

    Attributes
    ----------
    name : as shown.
    quality_per_usd : (m,) the settings.
    action_probs : (m, n, K) what it would do under each.
    predicted_quality : (n, K) what it expects; None leaves out the scores of routers between two models.
    """

    name: str
    quality_per_usd: FloatArray
    action_probs: FloatArray
    predicted_quality: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A figure of a policy or curve.

    Attributes
    ----------
    name : of the figure, such as ``AIQ``; its definition is in :mod:`arbiter_training.report.definitions`.
    of : the policy or curve.
    value, low, high : with a 95 % interval.
    """

    name: str
    of: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A policy by what it can be sure to earn.

    Attributes
    ----------
    policy : its name.
    value : leading estimate of its quality; None where refused.
    lower : one-sided bound that holds for all policies together at 95 %; None where there is none.
    sure_lower : a bound that holds whatever the weights; None where the log does not allow it.
    """

    policy: str
    value: float | None
    lower: float | None
    sure_lower: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Traffic that goes to another model than the baseline's.

    Attributes
    ----------
    policy : its name.
    origin, target : models.
    share : of all traffic, in (0, 1].
    differences : outcome to what the move adds to the policy's difference, per request of all traffic.
    """

    policy: str
    origin: str
    target: str
    share: float
    differences: Mapping[str, Measured]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """Everything that an evaluation found.

    Attributes
    ----------
    log : the data.
    baseline : name of the policy that differences are taken against.
    rows : one per policy.
    fixed_models : candidate to (cost_usd, quality): the constant policies.
    hull : corners (cost_usd, quality) of the best mixtures of constant policies.
    frontiers : curves of the policies that have a setting.
    scores : of curves and policies.
    truth : per policy and outcome, the exact value, where a simulation knows it; empty otherwise.
    segments : parts of the traffic; empty where it was not divided.
    evidence : what the log holds, whatever the policy; None where that was not looked at.
    ranking : policies by their lower bounds; empty where only one was compared.
    moves : what moved where.
    sensitivity : what unrecorded causes could do; empty where propensities were logged.
    exploration : what would make knowable what is not, a sentence each; empty where all is known.
    """

    log: LogSummary
    baseline: str
    rows: tuple[PolicyRow, ...]
    fixed_models: Mapping[str, tuple[float, float]]
    hull: tuple[tuple[float, float], ...]
    frontiers: tuple[Frontier, ...]
    scores: tuple[Score, ...] = ()
    truth: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    evidence: LogEvidence | None = None
    ranking: tuple[Ranked, ...] = ()
    moves: tuple[Move, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    exploration: tuple[str, ...] = ()

    def row(self, name: str) -> PolicyRow:
        """Give the row of the policy ``name``."""
        return next(row for row in self.rows if row.name == name)

    @property
    def baseline_model(self) -> str:
        """The model that takes most of the baseline's traffic."""
        shares = self.row(self.baseline).shares
        return max(shares, key=shares.__getitem__)

    def to_dict(self) -> dict[str, Any]:
        """Give JSON-ready values."""
        return asdict(self)
