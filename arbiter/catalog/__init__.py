"""Candidate LLMs: prices per million tokens, windows, tiers, capabilities, status; and where prices come from."""

from arbiter.catalog.catalog import Catalog, CatalogArrays, SearchCriteria
from arbiter.catalog.entry import candidate_from_dict, candidate_to_dict
from arbiter.catalog.files import read_catalog, write_catalog
from arbiter.catalog.litellm_prices import PriceEntry, litellm_entry
from arbiter.catalog.pricing import candidate_from_log, catalog_for_log

__all__ = [
    "Catalog",
    "CatalogArrays",
    "PriceEntry",
    "SearchCriteria",
    "candidate_from_dict",
    "candidate_from_log",
    "candidate_to_dict",
    "catalog_for_log",
    "litellm_entry",
    "read_catalog",
    "write_catalog",
]
