"""The catalog as a collection, and the entries that are shipped."""

import datetime
import json
from dataclasses import replace

import numpy as np
import pytest

from arbiter.catalog import Catalog, SearchCriteria, candidate_from_dict, candidate_to_dict, litellm_entry
from arbiter.errors import CatalogError
from arbiter.records import Candidate
from arbiter.vocabulary import Capability, Category, Status, Tier


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.default()


def make(name: str = "a", **changes: object) -> Candidate:
    values: dict[str, object] = {
        "name": name,
        "provider": "p",
        "tier": "fast",
        "category": "fast",
        "context_window_tokens": 1000,
        "max_output_tokens": 500,
        "usd_per_mtok_in": 1.0,
        "usd_per_mtok_out": 2.0,
    }
    return candidate_from_dict(values | changes)


def test_every_entry_survives_json(catalog: Catalog) -> None:
    """A candidate is equal to what comes back from its JSON text."""
    for candidate in catalog:
        assert candidate_from_dict(json.loads(json.dumps(candidate_to_dict(candidate)))) == candidate


def test_state_round_trip_is_exact(catalog: Catalog) -> None:
    """A catalog is equal to what is rebuilt from its state."""
    state = catalog.to_state()
    assert state.kind == "catalog"
    assert Catalog.from_state(state) == catalog
    assert Catalog.from_state(state).fingerprint == catalog.fingerprint


def test_changes_make_new_catalogs(catalog: Catalog) -> None:
    """with_candidate, without, replace and subset leave the catalog they start from as it was."""
    before = catalog.names
    assert catalog.with_candidate(make("new")).names == (*before, "new")
    assert "gpt-5" not in catalog.without("gpt-5")
    changed = catalog.replace("gpt-5", usd_per_mtok_in=9.0)
    assert (changed["gpt-5"].usd_per_mtok_in, changed.names) == (9.0, before)
    assert catalog.subset(["gpt-4o", "gpt-5"]).names == ("gpt-4o", "gpt-5")
    assert catalog.names == before
    assert changed.fingerprint != catalog.fingerprint


def test_arrays_follow_the_order(catalog: Catalog) -> None:
    """Row i of every array is candidate i; the cached price falls back to the list price."""
    arrays = catalog.arrays
    prices = [candidate.usd_per_mtok_in for candidate in catalog]
    np.testing.assert_array_equal(arrays.usd_per_mtok_in, prices)
    row = catalog.position("llama-3.1-70b")
    assert catalog["llama-3.1-70b"].usd_per_mtok_cached_in is None
    assert arrays.usd_per_mtok_cached_in[row] == arrays.usd_per_mtok_in[row]
    assert not arrays.quality.flags.writeable
    assert catalog.arrays is arrays


def test_search_returns_what_fulfils_all_criteria(catalog: Catalog) -> None:
    """Every found candidate meets the criteria and every other one breaks at least one."""
    criteria = SearchCriteria(
        capability=Capability.VISION,
        max_usd_per_mtok_in=3.0,
        max_usd_per_mtok_out=10.0,
        min_quality=0.8,
        max_latency_s=8,
    )
    found = {candidate.name for candidate in catalog.search(criteria)}
    for c in catalog:
        fits = Capability.VISION in c.capabilities and c.usd_per_mtok_in <= 3 and c.usd_per_mtok_out <= 10
        fits = fits and c.quality >= 0.8 and c.ttft_s + 300 / c.output_tokens_per_s <= 8
        assert (c.name in found) == fits
    assert "gpt-4o" in found
    assert catalog.search(SearchCriteria()) == catalog.candidates
    local = catalog.search(SearchCriteria(tier=Tier.LOCAL, category=Category.OPEN_SOURCE, provider="ollama"))
    assert [c.name for c in local] == ["llama-3.1-8b-local"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"usd_per_mtok_in": -1.0}, "usd_per_mtok_in = -1.0 is negative"),
        ({"tier": "fronteir"}, "did you mean 'frontier'"),
        ({"status": "availble"}, "did you mean 'available'"),
        ({"capabilities": ["visoin"]}, "did you mean 'vision'"),
        ({"context_window_tokens": 0}, "context_window_tokens = 0 must be"),
        ({"quality": 1.2}, "quality = 1.2 lies outside [0, 1]"),
        ({"safety": float("nan")}, "safety = nan must be a finite number"),
        ({"qualty": 0.5}, "unknown key 'qualty'; did you mean 'quality'"),
        ({"release_date": "soon"}, "release_date = 'soon' is not a date"),
        ({"max_output_tokens": 2000}, "above context_window_tokens"),
        ({"regions": "eu"}, "must be a list"),
        ({"context_window_tokens": True}, "context_window_tokens = True"),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(change: dict[str, object], said: str) -> None:
    """The message holds the key, the value and what would be right, in one line."""
    with pytest.raises(CatalogError) as caught:
        make(**change)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_catalogs_made_in_code_are_checked_too() -> None:
    """Repeated names and wrong records are reported together."""
    with pytest.raises(CatalogError, match=r"'a' occurs twice.*quality = 3"):
        Catalog([make("a"), make("a"), replace(make("b"), quality=3)])


