"""The price table that litellm bundles, read from its file; litellm itself is not imported."""

import functools
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbiter.catalog.naming import loose_name, short_name
from arbiter.vocabulary import Capability

TABLE = "model_prices_and_context_window_backup.json"
_CHAT_MODES = ("chat", "completion", "responses")
_FIRST_PARTIES = frozenset(
    {
        "anthropic",
        "openai",
        "gemini",
        "mistral",
        "deepseek",
        "cohere_chat",
        "xai",
        "meta",
        "ai21",
        "moonshot",
        "zai",
    }
)
_SUPPORTS = {
    Capability.TOOLS: "supports_function_calling",
    Capability.VISION: "supports_vision",
    Capability.AUDIO: "supports_audio_input",
    Capability.JSON_MODE: "supports_response_schema",
    Capability.REASONING: "supports_reasoning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEntry:
    """What litellm's table knows of one model.

    Attributes
    ----------
    key : the name that litellm takes.
    provider : litellm's provider, without its subdivisions.
    usd_per_mtok_in, usd_per_mtok_out : list prices, US dollars per million tokens.
    usd_per_mtok_cached_in, usd_per_mtok_batch_in, usd_per_mtok_batch_out : discounts; None where there are none.
    context_window_tokens, max_output_tokens : limits; None where the table has none.
    capabilities : what the table says it supports.
    deprecation_date : ISO date or None.
    """

    key: str
    provider: str
    usd_per_mtok_in: float
    usd_per_mtok_out: float
    usd_per_mtok_cached_in: float | None
    usd_per_mtok_batch_in: float | None
    usd_per_mtok_batch_out: float | None
    context_window_tokens: int | None
    max_output_tokens: int | None
    capabilities: frozenset[Capability]
    deprecation_date: str | None


def litellm_entry(name: str) -> PriceEntry | None:
    """Look a model up in litellm's bundled table.

    Exact names come first, then names without case, without provider path, and without ``-instruct``, dates and
    vendor prefixes. Where several providers sell the model, the longest agreement in the path decides, then its
    maker, then the provider with the median price.

    Parameters
    ----------
    name : as a log or a catalog writes it.

    Returns
    -------
    entry : what the table knows; None where litellm is not installed or has no such model.
    """
    table = _table()
    if name in table:
        return _entry(name, table[name])
    for form, index in zip((str.lower, short_name, loose_name), _indexes(), strict=True):
        keys = index.get(form(name))
        if keys:
            key = _preferred(name, keys)
            return _entry(key, table[key])
    return None


def litellm_installed() -> bool:
    """Tell whether there is a price table to ask."""
    return bool(_table())


@functools.cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    """Give the chat models of the bundled table, empty where litellm is absent; about 30 ms once."""
    found = importlib.util.find_spec("litellm")  # looks for the folder, does not import
    if found is None or found.origin is None:
        return {}
    path = Path(found.origin).with_name(TABLE)
    if not path.is_file():
        return {}
    table = json.loads(path.read_text(encoding="utf-8"))
    return {
        key: entry
        for key, entry in table.items()
        if entry.get("mode") in _CHAT_MODES and "input_cost_per_token" in entry and "output_cost_per_token" in entry
    }


@functools.cache
def _indexes() -> tuple[dict[str, list[str]], ...]:
    indexes: list[dict[str, list[str]]] = []
    for form in (str.lower, short_name, loose_name):
        index: dict[str, list[str]] = {}
        for key in _table():
            index.setdefault(form(key), []).append(key)
        indexes.append(index)
    return tuple(indexes)


def _preferred(name: str, keys: list[str]) -> str:
    table = _table()
    priced = [key for key in keys if table[key]["input_cost_per_token"] > 0] or keys
    agreement = {key: _common_tail(name, key if "/" in key else f"{_provider(table[key])}/{key}") for key in priced}
    best = [key for key in priced if agreement[key] == max(agreement.values())]
    makers = [key for key in best if _provider(table[key]) in _FIRST_PARTIES]
    cheapest_first = sorted(makers or best, key=lambda key: (table[key]["input_cost_per_token"], key))
    return cheapest_first[(len(cheapest_first) - 1) // 2]


def _common_tail(name: str, key: str) -> int:
    """Count the path segments on which two names agree, from the end."""
    pairs = zip(reversed(name.lower().split("/")), reversed(key.lower().split("/")), strict=False)
    agreed = 0
    for ours, theirs in pairs:
        if ours != theirs:
            break
        agreed += 1
    return agreed


def _provider(entry: Mapping[str, Any]) -> str:
    provider = str(entry.get("litellm_provider", "unknown"))
    return provider.split("-")[0].removesuffix("_converse") if provider.startswith(("vertex", "bedrock")) else provider


def _entry(key: str, entry: Mapping[str, Any]) -> PriceEntry:
    return PriceEntry(
        key=key,
        provider=_provider(entry),
        usd_per_mtok_in=_per_mtok(entry, "input_cost_per_token") or 0.0,
        usd_per_mtok_out=_per_mtok(entry, "output_cost_per_token") or 0.0,
        usd_per_mtok_cached_in=_per_mtok(entry, "cache_read_input_token_cost"),
        usd_per_mtok_batch_in=_per_mtok(entry, "input_cost_per_token_batches"),
        usd_per_mtok_batch_out=_per_mtok(entry, "output_cost_per_token_batches"),
        context_window_tokens=_tokens(entry, "max_input_tokens") or _tokens(entry, "max_tokens"),
        max_output_tokens=_tokens(entry, "max_output_tokens") or _tokens(entry, "max_tokens"),
        capabilities=frozenset(capability for capability, flag in _SUPPORTS.items() if entry.get(flag)),
        deprecation_date=entry.get("deprecation_date"),
    )


def _per_mtok(entry: Mapping[str, Any], key: str) -> float | None:
    value = entry.get(key)
    return None if value is None else round(float(value) * 1e6, 9)  # 9 digits: the table's own precision is less


def _tokens(entry: Mapping[str, Any], key: str) -> int | None:
    value = entry.get(key)
    return int(value) if value else None
