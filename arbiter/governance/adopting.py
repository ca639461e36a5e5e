"""What a foundry found becomes candidates of a router."""

from collections.abc import Sequence
from typing import Any

from arbiter import lineup
from arbiter.catalog import Catalog
from arbiter.catalog.entry import candidate_from_dict, candidate_to_dict
from arbiter.errors import CatalogError
from arbiter.governance.protocols import FoundModel
from arbiter.records import Candidate
from arbiter.router import Router
from arbiter.vocabulary import Category

OWN = ("litellm_model", "release_date", "deprecation_date")
"""Keys of a base model's entry that say nothing of what was tuned from it."""


def with_found_models(router: Router, found: Sequence[FoundModel]) -> Router:
    """Add the models that a foundry found and the router does not have yet.

    A model takes its base's entry where its own values say nothing else, and its base's quality and length until its
    own answers are judged; see :func:`arbiter.lineup.with_candidate`. Models that are no longer found stay.

    Parameters
    ----------
    router : over K candidates.
    found : what :meth:`arbiter.governance.ModelFoundryClient.models` gave.

    Raises
    ------
    CatalogError
        If an entry is wrong or lacks something, or its base is not among the candidates.
    """
    for model in found:
        if model.name not in router.catalog.names:
            relatives = None if model.base is None else {model.base: 1.0}
            router = lineup.with_candidate(router, entry(model, router.catalog), relatives)
    return router


def entry(model: FoundModel, catalog: Catalog) -> Candidate:
    """Give the catalog entry of a model that was found; raises CatalogError as :func:`with_found_models`."""
    values: dict[str, Any] = {}
    if model.base is not None:
        if model.base not in catalog.names:
            raise CatalogError(f"model {model.name!r}: its base {model.base!r} is no candidate; add that one first")
        values = {key: value for key, value in candidate_to_dict(catalog[model.base]).items() if key not in OWN}
        values["category"] = Category.FINE_TUNED
    return candidate_from_dict({**values, **model.values, "name": model.name})
