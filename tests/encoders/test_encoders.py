"""The contract that every encoder keeps."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from tiny_tokenizer import tiny_static_encoder

from arbiter.encoders import (
    Encoder,
    HashingEncoder,
    SentenceTransformerEncoder,
    StudentEncoder,
    StudentWeights,
    encoder_from_state,
)
from arbiter.encoders.registry import ENCODERS
from arbiter.errors import BundleError, MissingExtraError
from arbiter.state import State

TEXTS = ["What is a router?", "the cheap model", "", "   ", "中文 route", "é" * 5, "word " * 3_000, "\ud800", "😀"]


def student() -> StudentEncoder:
    rng = np.random.default_rng(1)
    base = tiny_static_encoder()
    weights = StudentWeights(
        base=rng.normal(size=(base.dim, 12)).astype(np.float16),
        ngrams=rng.normal(size=(64, 12)).astype(np.float16),
        bias=rng.normal(size=12).astype(np.float32),
    )
    return StudentEncoder(base, weights)


def minilm() -> SentenceTransformerEncoder:
    try:
        encoder = SentenceTransformerEncoder.bundled()
        encoder.encode(["warm"])
    except MissingExtraError as error:
        pytest.skip(str(error))
    return encoder


MAKERS: dict[str, Callable[[], Encoder]] = {
    "hashing_encoder": HashingEncoder,
    "sentence_transformer_encoder": minilm,
    "static_encoder": tiny_static_encoder,
    "student_encoder": student,
}


@pytest.fixture(scope="module", params=sorted(ENCODERS))
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return MAKERS[request.param]()


def test_rows_are_unit_vectors_or_zero(encoder: Encoder) -> None:
    """Each row has length 1, save that a blank text gives the zero vector."""
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))
    assert lengths[2] == lengths[3] == 0
    assert lengths[0] > 0 and lengths[6] > 0


def test_one_text_is_its_row_of_a_batch(encoder: Encoder) -> None:
    """A text's vector does not depend on its company."""
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    """An empty list is a batch of none."""
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_a_bundle_gives_the_same_vectors(encoder: Encoder) -> None:
    """State, and back: same fingerprint, same bits."""
    again = encoder_from_state(encoder.to_state())
    assert again.fingerprint == encoder.fingerprint
    assert again.dim == encoder.dim
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


def test_the_length_of_a_long_text_costs_nothing(encoder: Encoder) -> None:
    """What stands in the middle of a very long text does not enter."""
    long = ["the router " * 2_000 + "x" + "the cheap model " * 2_000]
    longer = ["the router " * 2_000 + "what is it " * 9_000 + "the cheap model " * 2_000]
    np.testing.assert_array_equal(encoder.encode(long), encoder.encode(longer))


def test_fingerprints_differ() -> None:
    """Other settings, other fingerprint."""
    assert HashingEncoder(128).fingerprint != HashingEncoder(256).fingerprint
    assert tiny_static_encoder(8).fingerprint != tiny_static_encoder(16).fingerprint
    assert SentenceTransformerEncoder("a").fingerprint != SentenceTransformerEncoder("b").fingerprint


def test_an_unknown_kind_is_refused() -> None:
    """A state that describes no encoder is named, with what would do."""
    with pytest.raises(BundleError, match=r"unknown encoder 'forest'; known are hashing_encoder"):
        encoder_from_state(State(kind="forest"))


def test_importing_the_encoders_loads_no_heavy_library() -> None:
    """The encoders load numpy and the standard library, the rest at first use."""
    heavy = {"tokenizers", "torch", "transformers", "sentence_transformers", "sklearn", "scipy", "joblib"}
    code = f"import sys, arbiter.features; print(sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
