"""The shipped default bundle: a trained gatekeeper over the default catalog, before there is any log.

::

    python -m arbiter_training.default_bundle -o models/default --encoder FOLDER --public FOLDER

``--encoder`` takes what ``python -m arbiter_training.distill training/recipes/static_encoder.toml -o FOLDER`` wrote;
without it the encoder of the bundle that is being replaced stays. ``--public`` is the folder of the public label sets
of ``datasets/public/manifest.toml`` (``arbiter data get -o FOLDER``); without it the gatekeeper learns from the
authored prompts alone. The bundle's manifest names each set that was at hand with the digest of its rows.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from arbiter.bundle import Provenance, load_bundle, save_bundle
from arbiter.catalog import Catalog
from arbiter.cold_start import rated_estimator, rated_settings
from arbiter.encoders import Encoder
from arbiter.features import Features
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.policies import BanditPolicy
from arbiter.policies.context import ContextMap
from arbiter.records import Query
from arbiter.router import Router
from arbiter_training.default_gatekeeper import RecipeOptions, recipe_prompts, train_default_gatekeeper
from arbiter_training.distill import read_encoder
from arbiter_training.gatekeeper import HeadReport
from arbiter_training.gatekeeper.public_sets import public_digests
from arbiter_training.principal import principal_components

CONTEXT_COMPONENTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultRouter:
    """The default router and what its heads are worth.

    Attributes
    ----------
    router : ready to serve.
    heads : head to out-of-fold report.
    n_prompts : labelled prompts it was trained on.
    public_sets : name to content digest of each public set that was at hand.
    """

    router: Router
    heads: Mapping[str, HeadReport]
    n_prompts: int
    public_sets: Mapping[str, str]


def default_router(encoder: Encoder, seeds: Path, public: Path | None, options: RecipeOptions) -> DefaultRouter:
    """Train the default router.

    Parameters
    ----------
    encoder : the static encoder.
    seeds : folder of the authored prompts.
    public : folder of the public label sets; None trains without them.
    options : of the gatekeeper's recipe.
    """
    features = Features(encoder, evidence=KeywordRules.default())
    gatekeeper, heads = train_default_gatekeeper(features, seeds, public, options)
    prompts = recipe_prompts(seeds, public, options)
    return DefaultRouter(
        router=_router(features, gatekeeper, prompts.queries),
        heads=heads,
        n_prompts=len(prompts),
        public_sets=public_digests(public) if public else {},
    )


def _router(features: Features, gatekeeper: LearnedGatekeeper, queries: Sequence[Query]) -> Router:
    catalog = Catalog.default()
    batch = features.transform(queries)
    context_map = ContextMap(projection=principal_components(batch.embedding, CONTEXT_COMPONENTS))
    return Router(
        catalog=catalog,
        features=features,
        gatekeeper=gatekeeper,
        context_map=context_map,
        estimator=rated_estimator(catalog, context_map.dim),
        policy=BanditPolicy.fresh(len(catalog), context_map.dim),
        settings=rated_settings(catalog),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the default router and write its bundle."""
    parser = argparse.ArgumentParser(prog="arbiter_training.default_bundle", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--encoder", type=Path, help="folder of a distilled encoder")
    parser.add_argument("--seeds", type=Path, default=Path("datasets/seed_prompts"), help="folder of authored prompts")
    parser.add_argument("--public", type=Path, help="folder of the public label sets")
    given = parser.parse_args(arguments)
    encoder = read_encoder(given.encoder) if given.encoder else load_bundle(given.out)[0].features.encoder
    made = default_router(encoder, given.seeds, given.public, RecipeOptions())
    metrics = {f"{h}/{k}": v for h, r in made.heads.items() for k, v in asdict(r).items() if isinstance(v, float)}
    provenance = Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data={"prompts": made.n_prompts, "public_sets": made.public_sets},
        metrics=metrics,
    )
    save_bundle(made.router, given.out, provenance)


if __name__ == "__main__":
    main()
