"""A router tried on the requests of a use case, beside every single model on the same requests."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from arbiter.bundle import load_bundle
from arbiter.errors import NotEvaluableError
from arbiter.loading import load_router
from arbiter.ope import EstimateOptions, evaluate, evaluate_difference
from arbiter.planning import RoutingTrial
from arbiter.router import Router
from arbiter_training.evaluation.logs import log_of
from arbiter_training.traffic import OutcomeMatrix
from arbiter_training.traffic.columns import FloatArray, IntArray

LEVEL = 0.95


def load_policy(source: str, fingerprint: str) -> tuple[Router | None, str]:
    """Load a router that has not seen the traffic.

    Parameters
    ----------
    source : a bundle's folder, or ``models:/...``.
    fingerprint : of the traffic.

    Returns
    -------
    router : None where it was trained on this very traffic, and
    problem : then says so.

    Raises
    ------
    BundleError
        If there is no bundle, or it is damaged.
    """
    if source.startswith("models:/"):
        return load_router(source), ""
    router, manifest = load_bundle(Path(source))
    if manifest["data"].get("fingerprint") == fingerprint:
        return None, f"{source} was trained on this very traffic and would look too good; give other traffic"
    return router, ""


def routing_trial(
    policy: str, router: Router, outcomes: OutcomeMatrix, names: dict[str, str], quality_per_usd: float
) -> RoutingTrial | str:
    """Let a router choose for every request, and hold it against every single model.

    Where every model answered every request what the choices were worth is known; where one was asked with a known
    probability it is estimated from the requests on which both chose alike, weighed by it (:mod:`arbiter.ope`).

    Parameters
    ----------
    policy : as the user named it.
    router : chooses; it must not have seen these requests.
    outcomes : what the models answered.
    names : model of the log to its name in the plan's catalog.
    quality_per_usd : what money is worth.

    Returns
    -------
    trial : the comparison; a text that says why there is none, where the log cannot give one.
    """
    column = {name: k for k, model in enumerate(outcomes.models) for name in (model, names.get(model, model))}
    chosen = [decision.model for decision in router.route_batch(outcomes.queries, np.random.default_rng(0))]
    strange = sorted({model for model in chosen if model not in column})
    if strange:
        return f"{policy} is not tried: it chooses {', '.join(strange)}, which the traffic does not have"
    action = np.array([column[model] for model in chosen], dtype=np.int64)
    try:
        found = _Worth(outcomes, quality_per_usd).of(action)
    except NotEvaluableError as error:
        return f"{policy} is not tried: {error}"
    models = [names.get(model, model) for model in outcomes.models]
    known = {int(k): _known_costs(outcomes, action, int(k)) for k in np.unique(action)}
    blank = [models[k] for k, (costs, _) in known.items() if not costs.size]
    if blank:
        return f"{policy} is not tried: no cost is known of {', '.join(blank)}, which it chooses"
    return RoutingTrial(
        policy=policy,
        requests=outcomes.n,
        share={models[k]: float((action == k).mean()) for k in known},
        cost_usd={models[k]: costs for k, (costs, _) in known.items()},
        cost_weight={models[k]: weights for k, (_, weights) in known.items()},
        quality=found.quality,
        utility_gain=dict(zip(models, found.gains, strict=True)),
        single=models[found.best],
        single_cost_usd=found.best_cost_usd,
        single_quality=found.best_quality,
    )


def _known_costs(outcomes: OutcomeMatrix, action: IntArray, k: int) -> tuple[FloatArray, FloatArray]:
    """Give the costs that are known of the requests that a model is chosen for, and their weights.

    Where it is chosen so rarely that the log has none of them, those of all its answers stand in.
    """
    known = ~np.isnan(outcomes.cost_usd[:, k])
    rows = known & (action == k)
    rows = rows if rows.any() else known
    return outcomes.cost_usd[rows, k], 1.0 / outcomes.propensity[rows, k]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the log says of a policy and of the best single model; ``gains`` as :attr:`RoutingTrial.utility_gain`."""

    quality: float
    gains: tuple[float, ...]
    best: int
    best_quality: float
    best_cost_usd: float


class _Worth:
    """What constant choices and a policy's were worth on one log."""

    def __init__(self, outcomes: OutcomeMatrix, quality_per_usd: float) -> None:
        log = log_of(outcomes)
        if "cost_usd" not in log.outcomes:
            raise NotEvaluableError("the log holds no cost; add a column 'cost_usd'")
        utility = log.outcomes["quality"] - quality_per_usd * log.outcomes["cost_usd"]
        self._log = replace(log, outcomes={**log.outcomes, "utility": utility})
        self._k = outcomes.n_models

    def of(self, action: IntArray) -> _Found:
        """Hold the chosen columns, (n,), against each column alone; raises NotEvaluableError."""
        probs = np.eye(self._k)[action]
        routed = evaluate(self._log, probs)
        routed["utility"].require()
        alone = [evaluate(self._log, self._always(k)) for k in range(self._k)]
        worth = [each["utility"].best for each in alone]
        best = int(np.argmax([-np.inf if each is None else each.value for each in worth]))
        return _Found(
            quality=routed["quality"].require().value,
            gains=tuple(self._gain(probs, k) for k in range(self._k)),
            best=best,
            best_quality=alone[best]["quality"].require().value,
            best_cost_usd=alone[best]["cost_usd"].require().value,
        )

    def _always(self, k: int) -> FloatArray:
        return np.tile(np.eye(self._k)[k], (self._log.n, 1))

    def _gain(self, probs: FloatArray, k: int) -> float:
        options = EstimateOptions(confidence=1.0 - (1.0 - LEVEL) / self._k)
        only = replace(self._log, outcomes={"utility": self._log.outcomes["utility"]})
        found = evaluate_difference(only, probs, self._always(k), options=options)["utility"].best
        return -np.inf if found is None or found.interval is None else found.interval[0]
