"""What an evaluation found, as frozen records that the report, the terminal and MLflow all read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from arbiter.ope import OffPolicyEstimate


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
    differences : outcome to the paired difference against the baseline; None where refused.
    shares : candidate to share of the traffic.
    """

    name: str
    verdict: str
    reasons: tuple[str, ...]
    outcomes: Mapping[str, Measured | None]
    estimators: Mapping[str, Mapping[str, Measured]]
    differences: Mapping[str, Measured | None]
    shares: Mapping[str, float]


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
    """

    policy: str
    dimension: str
    value: str
    n_requests: int
    differences: Mapping[str, Measured | None]


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
    scores : name to number (AIQ, gain over best single, ...).
    truth : per policy and outcome, the exact value, where a simulation knows it; empty otherwise.
    segments : parts of the traffic; empty where it was not divided.
    """

    log: LogSummary
    baseline: str
    rows: tuple[PolicyRow, ...]
    fixed_models: Mapping[str, tuple[float, float]]
    hull: tuple[tuple[float, float], ...]
    frontiers: tuple[Frontier, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    truth: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()

    def row(self, name: str) -> PolicyRow:
        """Give the row of the policy ``name``."""
        return next(row for row in self.rows if row.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Give JSON-ready values."""
        return asdict(self)
