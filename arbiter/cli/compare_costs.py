"""`arbiter compare-costs`."""

from typing import Annotated

import typer

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json


def compare_costs(
    tokens_in: Annotated[int, typer.Option("--input", min=0, help="Input tokens of one request.")],
    tokens_out: Annotated[int, typer.Option("--output", min=0, help="Output tokens of its answer.")],
    cached: Annotated[int, typer.Option(min=0, help="Of the input tokens, those in the prompt cache.")] = 0,
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """Give the price of one request on every model: list, with a prompt cache, and in a batch; cheapest first."""
    from arbiter.catalog import Catalog, read_catalog
    from arbiter.errors import InvalidInputError
    from arbiter.planned_costs import price_list

    if cached > tokens_in:
        raise InvalidInputError(f"--cached {cached} is above --input {tokens_in}; it counts a part of the input")
    rows = price_list(read_catalog(catalog) if catalog else Catalog.default(), tokens_in, tokens_out, cached)
    if as_json:
        show_json(list(rows))
        return
    width = max((len(row.model) for row in rows), default=5)
    show([f"{'model':<{width}} {'list $':>11} {'cached $':>11} {'batch $':>11}  {'x':>6}  status"])
    show(
        f"{row.model:<{width}} {row.list_usd:>11.6f} {_price(row.cached_usd)} {_price(row.batch_usd)}  "
        f"{_times(row.times_cheapest)}  {row.status}"
        for row in rows
    )


def _price(usd: float | None) -> str:
    return f"{'-':>11}" if usd is None else f"{usd:>11.6f}"


def _times(times: float | None) -> str:
    return f"{'-':>6}" if times is None else f"{times:>6.1f}"
