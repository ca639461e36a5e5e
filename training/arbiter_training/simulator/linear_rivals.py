"""LinUCB, cold and warm: the plain contextual bandit on arbiter's own features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter_training.simulator.course import BoolArray, FloatArray, IntArray
from arbiter_training.simulator.rivals import Learner, Offer
from arbiter_training.simulator.stream import Player

WIDTH = 0.1
"""Standard errors that are added to a prediction."""

KEEP = 0.997
"""Weight of what is known at the next judgement: half of it after 230."""

WARM_ROWS = 300.0
"""Judgements that the offline rows count together, per model."""


@dataclass(frozen=True, kw_only=True)
class LinUCB:
    """One ridge regression of quality per model; the greatest upper bound less the price of money answers.

    Discounted LinUCB (Russac, Vernade and Cappe, 2019, algorithm 1, one model per arm, one discount for all), on
    arbiter's context vectors and with its expected costs. Theory and code part in the width, which is a constant.

    Attributes
    ----------
    name : for people.
    contexts : (n, d) of the stream's requests.
    offline : (m, d) of the rows that are in no stream.
    cost_usd : (n, K) expected at the catalog's prices.
    worth : quality points that a dollar is worth.
    judged : (m, K) qualities of the offline rows, which it starts with; None starts it cold.
    paces : it knows no budgets.
    """

    name: str
    contexts: FloatArray
    offline: FloatArray
    cost_usd: FloatArray
    worth: float
    judged: FloatArray | None = None
    paces: bool = False

    @classmethod
    def of(cls, player: Player, worth: float, warm: bool) -> "LinUCB":
        """Take contexts and expected costs from a player's router.

        Parameters
        ----------
        player : with the traffic, and the rows that are in no stream.
        worth : of a dollar, in quality points.
        warm : whether it starts from those rows.

        Raises
        ------
        InvalidInputError
            If it is to start warm, and the rows are not judged on every model.
        """
        known, catalog = player.scored_from, player.router.catalog
        if warm and not known.full_information:
            raise InvalidInputError("a warm LinUCB needs rows on which every model was judged")
        places = [catalog.position(model) for model in player.truth.models]
        return cls(
            name="LinUCB, warm" if warm else "LinUCB, cold",
            contexts=player.outlook.contexts,
            offline=player.router.outlook(known.queries).contexts,
            cost_usd=player.outlook.expectation.cost_usd[:, places],
            worth=worth,
            judged=known.quality if warm else None,
        )

    def start(self, present: BoolArray, budget_usd: float, seed: int) -> Learner:
        """See :class:`arbiter_training.simulator.rivals.Rival`; money is weighed by its worth, not by a budget."""
        d, k = self.contexts.shape[1], self.cost_usd.shape[1]
        gram, moment = np.tile(np.eye(d), (k, 1, 1)), np.zeros((k, d))
        if self.judged is not None:
            weight = WARM_ROWS / len(self.offline)
            gram[present] += weight * self.offline.T @ self.offline
            moment[present] += weight * (self.judged.T @ self.offline)[present]
        return _LinUCBLearner(self, gram, moment)


class _LinUCBLearner:
    def __init__(self, rival: LinUCB, gram: NDArray[np.float64], moment: FloatArray) -> None:
        self._rival, self._gram, self._moment = rival, gram, moment
        self._inverse = np.linalg.inv(gram)

    def choose(self, offer: Offer) -> int:
        x = self._rival.contexts[offer.row]
        leaning = self._inverse @ x  # (K, d)
        bound = (self._moment * leaning).sum(axis=1) + WIDTH * np.sqrt(np.maximum(leaning @ x, 0.0))
        score = bound - self._rival.worth * self._rival.cost_usd[offer.row] * offer.prices
        return int(np.where(offer.present, score, -np.inf).argmax())

    def pay(self, cost_usd: float) -> None:
        """Prices are known; nothing is learned from a bill."""

    def learn(self, row: int, k: int, quality: float) -> None:
        d = self._gram.shape[1]
        self._gram = KEEP * self._gram + (1.0 - KEEP) * np.eye(d)
        self._moment = KEEP * self._moment
        self._add(self._rival.contexts[row], k, quality)
        self._inverse = np.linalg.inv(self._gram)

    def welcome(self, k: int, rows: IntArray, quality: FloatArray) -> None:
        for row, judged in zip(rows.tolist(), quality.tolist(), strict=True):
            self._add(self._rival.offline[row], k, judged)
        self._inverse = np.linalg.inv(self._gram)

    def _add(self, x: FloatArray, k: int, quality: float) -> None:
        self._gram[k] += np.outer(x, x)
        self._moment[k] += quality * x
