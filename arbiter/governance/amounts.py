"""What is reserved for a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from arbiter.records import Candidate, Estimate, Query

TOKENS_PER_MTOK = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCost:
    """What a call may cost, in US dollars; the difference of the two is its *reserve error*.

    Attributes
    ----------
    likely_usd : with an answer as long as nine of ten stay below.
    most_usd : with the longest answer that the provider will give.
    """

    likely_usd: float
    most_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a provider, as far as its price hangs on it.

    Attributes
    ----------
    max_tokens : the limit of an answer's length; None where there is none, and the candidate's own holds.
    answers : how many answers at once (OpenAI's ``n``).
    """

    max_tokens: int | None = None
    answers: int = 1

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "Asked":
        """Read it from parameters in OpenAI's names; what is no whole number above 0 is for the provider to refuse."""
        limits = (params.get("max_completion_tokens"), params.get("max_tokens"))
        limit, answers = next((n for n in limits if _is_count(n)), None), params.get("n")
        return cls(max_tokens=limit, answers=answers if _is_count(answers) else 1)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def call_cost(query: Query, candidate: Candidate, estimate: Estimate | None, asked: Asked) -> CallCost:
    """Reckon what a call may cost, at list prices.

    Parameters
    ----------
    query : the request; its input tokens are counted or estimated.
    candidate : who is called.
    estimate : what is expected of the call; None where nothing is: then the longest answer is the likely one.
    asked : limit and number of answers.
    """
    longest = float(min(asked.max_tokens or candidate.max_output_tokens, candidate.max_output_tokens))
    likely = longest if estimate is None else estimate.output_tokens_p90 or estimate.output_tokens
    base = query.input_tokens * candidate.usd_per_mtok_in
    likely_usd, most_usd = (
        (base + asked.answers * tokens * candidate.usd_per_mtok_out) / TOKENS_PER_MTOK
        for tokens in (min(likely, longest), longest)
    )
    return CallCost(likely_usd=likely_usd, most_usd=most_usd)
