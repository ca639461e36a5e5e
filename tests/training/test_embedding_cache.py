"""The cache of embeddings on disk."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from arbiter.encoders import HashingEncoder
from arbiter.errors import MissingExtraError
from arbiter_training.embedding_cache import CachedEncoder


class Counting(HashingEncoder):
    """An encoder that notes what it is asked."""

    def __init__(self, dim: int = 16) -> None:
        super().__init__(dim)
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Note, and encode."""
        self.asked.extend(texts)
        return super().encode(texts)


TEXTS = ["one text", "another", "one text", "", "\ud800"]


def test_each_text_is_encoded_once(tmp_path: Path) -> None:
    """A second run asks the encoder nothing and gets the same bits."""
    first, second = Counting(), Counting()
    vectors = CachedEncoder(first, tmp_path).encode(TEXTS)
    assert sorted(first.asked) == sorted(set(TEXTS))
    np.testing.assert_array_equal(CachedEncoder(second, tmp_path).encode(TEXTS), vectors)
    np.testing.assert_array_equal(vectors, HashingEncoder(16).encode(TEXTS))
    assert second.asked == []


def test_only_new_texts_are_encoded(tmp_path: Path) -> None:
    """Texts are added to those that are known."""
    encoder = Counting()
    cached = CachedEncoder(encoder, tmp_path)
    cached.encode(["a b", "c d"])
    cached.encode(["c d", "e f"])
    assert encoder.asked == ["a b", "c d", "e f"]


def test_another_encoder_has_vectors_of_its_own(tmp_path: Path) -> None:
    """The fingerprint is part of the key."""
    CachedEncoder(HashingEncoder(16), tmp_path).encode(TEXTS)
    assert CachedEncoder(HashingEncoder(32), tmp_path).encode(TEXTS).shape == (5, 32)


@pytest.mark.parametrize("damage", [b"", b"x" * 10, None])
def test_a_damaged_file_is_computed_again(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Emptied, replaced or cut short: the damage is said, the vectors are right, and the file is whole again."""
    expected = CachedEncoder(Counting(), tmp_path).encode(["a b"])
    (path,) = tmp_path.rglob("*.joblib")
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    np.testing.assert_array_equal(CachedEncoder(Counting(), tmp_path).encode(["a b"]), expected)
    assert "computed again" in caplog.text
    again = Counting()
    CachedEncoder(again, tmp_path).encode(["a b"])
    assert again.asked == []


def test_no_texts_touch_no_disk(tmp_path: Path) -> None:
    """An empty batch is one of none, and leaves no folder behind."""
    assert CachedEncoder(HashingEncoder(16), tmp_path).encode([]).shape == (0, 16)
    assert list(tmp_path.iterdir()) == []


def test_to_a_bundle_it_is_the_encoder_inside(tmp_path: Path) -> None:
    """State, dimension and fingerprint are those of the encoder inside."""
    inside = HashingEncoder(16)
    cached = CachedEncoder(inside, tmp_path)
    assert (cached.dim, cached.fingerprint) == (inside.dim, inside.fingerprint)
    assert cached.to_state().kind == "hashing_encoder"


def test_a_missing_joblib_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without joblib the error names the extra."""
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(MissingExtraError, match=r"arbiter-router\[train\]"):
        CachedEncoder(HashingEncoder(16), tmp_path).encode(["a b"])
