"""Prices of models that no catalog names."""

import subprocess
import sys

import pytest

from arbiter.catalog import Catalog, candidate_from_log, catalog_for_log, litellm_entry, litellm_prices
from arbiter.errors import CatalogError
from arbiter.vocabulary import Capability, Tier


@pytest.fixture
def litellm_table() -> None:
    if litellm_entry("gpt-4o") is None:
        pytest.skip("litellm is not installed")


@pytest.fixture
def no_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide litellm as if it were not installed."""
    monkeypatch.setattr(litellm_prices, "_table", lambda: {})
    monkeypatch.setattr(litellm_prices, "_indexes", lambda: ({}, {}, {}))


@pytest.mark.usefixtures("litellm_table")
@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("gpt-4o", "gpt-4o"),
        ("openai/gpt-4.1", "gpt-4.1"),
        ("GPT-4O-MINI", "gpt-4o-mini"),
        ("google/gemini-2.5-pro", None),
        ("mistralai/mistral-large-2512", "mistral/mistral-large-2512"),
    ],
)
def test_names_are_found_through_prefix_and_case(written: str, key: str | None) -> None:
    """Provider prefixes and case do not hide a model; its maker is preferred where the path leaves it open."""
    entry = litellm_entry(written)
    assert entry is not None
    assert key in (None, entry.key)


@pytest.mark.usefixtures("litellm_table")
def test_prices_are_per_million() -> None:
    """GPT-4o costs 2.50 dollars per million tokens in and 10 out, to the digit."""
    entry = litellm_entry("gpt-4o")
    assert entry is not None
    assert (entry.usd_per_mtok_in, entry.usd_per_mtok_out) == (2.5, 10.0)
    assert Capability.VISION in entry.capabilities


@pytest.mark.usefixtures("litellm_table")
def test_a_candidate_of_a_log_keeps_its_name_and_is_valid() -> None:
    """The name is the log's, the rest litellm's, and the tier follows the price."""
    dear, cheap = (
        candidate_from_log("gpt-4-1106-preview"),
        candidate_from_log("mistralai/Mixtral-8x7B-Instruct-v0.1"),
    )
    assert (dear.tier, cheap.tier) == (Tier.FRONTIER, Tier.FAST)
    assert cheap.name == "mistralai/Mixtral-8x7B-Instruct-v0.1"
    assert cheap.litellm_model is not None
    assert candidate_from_log("ollama/llama3").tier is Tier.LOCAL
    assert len(Catalog([dear, cheap])) == 2


@pytest.mark.usefixtures("litellm_table")
def test_a_log_gets_a_catalog_under_its_own_names() -> None:
    """Known entries lend their ratings, a version at another price stays another model, order is kept."""
    names = ["google/gemini-2.5-pro", "gpt-4o-2024-05-13", "gpt-4o"]
    catalog = catalog_for_log(names)
    assert catalog.names == tuple(names)
    assert catalog["google/gemini-2.5-pro"].litellm_model == "gemini/gemini-2.5-pro"
    assert catalog["google/gemini-2.5-pro"].quality == Catalog.default()["gemini-2.5-pro"].quality
    assert catalog["gpt-4o-2024-05-13"].usd_per_mtok_in == 5.0
    assert catalog["gpt-4o"] == Catalog.default()["gpt-4o"]


def test_unknown_models_ask_for_a_price_in_one_line() -> None:
    """All unknown names come together, with the keys to add."""
    with pytest.raises(CatalogError) as caught:
        catalog_for_log(["gpt-4o", "our-own-7b", "our-own-70b"])
    said = str(caught.value)
    assert "'our-own-7b', 'our-own-70b'" in said
    assert "usd_per_mtok_in" in said and "[[model]]" in said and "\n" not in said


@pytest.mark.usefixtures("no_litellm")
def test_without_litellm_the_default_catalog_still_serves() -> None:
    """Absence of litellm is no error until a price is needed that only it knows."""
    assert litellm_entry("gpt-4o") is None
    assert catalog_for_log(["openai/gpt-4o"]).names == ("openai/gpt-4o",)
    with pytest.raises(CatalogError, match="litellm, which brings a price table, is not installed"):
        candidate_from_log("gpt-4-turbo")


def test_litellm_is_not_imported() -> None:
    """Reading its table does not import litellm, which costs seconds."""
    code = "import sys; from arbiter.catalog import litellm_entry as f; f('gpt-4o'); print('litellm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
