"""Encoders of the library sentence-transformers."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from arbiter.encoders import SentenceTransformerEncoder
from arbiter.encoders.sentence_transformer import BUNDLED, verify_bundled
from arbiter.encoders.wordpiece import WordPieces
from arbiter.errors import BundleError, InvalidInputError, MissingExtraError

needs_minilm = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in (BUNDLED, "sentence_transformers")),
    reason="the extra [minilm] is not installed",
)


@needs_minilm
def test_meaning_is_near_and_the_screen_stays_clean(capfd: pytest.CaptureFixture[str]) -> None:
    """Paraphrases are near, other subjects are not, and loading writes nothing."""
    a, b, c = SentenceTransformerEncoder.bundled().encode(
        ["How do I sort a list?", "Ordering the elements of an array", "Recipes for tomato soup"]
    )
    assert a @ b > 0.4 > 0.25 > a @ c
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@needs_minilm
def test_a_folder_is_as_good_as_a_name() -> None:
    """The model's folder gives the vectors of its name, under a fingerprint of its weights."""
    folder = Path(str(importlib.util.find_spec(BUNDLED).origin)).parent / "model"
    by_folder, by_name = SentenceTransformerEncoder(str(folder)), SentenceTransformerEncoder.bundled()
    np.testing.assert_array_equal(by_folder.encode(["router"]), by_name.encode(["router"]))
    assert str(folder) not in by_folder.fingerprint


@pytest.mark.slow
@needs_minilm
def test_each_token_has_a_vector() -> None:
    """A token's own vector is that of the one-token text."""
    encoder = SentenceTransformerEncoder.bundled()
    vectors, tokenizer = encoder.token_vectors()
    (token,) = WordPieces(tokenizer).ids("cheap")
    np.testing.assert_allclose(vectors[token], encoder.encode(["cheap"])[0], atol=1e-5)


def test_changed_weights_are_not_loaded(tmp_path: Path) -> None:
    """Weights with another hash than the published one are refused."""
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(BundleError, match="has sha256"):
        verify_bundled(tmp_path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    """An incomplete package says how to repair it."""
    with pytest.raises(BundleError, match="reinstall"):
        verify_bundled(tmp_path)


def test_making_one_loads_nothing() -> None:
    """A wrong name is noticed at first use, not before."""
    assert SentenceTransformerEncoder("/no/such/folder").to_state().settings["name"] == "/no/such/folder"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sentence-transformers the error names the extra."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"arbiter-router\[minilm\]"):
        SentenceTransformerEncoder("any").encode(["text"])


@needs_minilm
def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    """An empty folder is refused by its name, without asking any network."""
    with pytest.raises(InvalidInputError, match="finds no model"):
        SentenceTransformerEncoder(str(tmp_path)).encode(["text"])


@pytest.mark.parametrize("settings", [{"dtype": "int4"}, {"batch_size": 0}])
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """A setting that cannot work is refused when it is given."""
    with pytest.raises(InvalidInputError, match="got"):
        SentenceTransformerEncoder("any", **settings)
