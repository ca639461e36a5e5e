"""Whether the bands hold on the traffic itself: fitted on the first half of it, held against the second."""

from dataclasses import dataclass

from arbiter.planning.history import FloatArray, History
from arbiter.planning.months import Requests
from arbiter.planning.projection import Share, month_cost
from arbiter.planning.request_cost import measured

LEAST_REQUESTS = 100
"""Costs of a model below which its halves say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """One model's costs on one use case.

    Attributes
    ----------
    use_case, model : whose.
    requests : in the second half; their number is taken as known.
    low_usd, high_usd : the 80 % band of what they cost together, from the first half.
    spent_usd : what they did cost.
    """

    use_case: str
    model: str
    requests: int
    low_usd: float
    high_usd: float
    spent_usd: float

    @property
    def inside(self) -> bool:
        """Whether the band holds what came."""
        return self.low_usd <= self.spent_usd <= self.high_usd


def backtest(use_case: str, model: str, past: FloatArray, future: FloatArray) -> Backtest:
    """Project what later requests cost from earlier ones, and hold it against what they did cost.

    Parameters
    ----------
    use_case, model : whose.
    past, future : (n,) and (m,) costs in order of time, at least two each.
    """
    share = Share(model=model, share=1.0, cost=measured(past))
    money = month_cost(Requests(mean=float(future.size), log_sd=0.0), share)
    return Backtest(
        use_case=use_case,
        model=model,
        requests=future.size,
        low_usd=money.low,
        high_usd=money.high,
        spent_usd=float(future.sum()),
    )


def backtests(history: History) -> tuple[Backtest, ...]:
    """Give the test of every use case and model with a hundred costs or more."""
    found = []
    for use_case, known in history.cases.items():
        for model, past in known.models.items():
            costs = past.cost_usd
            if costs.size >= LEAST_REQUESTS:
                half = costs.size // 2
                found.append(backtest(use_case, model, costs[:half], costs[half:]))
    return tuple(found)
