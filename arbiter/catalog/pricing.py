"""Candidates for models that no catalog names: price and limits from litellm, the rest guessed from the price."""

from collections.abc import Iterable
from dataclasses import replace

from arbiter.catalog.catalog import Catalog
from arbiter.catalog.litellm_prices import PriceEntry, litellm_entry, litellm_installed
from arbiter.errors import CatalogError
from arbiter.records import Candidate
from arbiter.vocabulary import Category, Tier

_LOCAL_PROVIDERS = frozenset({"ollama", "ollama_chat", "vllm", "hosted_vllm", "llamafile", "lm_studio", "xinference"})

FRONTIER_FROM_USD_PER_MTOK = 6.7
"""Blended price from which a model is taken for frontier: geometric mean of the tiers' typical 3 and 15 dollars."""

BALANCED_FROM_USD_PER_MTOK = 0.87
"""Blended price from which a model is taken for balanced: geometric mean of the tiers' typical .25 and 3 dollars."""

# Priors of a model known by its price alone, per tier: quality, time to first token (s), output tokens per second.
_PRIORS = {
    Tier.FRONTIER: (0.88, 1.5, 60.0),
    Tier.BALANCED: (0.80, 0.8, 80.0),
    Tier.FAST: (0.65, 0.4, 120.0),
    Tier.LOCAL: (0.60, 0.2, 40.0),
}
_CATEGORIES = {
    Tier.FRONTIER: Category.FRONTIER,
    Tier.BALANCED: Category.BALANCED,
    Tier.FAST: Category.FAST,
    Tier.LOCAL: Category.OPEN_SOURCE,
}
_DEFAULT_WINDOW_TOKENS = 8192  # the smallest window of chat models still offered: too small is safe, too large is not


def candidate_from_log(name: str) -> Candidate:
    """Make a candidate of a model that is known by its name alone.

    Parameters
    ----------
    name : as the log writes it; the candidate keeps it.

    Returns
    -------
    candidate : price, windows and capabilities from litellm's table; the tier is guessed from the price, and the
        ratings and latencies are the tier's priors.

    Raises
    ------
    CatalogError
        If the price is not known; the message gives the table to add to a catalog.
    """
    entry = litellm_entry(name)
    if entry is None:
        raise CatalogError(_asks_for_price([name]))
    tier = _tier(entry)
    quality, ttft_s, speed = _PRIORS[tier]
    window = entry.context_window_tokens or _DEFAULT_WINDOW_TOKENS
    return Candidate(
        name=name,
        provider=entry.provider,
        tier=tier,
        category=_CATEGORIES[tier],
        litellm_model=None if entry.key == name else entry.key,
        context_window_tokens=window,
        max_output_tokens=min(entry.max_output_tokens or window, window),
        usd_per_mtok_in=entry.usd_per_mtok_in,
        usd_per_mtok_out=entry.usd_per_mtok_out,
        usd_per_mtok_cached_in=entry.usd_per_mtok_cached_in,
        usd_per_mtok_batch_in=entry.usd_per_mtok_batch_in,
        usd_per_mtok_batch_out=entry.usd_per_mtok_batch_out,
        capabilities=entry.capabilities,
        quality=quality,
        ttft_s=ttft_s,
        output_tokens_per_s=speed,
        deprecation_date=entry.deprecation_date,
    )


def catalog_for_log(names: Iterable[str], known: Catalog | None = None) -> Catalog:
    """Make the catalog of a log: one candidate per model name that occurs in it, under that name.

    Parameters
    ----------
    names : distinct model names of the log.
    known : a catalog whose entries are preferred (found by :meth:`Catalog.resolve`); None takes the default one.

    Returns
    -------
    catalog : one entry per name, in the given order.

    Raises
    ------
    CatalogError
        If the price of a name is not known; one line with all such names.
    """
    known = Catalog.default() if known is None else known
    candidates: list[Candidate] = []
    unknown: list[str] = []
    for name in names:
        found, entry = known.resolve(name), litellm_entry(name)
        if found is not None and (name in known or not _exactly_another(entry, name, found)):
            candidates.append(_renamed(found, name))
        elif entry is not None:
            candidates.append(candidate_from_log(name))
        else:
            unknown.append(name)
    if unknown:
        raise CatalogError(_asks_for_price(unknown))
    return Catalog(candidates)


def _exactly_another(entry: PriceEntry | None, name: str, found: Candidate) -> bool:
    """Tell whether litellm knows ``name`` to the letter at another price: then it is another version of ``found``."""
    if entry is None or entry.key != name:
        return False
    return (entry.usd_per_mtok_in, entry.usd_per_mtok_out) != (found.usd_per_mtok_in, found.usd_per_mtok_out)


def _renamed(candidate: Candidate, name: str) -> Candidate:
    if candidate.name == name:
        return candidate
    callable_as = candidate.litellm_model or candidate.name
    return replace(candidate, name=name, litellm_model=None if callable_as == name else callable_as)


def _asks_for_price(names: list[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    source = (
        "litellm's table has no such model"
        if litellm_installed()
        else "litellm, which brings a price table, is not installed"
    )
    return (
        f"no price is known for {listed} ({source}); add to your catalog, per model: [[model]] name, provider, tier, "
        "category, context_window_tokens, max_output_tokens, usd_per_mtok_in, usd_per_mtok_out"
    )


def _tier(entry: PriceEntry) -> Tier:
    if entry.provider in _LOCAL_PROVIDERS:
        return Tier.LOCAL
    blended = 0.75 * entry.usd_per_mtok_in + 0.25 * entry.usd_per_mtok_out  # three tokens in for one out
    if blended >= FRONTIER_FROM_USD_PER_MTOK:
        return Tier.FRONTIER
    return Tier.BALANCED if blended >= BALANCED_FROM_USD_PER_MTOK else Tier.FAST
