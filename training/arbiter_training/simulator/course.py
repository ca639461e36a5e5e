"""What one seed's stream is, before anybody decides: the same for every policy that plays it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter_training.simulator.scenario import Scenario, TrafficChange
from arbiter_training.traffic import OutcomeMatrix
from arbiter_training.traffic.prompt_text import query_text

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_ORDER, _JUDGED, _SCORED = range(3)
"""What each of a seed's generators draws; policies draw from others, so that all meet the same requests and judges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """n requests in their order, and what happens along them.

    Attributes
    ----------
    order : (n,) positions in the traffic.
    quality, cost_usd : (n, K) true values, changes included.
    judged : (n,) whose answer will be judged.
    out : (n, K) who cannot be called.
    prices : (n, K) factor on a model's prices, of which everybody is told.
    delay : requests between an answer and its judgement.
    newcomer : place of the model that is added; None where nobody is.
    joins : its place in the stream.
    scored : positions, in the rows that are in no stream, of the newcomer's judged answers.
    """

    order: IntArray
    quality: FloatArray
    cost_usd: FloatArray
    judged: BoolArray
    out: BoolArray
    prices: FloatArray
    delay: int
    newcomer: int | None
    joins: int
    scored: IntArray

    @classmethod
    def of(cls, truth: OutcomeMatrix, scored_from: OutcomeMatrix, scenario: Scenario, seed: int) -> "Course":
        """Draw the stream of a seed.

        Raises
        ------
        InvalidInputError
            If something happens to a model, or to a kind of request, that the traffic does not have.
        """
        unknown = scenario.models - set(truth.models)
        if unknown:
            raise InvalidInputError(
                f"{scenario.name}: no model {', '.join(sorted(unknown))}; there are {', '.join(truth.models)}"
            )
        n, place = truth.n, truth.models.index
        order = _order(truth, scenario.traffic, np.random.default_rng([seed, _ORDER]))
        quality, cost = truth.quality[order].copy(), truth.cost_usd[order].copy()
        out, prices = np.zeros(quality.shape, dtype=np.bool_), np.ones(quality.shape)
        for change in scenario.quality:
            after = slice(round(change.at * n), None)
            changed = np.clip(change.factor * quality[after, place(change.model)], 0.0, 1.0)
            quality[after, place(change.model)] = changed
        for price in scenario.prices:
            prices[round(price.at * n) :, place(price.model)] *= price.factor
        for outage in scenario.outages:
            out[round(outage.start * n) : round(outage.end * n), place(outage.model)] = True
        new = scenario.newcomer
        n_scored = min(new.scored, scored_from.n) if new.model else 0
        return cls(
            order=order,
            quality=quality,
            cost_usd=cost * prices,
            judged=np.random.default_rng([seed, _JUDGED]).random(n) < scenario.feedback_rate,
            out=out,
            prices=prices,
            delay=scenario.delay,
            newcomer=place(new.model) if new.model else None,
            joins=round(new.at * n),
            scored=np.random.default_rng([seed, _SCORED]).choice(scored_from.n, n_scored, replace=False),
        )

    @property
    def n(self) -> int:
        """Requests."""
        return len(self.order)

    @property
    def turns(self) -> tuple[int, ...]:
        """Places at which a price changes or the newcomer joins, in order."""
        moved = (np.flatnonzero((self.prices[1:] != self.prices[:-1]).any(axis=1)) + 1).tolist()
        return tuple(sorted({*moved, *([] if self.newcomer is None else [self.joins])}))

    def price_moves(self, t: int) -> dict[int, float]:
        """Give, for each model whose prices change before request ``t``, the factor by which they do."""
        before = self.prices[t - 1] if t > 0 else np.ones(self.prices.shape[1])
        return {k: float(self.prices[t, k] / before[k]) for k in np.flatnonzero(self.prices[t] != before).tolist()}

    def present(self, t: int) -> BoolArray:
        """Give the (K,) mask of who can be called."""
        there: BoolArray = ~self.out[t]
        if self.newcomer is not None and t < self.joins:
            there[self.newcomer] = False
        return there


def _order(truth: OutcomeMatrix, change: TrafficChange, rng: np.random.Generator) -> IntArray:
    """Draw the order of the requests; the weights decide which come before the change (Efraimidis and Spirakis, 2006).

    Each request is drawn once, so that what is rare before it is left for after it.
    """
    order = rng.permutation(truth.n)
    if not change.holds:
        return order
    told = np.array([change.holds.lower() in query_text(query).lower() for query in truth.queries])[order]
    if not told.any():
        raise InvalidInputError(f"traffic: no prompt holds {change.holds!r}")
    late = rng.exponential(size=truth.n) * np.where(told, change.factor, 1.0)
    before = late.argsort().argsort() < round(change.at * truth.n)
    return np.concatenate([order[before], order[~before]])
