"""Playing a stream: every request decided, some answers judged, the router learning as it would in service."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter import lineup
from arbiter.errors import InvalidInputError
from arbiter.judgements import Judgement
from arbiter.learning import after_feedback
from arbiter.pacing import BudgetPacer, PacingOptions
from arbiter.records import Decision, Feedback, Query
from arbiter.router import Router
from arbiter_training.simulator.scenario import Scenario
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What came of one stream of n requests over the K models of the traffic.

    Attributes
    ----------
    shares : (n, K) probabilities with which the models were chosen.
    drawn : (n,) place of the model that was.
    bandit_share : (n,) part of the traffic that the bandit decided.
    true_quality, true_cost_usd : (n, K) of every model, changes included.
    """

    shares: FloatArray
    drawn: NDArray[np.int64]
    bandit_share: FloatArray
    true_quality: FloatArray
    true_cost_usd: FloatArray

    @property
    def quality(self) -> FloatArray:
        """(n,) true quality expected over the router's chances: less noisy than that of the models drawn."""
        return np.asarray((self.shares * self.true_quality).sum(axis=1))

    @property
    def cost_usd(self) -> FloatArray:
        """(n,) true cost expected over the router's chances."""
        return np.asarray((self.shares * self.true_cost_usd).sum(axis=1))

    @property
    def spent_usd(self) -> FloatArray:
        """(n,) true cost of the models that were drawn."""
        return self.true_cost_usd[np.arange(len(self.drawn)), self.drawn]


class Player:
    """Plays streams over one traffic.

    Parameters
    ----------
    router : fitted on other rows; its candidates are the traffic's models.
    truth : every model's quality and cost on every request.
    scored_from : full information on rows that are in no stream, from which a newcomer's judged answers are drawn.

    Raises
    ------
    InvalidInputError
        If the traffic is not fully judged and priced, or its models are not the router's.
    """

    def __init__(self, router: Router, truth: OutcomeMatrix, scored_from: OutcomeMatrix) -> None:
        if not (np.isfinite(truth.quality).all() and np.isfinite(truth.cost_usd).all()):
            raise InvalidInputError("a simulation needs every model's quality and cost on every request")
        if set(router.catalog.names) != set(truth.models):
            raise InvalidInputError(
                f"the router knows {', '.join(router.catalog.names)}; the traffic has {', '.join(truth.models)}"
            )
        self.router, self.truth, self.scored_from = router, truth, scored_from
        self.outlook = router.outlook(truth.queries)

    def play(self, scenario: Scenario, seed: int) -> Trace:
        """Play the traffic once, in an order that the seed draws.

        Raises
        ------
        InvalidInputError
            If something happens to a model that the traffic does not have.
        """
        unknown = scenario.models - set(self.truth.models)
        if unknown:
            raise InvalidInputError(
                f"{scenario.name}: no model {', '.join(sorted(unknown))}; there are {', '.join(self.truth.models)}"
            )
        return _Stream(self, scenario, seed).run()


