"""What comes of a decision: the answer, the outcome of each call, and judgements of it."""

from dataclasses import dataclass

from arbiter.vocabulary import FallbackReason, FeedbackSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer of one candidate.

    Attributes
    ----------
    decision_id, model : whose answer, and of whom.
    text : of the answer; empty where it consists of tool calls.
    input_tokens, output_tokens, cached_input_tokens : as the provider counted them; the cached ones are of the input.
    cost_usd : at the catalog's prices; for a model that it lacks, at litellm's.
    latency_s, ttft_s : until the last and until the first token; the first is known of streams alone.
    deployment : where the candidate has several, which one.
    finish_reason : as the provider says it, such as ``stop``, ``length`` or ``tool_calls``.
    """

    decision_id: str
    model: str
    text: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    latency_s: float
    ttft_s: float | None = None
    cached_input_tokens: int = 0
    deployment: str = ""
    finish_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one call that was made for a decision; at most one of a decision's calls gave its answer.

    Attributes
    ----------
    decision_id, model : for which decision, and who was called.
    ok : whether this call gave the answer that the caller got.
    cost_usd, latency_s, ttft_s, input_tokens, output_tokens : measured; None is unknown.
    fallback_reason : why it was not the end; None where it was.
    attempt : its place among the decision's calls, from 0.
    deployment : where the candidate has several, which one.
    cooldown_s : how long the deployment should rest after this failure; None where it is not to blame for it.
    score : in [0, 1], what an execution plan's check said of the answer; None where none did.
    response_id : the provider's id of the answer, by which feedback may name it; None where there is none.
    """

    decision_id: str
    model: str
    ok: bool
    cost_usd: float | None = None
    latency_s: float | None = None
    fallback_reason: FallbackReason | None = None
    ttft_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    attempt: int = 0
    deployment: str = ""
    cooldown_s: float | None = None
    score: float | None = None
    response_id: str | None = None

    @property
    def answered(self) -> bool:
        """Whether the provider answered, be it that another answer was taken."""
        return self.ok or (self.output_tokens is not None and self.cooldown_s is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A judgement of a decision's answer: late, partial and repeated feedback are all normal.

    Attributes
    ----------
    decision_id : the decision that is judged.
    quality : in [0, 1]; None is unknown, never 0.
    cost_usd, latency_s : measured; None where unknown.
    source : who judged.
    key : repeated feedback with one (decision, source, key) counts once; the last value holds.
    """

    decision_id: str
    quality: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    source: FeedbackSource = FeedbackSource.HUMAN
    key: str = ""
