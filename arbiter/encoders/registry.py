"""From the state in a bundle to the encoder, by kind."""

from collections.abc import Callable, Mapping

from arbiter.encoders.hashing import HashingEncoder
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.sentence_transformer import SentenceTransformerEncoder
from arbiter.encoders.static import StaticEncoder
from arbiter.encoders.student import StudentEncoder
from arbiter.errors import BundleError
from arbiter.state import State

ENCODERS: Mapping[str, Callable[[State], Encoder]] = {
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
        If the kind is not that of an encoder.
    """
    if state.kind not in ENCODERS:
        raise BundleError(f"{state.kind!r} is no encoder; expected one of {', '.join(sorted(ENCODERS))}")
    return ENCODERS[state.kind](state)
