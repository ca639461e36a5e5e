"""From the state in a bundle to the encoder, by kind."""

from collections.abc import Callable

from arbiter.encoders.hashing import HashingEncoder
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.sentence_transformer import SentenceTransformerEncoder
from arbiter.encoders.static import StaticEncoder
from arbiter.encoders.student import StudentEncoder
from arbiter.state import State, known_reader

ENCODERS: dict[str, Callable[[State], Encoder]] = {
    "hashing_encoder": HashingEncoder.from_state,
    "sentence_transformer_encoder": SentenceTransformerEncoder.from_state,
    "static_encoder": StaticEncoder.from_state,
    "student_encoder": StudentEncoder.from_state,
}


def encoder_from_state(state: State) -> Encoder:
    """Rebuild the encoder that ``state`` describes.

    Raises
    ------
    BundleError
        If the kind is that of no encoder that is known here.
    """
    return known_reader(ENCODERS, state, "encoder")(state)