def test_unknown_names_get_the_nearest(catalog: Catalog) -> None:
    """Asking for a model that is not there names the nearest one, and an unknown field likewise."""
    with pytest.raises(CatalogError, match="did you mean 'gpt-4o-mini'"):
        catalog["gpt-4o-mni"]
    with pytest.raises(CatalogError, match="did you mean 'quality'"):
        catalog.replace("gpt-4o", qualty=0.5)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("google/gemini-2.5-pro", "gemini-2.5-pro"),
        ("meta-llama/llama-3.1-8b-instruct", "llama-3.1-8b"),
        ("mistralai/mistral-large-2512", "mistral-large-2512"),
        ("openai/GPT-4o", "gpt-4o"),
        ("Meta-Llama-3_1-70B-Instruct", "llama-3.1-70b"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"),
    ],
)
def test_names_of_logs_are_resolved(catalog: Catalog, written: str, meant: str) -> None:
    """Prefixes, case and -instruct do not hide a model."""
    found = catalog.resolve(written)
    assert found is not None and found.name == meant


def test_what_is_not_there_is_not_resolved(catalog: Catalog) -> None:
    """A name that resembles none stays unknown: no wrong model for a close name."""
    assert catalog.resolve("gpt-4") is None
    assert catalog.resolve("llama-3.1-405b-instruct") is None


def test_the_default_names_every_model_of_the_older_systems(catalog: Catalog) -> None:
    """Registry, selector defaults, a local class and the models of the demo's log are all there."""
    registry = (
        "claude-opus-4-5 claude-sonnet-4 claude-haiku-3-5 gpt-5 gpt-4o gpt-4o-mini deepseek-r1 gemini-2.0-pro "
        "gemini-2.0-flash deepseek-v3 llama-3.1-70b llama-3.1-8b claude-3-sonnet mistral-large-2512 gemini-2.5-pro "
        "gemini-2.5-flash"
    )
    assert set(registry.split()) <= set(catalog.names)
    assert {candidate.tier for candidate in catalog} == set(Tier)


def test_retired_models_are_not_available(catalog: Catalog) -> None:
    """Who has a deprecation date in the past of the price table (November 2026) is marked deprecated."""
    for candidate in catalog:
        if candidate.deprecation_date and candidate.deprecation_date < datetime.date(2026, 11, 21).isoformat():
            assert candidate.status is Status.DEPRECATED, candidate.name


def test_prices_are_those_of_litellm(catalog: Catalog) -> None:
    """Prices, windows and output limits equal litellm's entry wherever there is one."""
    if litellm_entry("gpt-4o") is None:
        pytest.skip("litellm is not installed")
    without_entry = []
    for candidate in catalog:
        entry = litellm_entry(candidate.litellm_model or candidate.name)
        if entry is None:
            without_entry.append(candidate.name)
            continue
        assert entry.key == (candidate.litellm_model or candidate.name), "litellm_model must be litellm's own key"
        assert entry.provider == candidate.provider
        for field in ("in", "out", "cached_in", "batch_in", "batch_out"):
            assert getattr(candidate, f"usd_per_mtok_{field}") == getattr(entry, f"usd_per_mtok_{field}"), (
                candidate.name
            )
        assert entry.context_window_tokens in (None, candidate.context_window_tokens)
        assert entry.max_output_tokens in (None, candidate.max_output_tokens)
    assert without_entry == ["gemini-2.0-pro"]
