"""Catalog files: what is written reads back, and mistakes of editing are named."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arbiter.catalog import Catalog, candidate_from_dict, read_catalog, write_catalog
from arbiter.errors import CatalogError

ENTRY = """
[[model]]
name = "{name}"
provider = "p"
tier = "{tier}"
category = "fast"
context_window_tokens = {window}
max_output_tokens = 10
usd_per_mtok_in = {price}
usd_per_mtok_out = 1
"""


def entry(name: str = "a", tier: str = "fast", window: int = 100, price: float = 1) -> str:
    return ENTRY.format(name=name, tier=tier, window=window, price=price)


def test_the_default_survives_writing_and_reading(tmp_path: Path) -> None:
    """read(write(catalog)) equals the catalog."""
    write_catalog(Catalog.default(), tmp_path / "c.toml")
    assert read_catalog(tmp_path / "c.toml") == Catalog.default()
    assert (tmp_path / "c.toml").read_text().startswith("#")
    assert [file.name for file in tmp_path.iterdir()] == ["c.toml"]


characters = st.characters(exclude_categories=("Cs",))  # a lone surrogate cannot be written as UTF-8
texts = st.text(characters, min_size=1, max_size=20).filter(lambda text: text == text.strip())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=texts, price=st.floats(0, 1e6), tags=st.lists(texts, max_size=3))
def test_any_text_and_number_survives(tmp_path: Path, name: str, price: float, tags: list[str]) -> None:
    """Quotes, control characters, other scripts and every float come back as they were."""
    values = {
        "name": name,
        "provider": "p",
        "tier": "fast",
        "category": "fast",
        "context_window_tokens": 10,
        "max_output_tokens": 10,
        "usd_per_mtok_in": price,
        "usd_per_mtok_out": price,
        "regions": tags,
    }
    catalog = Catalog([candidate_from_dict(values)])
    write_catalog(catalog, tmp_path / "c.toml")
    assert read_catalog(tmp_path / "c.toml") == catalog


def test_all_problems_of_a_file_come_in_one_line(tmp_path: Path) -> None:
    """The message names the file, each table, key and value, and the nearest valid name."""
    file = tmp_path / "mine.toml"
    file.write_text(entry("a", tier="fsat") + entry("b", price=-2) + entry("b", window=-1) + "[settings]\nx = 1\n")
    with pytest.raises(CatalogError) as caught:
        read_catalog(file)
    said = str(caught.value)
    assert "\n" not in said
    for part in (
        "mine.toml",
        "[[model]] 1 'a': tier = 'fsat'",
        "did you mean 'fast'",
        "[[model]] 2 'b': usd_per_mtok_in = -2 is negative",
        "context_window_tokens = -1",
        "name = 'b' is taken by [[model]] 2",
        "unknown table 'settings'",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no [[model]] table"),
        ("[model]\nname = 'a'", "two brackets"),
        ("[[model]\n", "is not a TOML file"),
        ("[[modle]]\nname = 'a'", "did you mean 'model'"),
        ("[[model]]\nname = 3", "name = 3 must be a text"),
        ("[[model]]\nname = 'a'", "key 'provider' is missing"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Every way to spoil the file gives a CatalogError with the remedy."""
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(CatalogError) as caught:
        read_catalog(tmp_path / "c.toml")
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that does not exist, or is no file, is in the message."""
    with pytest.raises(CatalogError, match=r"absent\.toml"):
        read_catalog(tmp_path / "absent.toml")
    with pytest.raises(CatalogError, match="cannot write"):
        write_catalog(Catalog.default(), tmp_path / "no" / "where.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogError, match="not a TOML file"):
        read_catalog(tmp_path / "bytes.toml")
