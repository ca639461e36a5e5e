"""`arbiter plan catalog`."""

from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.table import rows
from arbiter.vocabulary import Capability, Category

if TYPE_CHECKING:
    from arbiter.records import Candidate

HEAD = ("model", "provider", "category", "in $/M", "out $/M", "quality", "window", "300 tokens", "retires")


def catalog(
    category: Annotated[Category | None, typer.Option(help="Made for this.")] = None,
    capability: Annotated[list[Capability] | None, typer.Option(help="Can do this. May be repeated.")] = None,
    provider: Annotated[str | None, typer.Option(help="Sold by this provider.")] = None,
    max_cost: Annotated[float | None, typer.Option(min=0, help="Input price, US dollars per million tokens.")] = None,
    max_output_cost: Annotated[float | None, typer.Option(min=0, help="Output price, likewise.")] = None,
    min_quality: Annotated[float | None, typer.Option(min=0, max=1, help="Rating in [0, 1].")] = None,
    max_latency: Annotated[float | None, typer.Option(min=0, help="Seconds for an answer of 300 tokens.")] = None,
    file: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """Search the catalog by category, capability, provider, cost, quality and latency."""
    from arbiter.catalog import Catalog, SearchCriteria, read_catalog

    asked = SearchCriteria(
        category=category,
        provider=provider,
        max_usd_per_mtok_in=max_cost,
        max_usd_per_mtok_out=max_output_cost,
        min_quality=min_quality,
        max_latency_s=max_latency,
    )
    wanted = frozenset(capability or ())
    found = [c for c in (read_catalog(file) if file else Catalog.default()).search(asked) if wanted <= c.capabilities]
    if as_json:
        show_json(found)
        return
    show([*rows(HEAD, map(_cells, found), indent=""), f"{len(found)} models"])


def _cells(entry: "Candidate") -> tuple[str, ...]:
    from arbiter.catalog.catalog import typical_latency_s

    return (
        entry.name,
        entry.provider,
        entry.category,
        f"{entry.usd_per_mtok_in:.3g}",
        f"{entry.usd_per_mtok_out:.3g}",
        f"{entry.quality:.2f}",
        f"{entry.context_window_tokens:,}",
        f"{typical_latency_s(entry):.2f} s",
        entry.deprecation_date or ("" if entry.status == "available" else entry.status),
    )
