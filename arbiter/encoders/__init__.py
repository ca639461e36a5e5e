"""Text to vector: static table (the default), hashing, sentence-transformers, and a student of the latter."""

from arbiter.encoders.cut import cut
from arbiter.encoders.hashing import HashingEncoder
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.registry import encoder_from_state
from arbiter.encoders.sentence_transformer import SentenceTransformerEncoder
from arbiter.encoders.static import StaticEncoder
from arbiter.encoders.student import StudentEncoder, StudentWeights

__all__ = [
    "Encoder",
    "HashingEncoder",
    "SentenceTransformerEncoder",
    "StaticEncoder",
    "StudentEncoder",
    "StudentWeights",
    "cut",
    "encoder_from_state",
]
