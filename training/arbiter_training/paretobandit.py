"""ParetoBandit 0.1.1 from its wheel (extra [demo]): the one place that knows its interface."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.errors import MissingExtraError

FloatArray = NDArray[np.float64]

OWN_MODELS = frozenset({"meta-llama/llama-3.1-8b-instruct", "mistralai/mistral-large-2512", "google/gemini-2.5-pro"})
"""Models for which it ships priors, learned from 8,373 requests that are in neither of its two data files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoSetup:
    """What one of its routers is made with.

    Attributes
    ----------
    models : that it begins with.
    catalog : their prices.
    budget_usd : dollars per request to pace to.
    seed : of its ties.
    priors : file of :func:`write_priors`; None takes those that it ships for its own three models, and for others
        begins cold.
    """

    models: tuple[str, ...]
    catalog: Catalog
    budget_usd: float
    seed: int
    priors: Path | None = None


def pareto_features(minilm: NDArray[np.float32]) -> FloatArray:
    """Give its (n, 26) features: the MiniLM's vectors through its shipped projection, whitened, and a constant.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    _require()
    from pareto_bandit import FeatureService
    from pareto_bandit.config import DEFAULT_PCA_PATH

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its projection was saved by another version of scikit-learn
        service = FeatureService(custom_encoder=_unused, embedding_dim=minilm.shape[1], pca_path=DEFAULT_PCA_PATH)
        reduced = service.pca.transform(minilm)
    together = np.concatenate([reduced, np.ones((len(minilm), 1))], axis=1)
    return np.asarray(together * service.get_pca_whitening_scales())


def pareto_router(setup: ParetoSetup) -> Any:
    """Make a router with its best settings for a warm or a cold start; the pacer alone weighs cost, as in its paper."""
    _require()
    from pareto_bandit import BanditRouter, EphemeralContextStore, FeatureService
    from pareto_bandit.budget_pacer import BudgetPacer
    from pareto_bandit.config import BEST_K3_HPARAMS, BEST_K3_TABULA_RASA_HPARAMS

    own = set(setup.models) <= OWN_MODELS
    best = BEST_K3_HPARAMS if own or setup.priors else BEST_K3_TABULA_RASA_HPARAMS
    return BanditRouter.create(
        model_registry={
            name: {"model_id": name, "initial_quality": 0.5, **prices_of(setup.catalog, name)} for name in setup.models
        },
        feature_service=FeatureService.for_precomputed(best["pca_components"] + 1),
        context_store=EphemeralContextStore(),
        priors=str(setup.priors) if setup.priors else "warmup" if own else "none",
        prior_n_effective=best["prior_n_effective"],
        alpha=best["alpha"],
        forgetting_factor=best["forgetting_factor"],
        cost_penalty=0.0,
        budget_pacer=BudgetPacer(target_avg_spend_usd=setup.budget_usd),
        bandit_seed=setup.seed,
    )


def prices_of(catalog: Catalog, name: str, factor: float = 1.0) -> dict[str, float]:
    """Give a model's prices under the names that it has for them."""
    entry = catalog[name]
    return {
        "input_cost_per_m": factor * entry.usd_per_mtok_in,
        "output_cost_per_m": factor * entry.usd_per_mtok_out,
    }


def write_priors(features: FloatArray, judged: Mapping[str, FloatArray], path: Path) -> Path:
    """Write priors learned from judged rows, in its own format and by its own formula.

    Parameters
    ----------
    features : (n, 26) of :func:`pareto_features`.
    judged : model to (n,) qualities.
    path : a file whose name ends in ``.joblib``.

    Notes
    -----
    A = I + sum x x', b = sum r x per model, as in its ``generate_warmup_priors``, which would encode the prompts anew.
    """
    from joblib import dump

    gram = np.eye(features.shape[1]) + features.T @ features
    state = {
        "A": {model: gram.copy() for model in judged},
        "b": {model: features.T @ quality for model, quality in judged.items()},
        "models": list(judged),
        "n": len(features),
        "context_dim": features.shape[1],
        "pca_components": features.shape[1] - 1,
        "pca_whitened": True,
    }
    dump(state, path)
    return path


def _require() -> None:
    try:
        import pareto_bandit  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("paretobandit", "demo") from error


def _unused(text: str) -> FloatArray:
    raise AssertionError("vectors are given, not computed")
