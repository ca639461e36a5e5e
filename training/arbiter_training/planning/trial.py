"""A router tried on the requests of a use case, beside every single model on the same requests."""

import math
from pathlib import Path

import numpy as np

from arbiter.bundle import load_bundle
from arbiter.loading import load_router
from arbiter.ope.distributions import student_t_quantile
from arbiter.planning import RoutingTrial
from arbiter.router import Router
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

    Parameters
    ----------
    policy : as the user named it.
    router : chooses; it must not have seen these requests.
    outcomes : in which every model answered every request.
    names : model of the log to its name in the plan's catalog.
    quality_per_usd : what money is worth.

    Returns
    -------
    trial : the comparison; a text that says why there is none, where the log cannot give one.
    """
    if not outcomes.full_information or np.isnan(outcomes.cost_usd).any():
        return f"{policy} is not tried: not every model answered every request, see `arbiter evaluate`"
    models = [names.get(model, model) for model in outcomes.models]
    column = {name: k for k, model in enumerate(outcomes.models) for name in (model, names.get(model, model))}
    chosen = [decision.model for decision in router.route_batch(outcomes.queries, np.random.default_rng(0))]
    strange = sorted({model for model in chosen if model not in column})
    if strange:
        return f"{policy} is not tried: it chooses {', '.join(strange)}, which the traffic does not have"
    action = np.array([column[model] for model in chosen], dtype=np.int64)
    rows = np.arange(outcomes.n)
    utility = outcomes.quality - quality_per_usd * outcomes.cost_usd
    gains = utility[rows, action][:, None] - utility
    best = int(np.argmax(utility.mean(axis=0)))
    costs = outcomes.cost_usd[rows, action]
    return RoutingTrial(
        policy=policy,
        requests=outcomes.n,
        cost_usd={models[k]: costs[action == k] for k in np.unique(action).tolist()},
        quality=float(outcomes.quality[rows, action].mean()),
        utility_gain=dict(zip(models, _lower_ends(gains, outcomes.clusters), strict=True)),
        single=models[best],
        single_cost_usd=float(outcomes.cost_usd[:, best].mean()),
        single_quality=float(outcomes.quality[:, best].mean()),
    )


def _lower_ends(gains: FloatArray, clusters: IntArray) -> list[float]:
    """Give lower ends of K paired means, clustered by session, that hold for all together (Bonferroni)."""
    n, k = gains.shape
    sizes = np.bincount(clusters)
    t = student_t_quantile(1.0 - (1.0 - LEVEL) / (2.0 * k), max(sizes.size - 1, 1))
    ends = []
    for column in gains.T:
        mean = float(column.mean())
        sums = np.bincount(clusters, weights=column - mean)
        ends.append(mean - t * math.sqrt(float((sums**2).sum())) / n)
    return ends
