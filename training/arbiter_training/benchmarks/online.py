"""Rivals that choose and learn request by request: ParetoBandit, and litellm's two routers.

They see one outcome per request, that of the model they chose, first on the training rows and then on the test rows,
where they go on learning. That is how they are meant to run; the predictors above them in a table see all outcomes of
the training rows and none of the test rows, unless they are called partial.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.ope import nondecreasing_hull
from arbiter.quiet_litellm import import_litellm
from arbiter_training.benchmarks.rounds import Round
from arbiter_training.paretobandit import ParetoSetup, pareto_features, pareto_router
from arbiter_training.traffic import OutcomeMatrix

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

QUALITY_WEIGHTS = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Settings of litellm's adaptive router; 0.7 is its default."""

TIERS = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Requests in the order in which an online rival meets them.

    Attributes
    ----------
    outcomes : all requests; an online rival may look at the cell it chose, and at no other.
    texts : n prompts.
    round : training rows, then test rows, each shuffled by the round's seed.
    catalog : prices.
    budgets_usd : dollars per request to pace to.
    """

    outcomes: OutcomeMatrix
    texts: tuple[str, ...]
    round: Round
    catalog: Catalog
    budgets_usd: tuple[float, ...]

    def order(self) -> IntArray:
        """Give positions in order of arrival."""
        rng = np.random.default_rng(self.round.seed)
        return np.concatenate([rng.permutation(self.round.train), rng.permutation(self.round.test)])

    def test_choices(self, chosen: IntArray) -> IntArray:
        """Pick the choices for the test rows from (n,) choices for all."""
        return chosen[self.round.test]


def paretobandit(minilm: NDArray[np.float32], stream: Stream) -> IntArray:
    """Run ParetoBandit 0.1.1 from its wheel, paced to each budget; (budgets, n_test) choices.

    On its own three models with its shipped priors and best settings, on others cold with its settings for that. Its
    features: the MiniLM's vectors (computed here) through its shipped projection to 25 components.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    features = pareto_features(minilm)
    return np.stack([stream.test_choices(_paced(stream, features, budget)) for budget in stream.budgets_usd])


def _paced(stream: Stream, features: FloatArray, budget: float) -> IntArray:
    names = stream.outcomes.models
    setup = ParetoSetup(models=names, catalog=stream.catalog, budget_usd=budget, seed=stream.round.seed)
    router = pareto_router(setup)
    chosen = np.zeros(len(features), dtype=np.int64)
    place = {name: k for k, name in enumerate(names)}
    for i in stream.order():
        model, log = router.route(features[i])
        chosen[i] = place[model]
        log.cost_usd = float(stream.outcomes.cost_usd[i, chosen[i]])
        router.process_feedback(log.request_id, reward=float(stream.outcomes.quality[i, chosen[i]]))
    return chosen


def litellm_complexity(stream: Stream) -> IntArray:
    """Run litellm's complexity router with its default rules; (1, n_test) choices.

    Its four tiers are given models as a careful user would: those on the fixed-model hull of the training rows, from
    cheap to good.

    Raises
    ------
    MissingExtraError
        If litellm is not installed.
    """
    import_litellm()
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

    rules = ComplexityRouter("benchmark", litellm_router_instance=None, complexity_router_config={})
    train = stream.round.train
    means = stream.outcomes.cost_usd[train].mean(axis=0), stream.outcomes.quality[train].mean(axis=0)
    corners = nondecreasing_hull(*means).index
    of_tier = [int(corners[round(t * (len(corners) - 1) / (len(TIERS) - 1))]) for t in range(len(TIERS))]
    tiers = [TIERS.index(str(rules.classify(stream.texts[i])[0].value)) for i in stream.round.test]
    return np.array([[of_tier[tier] for tier in tiers]], dtype=np.int64)


def litellm_adaptive(stream: Stream) -> IntArray:
    """Run litellm's adaptive router (Beta bandit per kind of request); (settings, n_test) choices.

    It is fed the judged quality, which is more than the regular expressions on later turns that feed it in service.

    Raises
    ------
    MissingExtraError
        If litellm is not installed.
    """
    return np.stack([stream.test_choices(_adaptive(stream, weight)) for weight in QUALITY_WEIGHTS])


def _adaptive(stream: Stream, weight: float) -> IntArray:
    import_litellm()
    from litellm.router_strategy.adaptive_router import bandit, classifier
    from litellm.types.router import AdaptiveRouterPreferences

    names = stream.outcomes.models
    price = stream.catalog.arrays.usd_per_mtok_in + stream.catalog.arrays.usd_per_mtok_out
    costs = dict(zip(names, price.tolist(), strict=True))
    rank = np.argsort(np.argsort(price))
    tier = {name: 1 + int(3 * rank[k] // len(names)) for k, name in enumerate(names)}
    cells: dict[object, dict[str, bandit.BanditCell]] = {}
    rng = random.Random(stream.round.seed)
    chosen = np.zeros(len(stream.texts), dtype=np.int64)
    for i in stream.order():
        kind = classifier.classify_prompt(stream.texts[i])
        if kind not in cells:
            start = {n: AdaptiveRouterPreferences(quality_tier=tier[n]) for n in names}
            cells[kind] = {n: bandit.initial_cell(start[n], kind) for n in names}
        model = bandit.pick_best(cells[kind], costs, weight, 1.0 - weight, rng)
        chosen[i] = names.index(model)
        quality = float(stream.outcomes.quality[i, chosen[i]])
        cells[kind][model] = bandit.apply_delta(cells[kind][model], quality, 1.0 - quality)
    return chosen
