"""Where candidates are called: deployments that share a candidate's calls by weight, and take turns.

litellm has a Router for this. Its cooldowns are its own, though: neither decisions nor other processes would see them.
"""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from arbiter.catalog import Catalog
from arbiter.execution.calls import Target
from arbiter.execution.health import Health
from arbiter.execution.options import Deployment, ExecutionOptions, deployments_of
from arbiter.governance import Asked, Governance
from arbiter.records import Estimate, Outcome, Query

ALONE: Mapping[str, Deployment] = {"": Deployment()}
"""Of a candidate that is called as litellm calls it by itself."""


class Turns:
    """Takes turns by weight, as evenly as can be: of weights 2 and 1 the order is a b a, a b a, and never a a b.

    This is nginx's smooth weighted round robin: everybody's credit grows by his weight, who has most is taken and pays
    the sum of the weights. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._credit: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def next(self, of: str, weights: Mapping[str, float]) -> str:
        """Give whose turn it is among ``weights``, in the queue called ``of``."""
        with self._lock:
            for name, weight in weights.items():
                self._credit[of, name] = self._credit.get((of, name), 0.0) + weight
            taken = max(weights, key=lambda name: self._credit[of, name])
            self._credit[of, taken] -= sum(weights.values())
            return taken


class Deployments:
    """The deployments of a catalog's candidates, and who of them may be called.

    Parameters
    ----------
    catalog : candidates with their prices.
    options : names their deployments.
    turns, health : whose turn it is, and how they do; shared between catalogs that follow one another.
    governance : who pays.
    """

    def __init__(
        self, catalog: Catalog, options: ExecutionOptions, turns: Turns, health: Health, governance: Governance
    ) -> None:
        self._candidates = {candidate.name: candidate for candidate in catalog}
        given = options.deployments.items()
        self._known = {model: {one.name: one for one in deployments_of(several)} for model, several in given}
        self._options = options
        self._turns = turns
        self._health = health
        self._governance = governance

    def target(self, model: str, *, forced: bool, tried: frozenset[str]) -> Target | None:
        """See :class:`arbiter.execution.run.Places`."""
        known, candidate = self._known.get(model, ALONE), self._candidates.get(model)
        left = {name: one.weight for name, one in known.items() if name not in tried or tried >= set(known)}
        while left:
            name = self._turns.next(model, left)
            if forced or self._health.admits(candidate, model, name):
                params = {**self._options.params, **known[name].litellm_params}
                return Target(model=model, deployment=name, candidate=candidate, params=params)
            del left[name]
        return None

    def untried(self, model: str, tried: frozenset[str]) -> bool:
        """See :class:`arbiter.execution.run.Places`."""
        candidate = self._candidates.get(model)
        left = [name for name in self._known.get(model, ALONE) if name not in tried]
        return any(not self._health.why(candidate, model, name) for name in left)

    def paid(self, target: Target, query: Query, estimate: Estimate | None, body: Mapping[str, Any]) -> Target:
        """See :class:`arbiter.execution.run.Places`."""
        held = self._governance.reserve(query, target.candidate, estimate, Asked.of(body))
        return replace(target, held=held)

    def seen(self, target: Target, outcome: Outcome) -> None:
        """See :class:`arbiter.execution.run.Places`."""
        self._governance.settle(target.held, outcome.cost_usd)
        self._health.observed(outcome, target.candidate, self._health.now(), own=True)

    def out(self) -> dict[str, str]:
        """Give the candidates that may not be called just now, with the reason."""
        return self._health.out(self._candidates.values(), self._known)
