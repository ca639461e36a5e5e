"""What one request of given length costs on every model: at list prices, with a prompt cache, and in a batch."""

from dataclasses import dataclass

import numpy as np

from arbiter.catalog import Catalog
from arbiter.estimates import billing
from arbiter.records import Query
from arbiter.vocabulary import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedModel:
    """The price of one request on one model, in US dollars.

    Attributes
    ----------
    model, status : of the catalog.
    list_usd : at list prices.
    cached_usd : where the cached part of the input is billed as such; None where the model has no such price.
    batch_usd : where the answer can wait; None where the model has no such price.
    times_cheapest : the list price over the least one above 0; None for what is free.
    """

    model: str
    status: Status
    list_usd: float
    cached_usd: float | None
    batch_usd: float | None
    times_cheapest: float | None


def price_list(catalog: Catalog, tokens_in: int, tokens_out: int, cached: int = 0) -> tuple[PricedModel, ...]:
    """Price one request on every model, cheapest first.

    Parameters
    ----------
    catalog : the models.
    tokens_in, tokens_out : of the request and its answer.
    cached : of the input tokens, those that the prompt cache holds.
    """
    queries = [
        Query(text="", input_tokens=tokens_in),
        Query(text="", input_tokens=tokens_in, cached_input_tokens=cached),
        Query(text="", input_tokens=tokens_in, cached_input_tokens=cached, batch=True),
    ]
    usd = billing.cost_usd(queries, catalog, np.full((len(queries), len(catalog)), float(tokens_out)))
    paid = usd[0][usd[0] > 0]
    rows = []
    for candidate, listed, with_cache, batch in zip(catalog, *usd.tolist(), strict=True):
        has_batch = candidate.usd_per_mtok_batch_in is not None or candidate.usd_per_mtok_batch_out is not None
        rows.append(
            PricedModel(
                model=candidate.name,
                status=candidate.status,
                list_usd=listed,
                cached_usd=None if candidate.usd_per_mtok_cached_in is None else with_cache,
                batch_usd=batch if has_batch else None,
                times_cheapest=listed / float(paid.min()) if listed > 0 else None,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.list_usd, row.model)))
