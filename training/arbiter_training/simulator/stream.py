"""Playing a stream: every request decided, some answers judged, the router learning as it would in service."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter import lineup
from arbiter.catalog import Catalog
from arbiter.deciding import Outlook
from arbiter.errors import InvalidInputError
from arbiter.judgements import Judgement
from arbiter.learning import LearningPolicy, after_feedback
from arbiter.pacing import BudgetPacer, PacingOptions
from arbiter.policies.protocol import Policy
from arbiter.records import Decision, Feedback, Query
from arbiter.router import AT_ONCE, Router
from arbiter_training.estimates.length import implied_output_tokens
from arbiter_training.simulator.course import Course
from arbiter_training.simulator.scenario import Scenario
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]

_DRAWS = 3
"""Marks the generator that a router draws from: not the ones of the course."""


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
        self._outlooks: dict[tuple[str, int, bytes], Outlook] = {}

    def play(self, scenario: Scenario, seed: int, policy: Policy | None = None) -> Trace:
        """Play the traffic once, in an order that the seed draws.

        Parameters
        ----------
        scenario : what happens.
        seed : of the course, which is the same for every policy, and of the router's draws.
        policy : takes the place of the router's own.

        Raises
        ------
        InvalidInputError
            If something happens to a model that the traffic does not have.
        """
        course = Course.of(self.truth, self.scored_from, scenario, seed)
        router = self.router if policy is None else replace(self.router, policy=policy)
        return _Stream(self, router, course, scenario.budget_usd, seed).run()

    def scored(self, k: int, rows: NDArray[np.int64]) -> list[lineup.ScoredPrompt]:
        """Give judged answers of model k, with the lengths that their costs imply.

        Parameters
        ----------
        k : place of the model in the traffic.
        rows : in ``scored_from``.
        """
        known, candidate = self.scored_from.subset(rows), self.router.catalog[self.truth.models[k]]
        read = np.array([query.input_tokens for query in known.queries], dtype=np.float64)
        lengths = implied_output_tokens(known.cost_usd[:, [k]], read, Catalog([candidate]))[:, 0]
        return [
            lineup.ScoredPrompt(
                query=query, quality=float(quality), output_tokens=None if np.isnan(length) else round(length)
            )
            for query, quality, length in zip(known.queries, known.quality[:, k], lengths.tolist(), strict=True)
        ]

    def outlook_of(self, router: Router, stage: str, seed: int) -> Outlook:
        """Give the outlook of a router over another list of candidates: every policy of a seed has the same one."""
        prices = router.catalog.arrays
        key = (stage, seed, np.concatenate([prices.usd_per_mtok_in, prices.usd_per_mtok_out]).tobytes())
        if key not in self._outlooks:
            self._outlooks[key] = router.outlook(self.truth.queries)
        return self._outlooks[key]


class _Stream:
    """One pass over the traffic."""

    def __init__(self, player: Player, router: Router, course: Course, budget: float | None, seed: int) -> None:
        self.player, self.router, self.course, self.seed = player, router, course, seed
        self.models = player.truth.models
        self.rng = np.random.default_rng([seed, _DRAWS])
        self.outlook = player.outlook
        if course.newcomer is not None:
            name = self.models[course.newcomer]
            self.router = lineup.without_candidate(router, name)
            self.outlook = player.outlook_of(self.router, f"without {name}", 0)
        self.pacer = None if budget is None else BudgetPacer(PacingOptions(usd_per_request=budget))
        self.learns = isinstance(self.router.policy, LearningPolicy)
        self.waiting: deque[tuple[int, Decision, float]] = deque()
        judged = np.flatnonzero(course.judged)
        places = np.searchsorted(judged, np.arange(course.n))
        self.next_judged = np.append(judged, course.n)[places]
        self.turns = course.turns

    def run(self) -> Trace:
        n, k = self.course.quality.shape
        shares, drawn, bandit_share = np.zeros((n, k)), np.zeros(n, dtype=np.int64), np.zeros(n)
        place = {name: i for i, name in enumerate(self.models)}
        t = 0
        while t < n:
            self._happen(t)
            self._learn(t)
            stop = self._calm_until(t)
            bandit_share[t:stop] = self.router.policy.share or 0.0
            for decision in self._decide(t, stop):
                for name, probability in decision.action_probs.items():
                    shares[t, place[name]] = probability
                drawn[t] = place[decision.model]
                self._answered(t, decision, int(drawn[t]))
                t += 1
        return Trace(
            shares=shares,
            drawn=drawn,
            bandit_share=bandit_share,
            true_quality=self.course.quality,
            true_cost_usd=self.course.cost_usd,
        )

    def _answered(self, t: int, decision: Decision, k: int) -> None:
        if self.learns and self.course.judged[t]:
            self.waiting.append((t + self.course.delay + 1, decision, float(self.course.quality[t, k])))
        if self.pacer is not None:
            self.pacer.answered(Feedback(decision_id=decision.id, cost_usd=float(self.course.cost_usd[t, k])))

    def _calm_until(self, t: int) -> int:
        """Give the place before which nothing is learned and nothing happens: so many are decided together."""
        if self.pacer is not None:
            return t + 1
        ends = [self.course.n, t + AT_ONCE, *(turn for turn in self.turns if turn > t)]
        if self.learns:
            ends.append(int(self.next_judged[t]) + self.course.delay + 1)
            ends += [self.waiting[0][0]] if self.waiting else []
        return min(ends)

    def _decide(self, start: int, stop: int) -> list[Decision]:
        rows = self.course.order[start:stop]
        queries = [self._placed(self.player.truth.queries[i], start + j) for j, i in enumerate(rows.tolist())]
        outlook = self.outlook.take(rows, queries)
        decisions = self.router.decide(outlook, self.rng)
        if self.pacer is not None:
            for t, (query, decision) in enumerate(zip(queries, decisions, strict=True), start):
                self.pacer.decided(query, decision, float(t))
        return decisions

    def _placed(self, query: Query, t: int) -> Query:
        now = query.circumstances
        if self.course.out[t].any():
            now = replace(now, out={self.models[k]: "outage" for k in np.flatnonzero(self.course.out[t]).tolist()})
        placed = query if now is query.circumstances else replace(query, circumstances=now)
        return placed if self.pacer is None else self.pacer.asked(placed, self.router.catalog, float(t))

    def _learn(self, t: int) -> None:
        while self.waiting and self.waiting[0][0] <= t:
            due, decision, quality = self.waiting.popleft()
            self.router = after_feedback(self.router, decision, None, Judgement(quality, 1.0), float(due))

    def _happen(self, t: int) -> None:
        if t not in self.turns and t > 0:
            return
        for k, factor in self.course.price_moves(t).items():
            if self.models[k] in self.router.catalog:  # a newcomer joins at its price of then
                self._reprice(self.models[k], factor)
        if self.course.newcomer is not None and t == self.course.joins:
            self._join(self.course.newcomer)

    def _join(self, k: int) -> None:
        name, scored = self.models[k], self.player.scored(k, self.course.scored)
        self.router = lineup.with_candidate(self.router, self.player.router.catalog[name], scored=scored)
        self.outlook = self.player.outlook_of(self.router, f"with {name} after {len(scored)}", self.seed)
        moved = float(self.course.prices[self.course.joins, k])
        if moved != 1.0:
            self._reprice(name, moved)

    def _reprice(self, model: str, factor: float) -> None:
        entry = self.router.catalog[model]
        prices = {name: factor * getattr(entry, name) for name in ("usd_per_mtok_in", "usd_per_mtok_out")}
        self.router = lineup.repriced(self.router, model, **prices)
        cost = self.outlook.expectation.cost_usd.copy()
        cost[:, self.router.catalog.position(model)] *= factor
        self.outlook = replace(self.outlook, expectation=replace(self.outlook.expectation, cost_usd=cost))
