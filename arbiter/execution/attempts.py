"""What is known of a request that was carried out: its attempts, and the answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from arbiter.records import Completion, Decision, Outcome, Query
from arbiter.vocabulary import FallbackReason

NO_FAILURE = frozenset({FallbackReason.NOT_NEEDED, FallbackReason.CANCELLED})
"""Reasons that say nothing against who was called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call, or one that was left out because its breaker is open.

    Attributes
    ----------
    number : its place, from 0, in the order in which the calls ended.
    model, deployment : who was called; ``deployment`` is empty where the candidate has but one.
    started_s : seconds after the request began.
    latency_s, ttft_s : until the end, and until the first token of a stream.
    reason : why it was not the end; None for the one whose answer was given.
    error : class and status of what failed; never a text of the provider's, which may quote the request or a key.
    detail : what the provider said, cut, with known keys taken out; for the eyes of who debugs, kept nowhere.
    cost_usd : what it did cost; None where a call was given up whose price nobody told.
    expected_usd : what it was expected to cost; a budget takes it for one whose cost is not known.
    input_tokens, output_tokens : as the provider counted; None where it did not.
    cooldown_s : as in :class:`arbiter.records.Outcome`.
    falls_back : whether, by its failure, another candidate may be asked.
    retriable : whether, by its failure, this one may be asked again.
    score : as in :class:`arbiter.records.Outcome`.
    """

    number: int
    model: str
    deployment: str = ""
    started_s: float
    latency_s: float
    ttft_s: float | None = None
    reason: FallbackReason | None = None
    error: str = ""
    detail: str = field(default="", repr=False)
    cost_usd: float | None = 0.0
    expected_usd: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cooldown_s: float | None = None
    falls_back: bool = True
    retriable: bool = False
    score: float | None = None

    @property
    def charged_usd(self) -> float:
        """What a budget is to be charged with: what is known, else what was expected."""
        return self.expected_usd if self.cost_usd is None else self.cost_usd

    def outcome(self, decision_id: str) -> Outcome:
        """Give it as the ledger keeps it."""
        return Outcome(
            decision_id=decision_id,
            model=self.model,
            ok=self.reason is None,
            cost_usd=self.cost_usd,
            latency_s=self.latency_s,
            fallback_reason=self.reason,
            ttft_s=self.ttft_s,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            attempt=self.number,
            deployment=self.deployment,
            cooldown_s=self.cooldown_s,
            score=self.score,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A request that was answered.

    Attributes
    ----------
    query, decision : what was asked, and what was decided.
    response : what litellm gave, untouched; of a vote, the response of the answer that won.
    completion : the answer in arbiter's terms.
    attempts : all calls, in the order in which they ended.
    agreement : share of the votes behind the answer, in [0, 1]; None where nobody voted.
    """

    query: Query
    decision: Decision
    response: Any
    completion: Completion
    attempts: tuple[Attempt, ...]
    agreement: float | None = None

    @property
    def model(self) -> str:
        """Who answered."""
        return self.completion.model

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.completion.text

    @property
    def fell_back(self) -> bool:
        """Whether another than the chosen candidate answered."""
        return self.completion.model != self.decision.model

    @property
    def fallback_reason(self) -> FallbackReason | None:
        """Why the chosen candidate did not answer; None where it did."""
        own = [a.reason for a in self.attempts if a.model == self.decision.model]
        return own[-1] if own and self.fell_back else None

    @property
    def cost_usd(self) -> float:
        """What all calls did cost together, as far as known."""
        return sum(attempt.cost_usd or 0.0 for attempt in self.attempts)

    @property
    def charged_usd(self) -> float:
        """What a budget is charged with: also the expected cost of calls that were given up."""
        return charged_usd(self.attempts)

    @property
    def latency_s(self) -> float:
        """From the request to the answer, with everything that failed before it."""
        return max((a.started_s + a.latency_s for a in self.attempts if a.reason is None), default=0.0)

    @property
    def cost_met(self) -> bool | None:
        """Whether it did cost no more than the request allowed; None where it set no limit."""
        most = self.query.requirements.max_cost_usd
        return None if most is None else self.cost_usd <= most

    @property
    def latency_met(self) -> bool | None:
        """Whether it took no longer than the request allowed; None where it set no limit."""
        most = self.query.requirements.max_latency_s
        return None if most is None else self.latency_s <= most

    @property
    def quality_met(self) -> bool | None:
        """Whether as much quality is expected of who answered as the request asked for; None where it set no floor."""
        least, estimate = self.query.requirements.min_quality, self.decision.estimates.get(self.model)
        return None if least is None or estimate is None else estimate.quality >= least


def charged_usd(attempts: Sequence[Attempt]) -> float:
    """Give what a budget is to be charged with for these calls."""
    return sum(attempt.charged_usd for attempt in attempts)


def said_of(attempts: Sequence[Attempt]) -> str:
    """Say of each call why it was not the end, such as ``gpt-4o: rate_limited (RateLimitError 429)``."""
    told = [f"{a.model}: {a.reason}{f' ({a.error})' if a.error else ''}" for a in attempts]
    return "; ".join(told) or "nobody was asked"
