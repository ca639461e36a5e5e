"""The frozen records that cross module borders, from request to feedback.

Units are in the names: ``_usd`` US dollars, ``_s`` seconds, ``_tokens`` tokens, ``_per_mtok`` per million tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arbiter.demands import Circumstances as Circumstances
from arbiter.demands import Economy as Economy
from arbiter.demands import Requirements as Requirements
from arbiter.outcomes import Completion as Completion
from arbiter.outcomes import Feedback as Feedback
from arbiter.outcomes import Outcome as Outcome
from arbiter.vocabulary import (
    Arm,
    AssignmentUnit,
    Capability,
    Category,
    Complexity,
    ConfidenceLevel,
    Domain,
    ProfileSource,
    Risk,
    Status,
    Strategy,
    TaskType,
    Tier,
)

EXTERNAL = "external"
"""Policy version of a decision that was taken elsewhere and is only recorded here (see :mod:`arbiter.observed`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One request as the router reads it; made by :func:`arbiter.intake.read_request`.

    Attributes
    ----------
    text : the last user turn.
    context : what was said before it, without system prompts; empty for a single turn.
    system : system prompts, joined.
    input_tokens : tokens of everything that will be sent, counted or estimated.
    n_images : images in the request.
    messages : the OpenAI messages as given; empty when the request was plain text.
    requirements : what the answering candidate must fulfil.
    strategy : the strategy asked for; None takes the router's own.
    session_id, user : for affinity, clustering and budgets; None when unknown.
    cached_input_tokens : of ``input_tokens``, those that every candidate holds in its prompt cache (a common prefix).
    batch : whether the answer can wait for a batch run, at batch prices where a candidate has them.
    circumstances : what the service knows at this moment; nothing by default.
    """

    text: str
    context: str = ""
    system: str = ""
    input_tokens: int = 0
    n_images: int = 0
    messages: tuple[Mapping[str, Any], ...] = ()
    requirements: Requirements = field(default_factory=Requirements)
    strategy: Strategy | None = None
    session_id: str | None = None
    user: str | None = None
    cached_input_tokens: int = 0
    batch: bool = False
    circumstances: Circumstances = field(default_factory=Circumstances)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProfile:
    """What the gatekeeper says of a request.

    Attributes
    ----------
    complexity, risk, domain, task_type : the verdicts.
    harm, stake : the two sources of risk; ``risk`` is the greater.
    probabilities : per head (``complexity``, ``harm``, ``stake``, ``domain``), label to probability, of sum 1.
    source : which estimator spoke.
    confidence : probability of the domain verdict times that of the complexity verdict, in [0, 1].
    evidence : words and signs that were found, for people.
    fell_back : why the estimator that was asked first did not speak, and ``source`` did; empty where none was asked.
    """

    complexity: Complexity
    risk: Risk
    domain: Domain
    task_type: TaskType
    harm: Risk
    stake: Risk
    probabilities: Mapping[str, Mapping[str, float]]
    source: ProfileSource
    confidence: float
    evidence: tuple[str, ...] = ()
    fell_back: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One LLM that can be chosen: an entry of the catalog.

    Attributes
    ----------
    name : the name in decisions and logs, as litellm writes it.
    provider : litellm's provider name; the unit of vendor risk and of correlated outages.
    litellm_model : the string passed to litellm, where it differs from ``name``.
    family : models of one family resemble each other (used to lend evidence).
    tier, category, status, capabilities : see the vocabulary.
    context_window_tokens, max_output_tokens : limits of the model.
    usd_per_mtok_in, usd_per_mtok_out : list prices, US dollars per million tokens.
    usd_per_mtok_cached_in, usd_per_mtok_batch_in, usd_per_mtok_batch_out : discounted prices; None where none.
    ttft_s, output_tokens_per_s : prior of the latency: time to first token, and speed after it.
    latency_p99_s : 99th percentile of a typical request's latency.
    quality, safety, reliability : ratings in [0, 1]; priors until outcomes are known.
    sla_availability : promised share of time that the service is up.
    regions, compliance : tags for constraints.
    languages : ISO 639-1 codes that it answers well in; empty is English, and all where it is ``multilingual``.
    release_date, deprecation_date : ISO dates; None where unknown.
    former_names : under which it was called before; late feedback on a choice of one of these is on this model.
    """

    name: str
    provider: str
    tier: Tier
    category: Category
    context_window_tokens: int
    max_output_tokens: int
    usd_per_mtok_in: float
    usd_per_mtok_out: float
    litellm_model: str | None = None
    family: str = ""
    status: Status = Status.AVAILABLE
    capabilities: frozenset[Capability] = frozenset()
    usd_per_mtok_cached_in: float | None = None
    usd_per_mtok_batch_in: float | None = None
    usd_per_mtok_batch_out: float | None = None
    ttft_s: float = 0.5
    output_tokens_per_s: float = 80.0
    latency_p99_s: float | None = None
    quality: float = 0.7
    safety: float = 0.8
    reliability: float = 0.98
    sla_availability: float = 0.99
    regions: frozenset[str] = frozenset()
    compliance: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    release_date: str | None = None
    deprecation_date: str | None = None
    former_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is expected of one candidate on one request.

    Attributes
    ----------
    quality, quality_se : mean in [0, 1] and its standard error.
    cost_usd : price times expected tokens.
    latency_s : expected time to the last token.
    output_tokens : expected length of the answer.
    cost_p90_usd, latency_p90_s, output_tokens_p90 : what nine of ten requests stay below; None where not estimated.
    """

    quality: float
    quality_se: float
    cost_usd: float
    latency_s: float
    output_tokens: float
    cost_p90_usd: float | None = None
    latency_p90_s: float | None = None
    output_tokens_p90: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The place of a decision in an experiment.

    Attributes
    ----------
    experiment : its name.
    arm : whose router decided.
    unit, unit_id : what keeps its arm: a user, a session, or the request itself.
    share : of the units that got the challenger then.
    own_propensity : probability of the choice within its arm.
    """

    experiment: str
    arm: Arm
    unit: AssignmentUnit
    unit_id: str
    share: float
    own_propensity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The choice of one candidate, with everything that a later evaluation needs.

    Attributes
    ----------
    id : unique; feedback is keyed by it.
    model : the candidate chosen.
    propensity : the probability with which it was chosen, ``action_probs[model]``.
    action_probs : probability of every eligible candidate; sums to 1.
    fallbacks : who is asked next, in order, should the choice fail.
    confidence : in [0, 1]; probability that the choice's utility exceeds its best rival's, given the estimates' errors;
        0 for an emergency choice.
    strategy : the strategy that was in force.
    profile, estimates, utilities : what was believed of the request and of each candidate.
    excluded : candidate to the reason why it was not eligible.
    needs_human_review : set by critical risk.
    degraded : what was broken while deciding (the router fails open); empty in health.
    policy_version : fingerprint of the policy that gave the probabilities; :data:`EXTERNAL` where none did.
    context_version : fingerprint of what the context vector's entries mean.
    context : the policy's context vector, for learning from the feedback.
    session_id, user : as in the query.
    quality_per_usd, quality_per_s : what money and time were worth, in quality points; None where not recorded.
    input_tokens : of the request, counted or estimated.
    bandit_share : part of the traffic that the bandit decided, the rest being the offline policy's; None where the
        policy has none.
    economy : the quota that runs out and by how much a dollar weighed more for it; None where none did.
    assignment : the experiment that it belongs to, whose probabilities are those over both arms; None where none ran.
    """

    id: str
    model: str
    propensity: float
    action_probs: Mapping[str, float]
    fallbacks: tuple[str, ...]
    confidence: float
    strategy: Strategy
    profile: TaskProfile
    estimates: Mapping[str, Estimate]
    utilities: Mapping[str, float]
    excluded: Mapping[str, str]
    needs_human_review: bool = False
    degraded: tuple[str, ...] = ()
    policy_version: str = ""
    context_version: str = ""
    context: tuple[float, ...] = ()
    session_id: str | None = None
    user: str | None = None
    quality_per_usd: float | None = None
    quality_per_s: float | None = None
    input_tokens: int = 0
    bandit_share: float | None = None
    economy: Economy | None = None
    assignment: Assignment | None = None

    @property
    def confidence_level(self) -> ConfidenceLevel:
        """The confidence in words."""
        return ConfidenceLevel.of(self.confidence)

    @property
    def is_external(self) -> bool:
        """Whether somebody else chose, with unknown probability: then ``propensity`` is 1 and means nothing."""
        return self.policy_version == EXTERNAL

    def explain(self) -> str:
        """Say in plain text what was seen, what was excluded and why, and how the rest compared."""
        from arbiter.explain import explain

        return explain(self)

    def explanation(self) -> dict[str, Any]:
        """Give what :meth:`explain` says as JSON-ready values."""
        from arbiter.explain import explanation

        return explanation(self)
