"""`arbiter models`."""

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json


def models(
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """List the candidates of a catalog with prices per million tokens, window, tier and status."""
    from arbiter.catalog import Catalog, read_catalog

    chosen = read_catalog(catalog) if catalog else Catalog.default()
    if as_json:
        show_json(chosen.to_dicts())
        return
    width = max(len(name) for name in chosen.names)
    show([f"{'model':<{width}}  {'provider':<12} {'tier':<12} {'in $/M':>8} {'out $/M':>8} {'window':>9}  status"])
    show(
        f"{c.name:<{width}}  {c.provider:<12} {c.tier:<12} {c.usd_per_mtok_in:>8.3g} {c.usd_per_mtok_out:>8.3g} "
        f"{c.context_window_tokens:>9}  {c.status}"
        for c in chosen.candidates
    )
