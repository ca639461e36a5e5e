"""The recipe of the shipped gatekeeper: the authored seed prompts, and public label sets where they are at hand."""

import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from arbiter.errors import InvalidInputError
from arbiter.features import Features
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter_training.gatekeeper.calibration import HeadReport
from arbiter_training.gatekeeper.data import GatekeeperOptions, LabelledQueries
from arbiter_training.gatekeeper.fit import fit_gatekeeper
from arbiter_training.gatekeeper.public_sets import read_public
from arbiter_training.gatekeeper.sources import groups_of_sources, source_folds, source_weights
from arbiter_training.labelled import LabelledPrompts, joined, read_labelled
from arbiter_training.traffic import near_duplicate_groups

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeOptions:
    """How the shipped gatekeeper is trained.

    Attributes
    ----------
    folds : of the cross-validation; sources are dealt whole (see :mod:`arbiter_training.gatekeeper.sources`).
    hands : authored sources that each spread over all fields.
    max_per_class : requests drawn per class (intent, task, subject) of a large public set.
    source_cap : requests' worth of weight that one authored file or public set has at most.
    gatekeeper : options of the fit.
    """

    folds: int = 5
    hands: tuple[str, ...] = ("desk", "everyday", "intent", "stakes")
    max_per_class: int = 8
    source_cap: float = 60.0
    gatekeeper: GatekeeperOptions = field(default_factory=lambda: GatekeeperOptions(inverse_penalty=(1.0,)))


def read_recipe(path: Path) -> RecipeOptions:
    """Read the options from a TOML file; a key that is missing keeps its default.

    Raises
    ------
    InvalidInputError
        If the file is no TOML or holds a key that there is none of.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        fit = table.pop("gatekeeper", {})
        return RecipeOptions(**_listed(table), gatekeeper=replace(RecipeOptions().gatekeeper, **_listed(fit)))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        known = [f.name for f in (*fields(RecipeOptions), *fields(GatekeeperOptions))]
        raise InvalidInputError(f"{path}: {error}; the keys are {', '.join(known)}") from error


def _listed(table: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the lists of a TOML table into tuples, as the options hold them."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def train_default_gatekeeper(
    features: Features, seed_folder: Path, public_folder: Path | None, options: RecipeOptions
) -> tuple[LearnedGatekeeper, Mapping[str, HeadReport]]:
    """Train the shipped gatekeeper, on one thread.

    Parameters
    ----------
    features : fitted or not; mean and scale of the statistics are learned anew here from the prompts.
    seed_folder : of the authored prompts.
    public_folder : of the public sets (see ``datasets/public/manifest.toml``); None, or a folder without any, trains on
        the seed prompts alone, and the log says so.
    options : how.

    Returns
    -------
    gatekeeper : ready to serve.
    reports : per head, out of fold.
    """
    prompts = recipe_prompts(seed_folder, public_folder, options)
    with threadpool_limits(limits=1):
        batch = features.fit(prompts.queries).transform(prompts.queries)
        return fit_gatekeeper(recipe_data(prompts, options), batch, options.gatekeeper)


def recipe_data(prompts: LabelledPrompts, options: RecipeOptions) -> LabelledQueries:
    """Give folds and weights to the prompts of the recipe."""
    groups = groups_of_sources(prompts.sources, options.hands, options.gatekeeper.seed)
    return LabelledQueries(
        queries=prompts.queries,
        labels=prompts.labels,
        folds=source_folds(groups, options.folds, options.gatekeeper.seed),
        weights=source_weights(prompts.sources, options.source_cap),
    )


def recipe_prompts(seed_folder: Path, public_folder: Path | None, options: RecipeOptions) -> LabelledPrompts:
    """Read what the recipe trains on, each near-duplicate once; what is authored comes first and stays."""
    seeds = read_labelled(seed_folder)
    public = read_public(public_folder, options.max_per_class, options.gatekeeper.seed) if public_folder else joined([])
    if len(public) == 0:
        logger.warning("no public label sets at %s: trained on %d seed prompts alone", public_folder, len(seeds))
    prompts = joined([seeds, public])
    groups = near_duplicate_groups([f"{query.system}\n{query.context}\n{query.text}" for query in prompts.queries])
    return prompts.take(np.sort(np.unique(groups, return_index=True)[1]).astype(np.int64))