class _Stream:
    """One pass over the traffic."""

    def __init__(self, player: Player, scenario: Scenario, seed: int) -> None:
        self.scenario, self.truth, self.scored_from = scenario, player.truth, player.scored_from
        self.rng = np.random.default_rng(seed)
        self.order = self.rng.permutation(player.truth.n)
        self.quality, self.cost = self._with_changes()
        self.router, self.outlook = player.router, player.outlook
        if scenario.newcomer.model:
            self._relisted(lineup.without_candidate(player.router, scenario.newcomer.model))
        self.candidate = player.router.catalog[scenario.newcomer.model] if scenario.newcomer.model else None
        budget = scenario.budget_usd
        self.pacer = None if budget is None else BudgetPacer(PacingOptions(usd_per_request=budget))
        self.waiting: deque[tuple[int, Decision, float]] = deque()

    def _with_changes(self) -> tuple[FloatArray, FloatArray]:
        """Give (n, K) true quality and cost in the order of the stream."""
        n = len(self.order)
        quality, cost = self.truth.quality[self.order].copy(), self.truth.cost_usd[self.order].copy()
        for change in self.scenario.quality:
            k, at = self.truth.models.index(change.model), round(change.at * n)
            quality[at:, k] = np.clip(change.factor * quality[at:, k], 0.0, 1.0)
        for price in self.scenario.prices:
            cost[round(price.at * n) :, self.truth.models.index(price.model)] *= price.factor
        return quality, cost

    def run(self) -> Trace:
        n, k = self.quality.shape
        shares, drawn, bandit_share = np.zeros((n, k)), np.zeros(n, dtype=np.int64), np.zeros(n)
        for t in range(n):
            self._happen(t)
            self._learn(t)
            decision = self._decide(t)
            for name, probability in decision.action_probs.items():
                shares[t, self.truth.models.index(name)] = probability
            drawn[t] = self.truth.models.index(decision.model)
            bandit_share[t] = self.router.policy.share or 0.0
            if self.rng.random() < self.scenario.feedback_rate:
                self.waiting.append((t + self.scenario.delay + 1, decision, self.quality[t, drawn[t]]))
            if self.pacer is not None:
                self.pacer.answered(Feedback(decision_id=decision.id, cost_usd=float(self.cost[t, drawn[t]])))
        return Trace(
            shares=shares, drawn=drawn, bandit_share=bandit_share, true_quality=self.quality, true_cost_usd=self.cost
        )

    def _decide(self, t: int) -> Decision:
        row = int(self.order[t])
        query = self._placed(self.truth.queries[row], t)
        decision = self.router.decide(self.outlook.one(row, query), 0, self.rng)
        if self.pacer is not None:
            self.pacer.decided(query, decision, float(t))
        return decision

    def _placed(self, query: Query, t: int) -> Query:
        n, now = len(self.order), query.circumstances
        out = {e.model: "outage" for e in self.scenario.outages if round(e.start * n) <= t < round(e.end * n)}
        if out:
            now = replace(now, out=out)
        if self.pacer is not None:
            worth, left = self.pacer.asked(query, self.router.catalog, float(t))
            now = replace(now, quality_per_usd=None if np.isnan(worth) else worth, paced_usd=left)
        return query if now is query.circumstances else replace(query, circumstances=now)

    def _learn(self, t: int) -> None:
        while self.waiting and self.waiting[0][0] <= t:
            due, decision, quality = self.waiting.popleft()
            self.router = after_feedback(self.router, decision, None, Judgement(quality, 1.0), float(due))

    def _happen(self, t: int) -> None:
        n, new = len(self.order), self.scenario.newcomer
        for change in self.scenario.prices:
            if t == round(change.at * n) and change.model in self.router.catalog:
                self._reprice(change.model, change.factor)
        if self.candidate is not None and t == round(new.at * n):
            rows = self.rng.choice(self.scored_from.n, min(new.scored, self.scored_from.n), replace=False)
            k = self.scored_from.models.index(new.model)
            scored = [
                lineup.ScoredPrompt(query=self.scored_from.queries[i], quality=float(self.scored_from.quality[i, k]))
                for i in rows
            ]
            self._relisted(lineup.with_candidate(self.router, self.candidate, scored=scored))

    def _reprice(self, model: str, factor: float) -> None:
        entry = self.router.catalog[model]
        prices = {name: factor * getattr(entry, name) for name in ("usd_per_mtok_in", "usd_per_mtok_out")}
        self.router = lineup.repriced(self.router, model, **prices)
        cost = self.outlook.expectation.cost_usd.copy()
        cost[:, self.router.catalog.position(model)] *= factor
        self.outlook = replace(self.outlook, expectation=replace(self.outlook.expectation, cost_usd=cost))

    def _relisted(self, router: Router) -> None:
        self.router, self.outlook = router, router.outlook(self.truth.queries)
