"""Where candidates are called: deployments that share a candidate's calls by weight, and take turns."""

import threading
from collections.abc import Mapping

from arbiter.catalog import Catalog
from arbiter.execution.attempts import Attempt
from arbiter.execution.calls import Target
from arbiter.execution.options import Deployment, ExecutionOptions, deployments_of


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
    """The deployments of a catalog's candidates.

    Parameters
    ----------
    catalog : candidates with their prices.
    options : names their deployments.
    turns : whose turn it is; shared between catalogs that follow one another.
    """

    def __init__(self, catalog: Catalog, options: ExecutionOptions, turns: Turns) -> None:
        self._candidates = {candidate.name: candidate for candidate in catalog}
        self._options = options
        self._turns = turns

    def target(self, model: str, *, forced: bool) -> Target | None:
        """See :class:`arbiter.execution.run.Places`."""
        known = {one.name: one for one in deployments_of(self._options.deployments.get(model, Deployment()))}
        chosen = known[self._turns.next(model, {name: one.weight for name, one in known.items()})]
        return Target(
            model=model,
            deployment=chosen.name,
            candidate=self._candidates.get(model),
            params={**self._options.params, **chosen.litellm_params},
        )

    def seen(self, target: Target, attempt: Attempt) -> None:
        """See :class:`arbiter.execution.run.Places`."""
