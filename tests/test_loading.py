"""Where bundles are found: the shipped default, a folder, a registry."""

from pathlib import Path

import pytest
from small_world import small_base

import arbiter.loading
from arbiter.bundle import save_bundle
from arbiter.errors import BundleError, MissingExtraError
from arbiter.loading import default_bundle, load_router


def test_the_first_place_that_holds_a_bundle_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wheel it lies inside the package; in a checkout beside it."""
    places = (tmp_path / "absent", tmp_path / "beside")
    monkeypatch.setattr(arbiter.loading, "DEFAULT_PLACES", places)
    with pytest.raises(BundleError, match=r"lacks the default bundle .*absent"):
        load_router()
    save_bundle(small_base(), places[1])
    assert default_bundle() == places[1]
    assert load_router().catalog.names == small_base().catalog.names


def test_this_installation_has_a_default() -> None:
    """Whether from a checkout or a wheel."""
    assert load_router().catalog.names


def test_the_default_is_small() -> None:
    """All files of the shipped bundle together take less than 25 MB, as a package index and a cold start like it."""
    assert sum(path.stat().st_size for path in default_bundle().iterdir()) < 25_000_000


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_loaded_by_its_path(tmp_path: Path, kind: type) -> None:
    """As text or as path."""
    save_bundle(small_base(), tmp_path / "bundle")
    assert load_router(kind(tmp_path / "bundle")).settings == small_base().settings


def test_a_registry_without_mlflow_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base installation does not bring it."""
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[train\]'"):
        load_router("models:/arbiter@champion")
