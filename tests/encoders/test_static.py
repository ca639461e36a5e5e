"""The static encoder's own behaviour."""

import time

import numpy as np
import pytest
from tiny_tokenizer import tiny_static_encoder, tiny_tokenizer, tiny_vocabulary

from arbiter.encoders import StaticEncoder
from arbiter.errors import BundleError


def vector(token: str, encoder: StaticEncoder) -> np.ndarray:
    state = encoder.to_state()
    row = tiny_vocabulary().index(token)
    return state.arrays["table"][row] * np.float64(state.arrays["scale"][row])


def test_the_sum_on_paper() -> None:
    """Each distinct token counts log(1 + count), and the sum is scaled to length 1."""
    encoder = tiny_static_encoder()
    expected = np.log(3) * vector("the", encoder) + np.log(2) * vector("model", encoder)
    np.testing.assert_allclose(encoder.encode(["The model the"])[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_a_sub_word_counts() -> None:
    """A word that is not in the vocabulary is the sum of its pieces."""
    encoder = tiny_static_encoder()
    expected = np.log(2) * (vector("model", encoder) + vector("##s", encoder))
    np.testing.assert_allclose(encoder.encode(["models"])[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_unknown_tokens_alone_give_zero() -> None:
    """A text of which nothing is known has no direction."""
    assert not encoder_row("☃").any()


def encoder_row(text: str) -> np.ndarray:
    return tiny_static_encoder().encode([text])[0]


@pytest.mark.parametrize(
    ("table", "scale", "message"),
    [
        (np.zeros((5, 4), dtype=np.int8), np.ones(5, dtype=np.float32), "different distillations"),
        (np.zeros((200, 4), dtype=np.float32), np.ones(200, dtype=np.float32), "must be"),
        (np.zeros((200, 4), dtype=np.int8), np.ones(3, dtype=np.float32), "must be"),
    ],
)
def test_parts_that_do_not_fit_are_refused(table: np.ndarray, scale: np.ndarray, message: str) -> None:
    """Table, scales and tokenizer of different origin do not make an encoder."""
    with pytest.raises(BundleError, match=message):
        StaticEncoder(table, scale, tiny_tokenizer())


@pytest.mark.benchmark
def test_a_text_of_100_tokens_takes_less_than_60_microseconds() -> None:
    """The best of many runs at one thread is below 60 us."""
    encoder = tiny_static_encoder(256)
    text = "what is the cheap model, the route " * 12
    times = []
    for _ in range(300):
        start = time.perf_counter()
        encoder.encode([text])
        times.append(time.perf_counter() - start)
    assert min(times) < 60e-6
