"""Models of the user's own are found and become candidates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.errors import CatalogError
from arbiter.governance import FoundModel, Governance, MlflowFoundry, TomlFoundry, with_found_models
from arbiter.service import Arbiter, ServiceOptions
from arbiter.vocabulary import Category

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini"])
ROUTER = cold_start_router(CATALOG)
TUNED = "ft:gpt-4o-mini:acme:support"
TOML = f"""
[[model]]
name = "{TUNED}"
base = "gpt-4o-mini"
usd_per_mtok_in = 0.3
usd_per_mtok_out = 1.2
"""


def foundry(tmp_path: Path, text: str) -> TomlFoundry:
    path = tmp_path / "foundry.toml"
    path.write_text(text, encoding="utf-8")
    return TomlFoundry(path)


def test_a_tuned_model_takes_its_bases_entry_save_where_the_file_says_otherwise(tmp_path: Path) -> None:
    """Window and tier are the base's, prices its own; it is expected to answer as well as its base."""
    served = Arbiter(ROUTER, options=ServiceOptions(seed=0, governance=Governance(foundry=foundry(tmp_path, TOML))))
    assert served.discover() == (TUNED,)
    found, base = served.router.catalog[TUNED], CATALOG["gpt-4o-mini"]
    assert (found.usd_per_mtok_in, found.usd_per_mtok_out) == (0.3, 1.2)
    assert (found.tier, found.context_window_tokens, found.provider) == (
        base.tier,
        base.context_window_tokens,
        base.provider,
    )
    assert (found.category, found.litellm_model) == (Category.FINE_TUNED, None)
    decision = served.route("Say hello")
    assert decision.estimates[TUNED].quality == pytest.approx(decision.estimates["gpt-4o-mini"].quality)
    assert served.discover() == ()  # what is known is not added twice


def test_without_a_foundry_nothing_is_found() -> None:
    """And nothing changes."""
    served = Arbiter(ROUTER)
    assert served.discover() == ()
    assert served.router is served.router


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[model]]\nbase = 'gpt-4o'", "1 has no name"),
        (TOML + TOML, "is given twice"),
        ("[[modell]]\nname = 'x'", "unknown table 'modell'"),
        ("[[model", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    """In one line, with the file."""
    with pytest.raises(CatalogError, match=said):
        foundry(tmp_path, text).models()
    with pytest.raises(CatalogError, match="cannot read the catalog"):
        TomlFoundry(tmp_path / "none.toml").models()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (FoundModel(name="x", base="gpt-9"), "its base 'gpt-9' is no candidate"),
        (FoundModel(name="x", values={"tier": "fast"}), "key 'provider' is missing"),
        (FoundModel(name="x", base="gpt-4o", values={"usd_per_mtok": 3}), "unknown key 'usd_per_mtok'"),
    ],
)
def test_a_wrong_entry_adds_nothing(model: FoundModel, said: str) -> None:
    """The router stays as it is, with the good ones before it left out, too."""
    good = FoundModel(name=TUNED, base="gpt-4o-mini")
    with pytest.raises(CatalogError, match=said):
        with_found_models(ROUTER, [good, model])
    assert TUNED not in ROUTER.catalog.names


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Give an MLflow registry with a tuned model that serves, one that does not, and one that is none of ours."""
    from arbiter.integrations.quiet_mlflow import calm, import_mlflow

    mlflow = import_mlflow()
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with calm():
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        for name, tags in (
            ("support", {"arbiter.base": "gpt-4o-mini"}),
            ("later", {"arbiter.base": "gpt-4o"}),
            ("other", {}),
        ):
            client.create_registered_model(name, tags=tags)
        tags = {"arbiter.name": TUNED, "arbiter.usd_per_mtok_in": "0.3", "arbiter.litellm_model": "openai/ft-1"}
        for name in ("support", "other"):
            version = client.create_model_version(name, source=str(tmp_path), tags=tags if name == "support" else {})
            client.set_registered_model_alias(name, "champion", version.version)
    yield uri


def test_an_mlflow_registry_is_a_foundry(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By tags of model and version; numbers are numbers. What has no version under the alias is left out."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (found,) = MlflowFoundry(registry_uri=registry).models()
    assert found == FoundModel(
        name=TUNED, base="gpt-4o-mini", values={"usd_per_mtok_in": 0.3, "litellm_model": "openai/ft-1"}
    )
    router = with_found_models(ROUTER, [found])
    assert router.catalog[TUNED].litellm_model == "openai/ft-1"
    assert MlflowFoundry("challenger", registry).models() == ()
    assert list(Path().iterdir()) == [], "a store that nobody asked for"


def test_a_registry_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    """MLflow would make an empty one."""
    with pytest.raises(CatalogError, match="there is no MLflow store"):
        MlflowFoundry(registry_uri=f"sqlite:///{tmp_path / 'none.db'}").models()
    assert list(tmp_path.iterdir()) == []
