"""What is reserved for a call."""

from dataclasses import dataclass

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


def call_cost(query: Query, candidate: Candidate, estimate: Estimate | None, max_tokens: int | None) -> CallCost:
    """Reckon what a call may cost, at list prices.

    Parameters
    ----------
    query : the request; its input tokens are counted or estimated.
    candidate : who is called.
    estimate : what is expected of the call; None where nothing is: then the longest answer is the likely one.
    max_tokens : the limit of the answer that is passed to the provider; None where there is none, and the candidate's
        own holds.
    """
    longest = float(min(max_tokens or candidate.max_output_tokens, candidate.max_output_tokens))
    likely = longest if estimate is None else estimate.output_tokens_p90 or estimate.output_tokens
    base = query.input_tokens * candidate.usd_per_mtok_in
    likely_usd, most_usd = (
        (base + tokens * candidate.usd_per_mtok_out) / TOKENS_PER_MTOK for tokens in (min(likely, longest), longest)
    )
    return CallCost(likely_usd=likely_usd, most_usd=most_usd)
