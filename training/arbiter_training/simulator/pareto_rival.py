"""ParetoBandit on the same streams."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.encoders.cut import cut
from arbiter.encoders.protocol import Encoder
from arbiter.reading import reading_text
from arbiter_training.paretobandit import ParetoSetup, pareto_features, pareto_router, prices_of
from arbiter_training.simulator.course import BoolArray, FloatArray, IntArray
from arbiter_training.simulator.rivals import Learner, Offer
from arbiter_training.traffic import OutcomeMatrix


@dataclass(frozen=True, kw_only=True)
class ParetoBandit:
    """ParetoBandit 0.1.1, paced; with its shipped priors on its own models, else with priors from the offline rows.

    Attributes
    ----------
    models : K, in the traffic's order.
    features, offline : (n, 26) and (m, 26) of the streams' requests and of the rows that are in no stream.
    catalog : prices.
    priors : see :class:`arbiter_training.paretobandit.ParetoSetup`.
    name : for people.
    paces : it knows nothing else.
    """

    models: tuple[str, ...]
    features: FloatArray
    offline: FloatArray
    catalog: Catalog
    priors: Path | None = None
    name: str = "ParetoBandit 0.1.1"
    paces: bool = True

    def start(self, present: BoolArray, budget_usd: float, seed: int) -> Learner:
        """See :class:`arbiter_training.simulator.rivals.Rival`; money is weighed by its pacer."""
        setup = ParetoSetup(
            models=tuple(self.models[k] for k in np.flatnonzero(present).tolist()),
            catalog=self.catalog,
            budget_usd=budget_usd,
            seed=seed,
            priors=self.priors,
        )
        return _ParetoLearner(self, pareto_router(setup))


class _ParetoLearner:
    def __init__(self, rival: ParetoBandit, router: Any) -> None:
        self._rival, self._router = rival, router
        self._prices = np.ones(len(rival.models))
        self._absent: dict[str, Any] = {}

    def choose(self, offer: Offer) -> int:
        for k in np.flatnonzero(offer.prices != self._prices).tolist():
            if self._rival.models[k] in self._router.registry:
                moved = prices_of(self._rival.catalog, self._rival.models[k], float(offer.prices[k]))
                self._router.update_model_pricing(self._rival.models[k], **moved)
        self._prices = offer.prices
        self._list(offer.present)
        model, _ = self._router.route(self._rival.features[offer.row])
        return self._rival.models.index(model)

    def _list(self, present: BoolArray) -> None:
        """Take models that are out off its registry for the while; it has no other way to leave them out."""
        for k, there in enumerate(present.tolist()):
            model = self._rival.models[k]
            if not there and model in self._router.registry:
                self._absent[model] = self._router.registry.pop(model)
            elif there and model in self._absent:
                self._router.registry[model] = self._absent.pop(model)

    def pay(self, cost_usd: float) -> None:
        self._router.budget_pacer.observe(cost_usd)

    def learn(self, row: int, k: int, quality: float) -> None:
        self._router.update(self._rival.models[k], self._rival.features[row], quality, advance_time=False)

    def welcome(self, k: int, rows: IntArray, quality: FloatArray) -> None:
        model = self._rival.models[k]
        self._router.register_model(model, **prices_of(self._rival.catalog, model, float(self._prices[k])))
        for row, judged in zip(rows.tolist(), quality.tolist(), strict=True):
            self._router.update(model, self._rival.offline[row], judged, advance_time=False)


def features_of(outcomes: OutcomeMatrix, encoder: Encoder) -> FloatArray:
    """Give the features of ParetoBandit for requests, on the MiniLM.

    Raises
    ------
    MissingExtraError
        If it, or the MiniLM, is not installed.
    """
    vectors: NDArray[np.float32] = encoder.encode([cut(reading_text(query)) for query in outcomes.queries])
    return pareto_features(vectors)
