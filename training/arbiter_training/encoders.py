"""Another encoder for a router that is to be trained: a name, or an object of the user's own."""

from copy import copy
from dataclasses import replace

import numpy as np

from arbiter.components import reader_of
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.sentence_transformer import SentenceTransformerEncoder
from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.cold_start import KeywordGatekeeper
from arbiter.gatekeeper.own_features import OwnFeatures
from arbiter.own_code import OwnCode, is_own_code, own_object
from arbiter.router import Router

MINILM = "minilm"

SAMPLE = ("What is a router?", "", "x" * 3000)


def encoder_named(name: str) -> Encoder:
    """Give the encoder of a name.

    Parameters
    ----------
    name : ``minilm`` (all-MiniLM-L6-v2, extra [minilm]), or ``FILE.py:NAME`` of an encoder or a class of encoders.

    Raises
    ------
    MissingExtraError
        If its libraries are not installed.
    InvalidInputError
        If there is none of that name, or it is no encoder; see :func:`require_encoder`.
    BundleError
        If nobody registered its kind, so that no bundle could be loaded.
    """
    if name == MINILM:
        return SentenceTransformerEncoder.bundled()
    if not is_own_code(name):
        raise InvalidInputError(f"unknown encoder {name!r}; give {MINILM}, or FILE.py:NAME of your own")
    found = own_object(name)
    with OwnCode(name):
        encoder: Encoder = found() if isinstance(found, type) else found
        require_encoder(encoder, name)
    return encoder


def require_encoder(encoder: Encoder, name: str) -> None:
    """Make sure that an encoder gives what training and serving rely on, and that a bundle of it can be loaded.

    Raises
    ------
    InvalidInputError
        If its vectors are not (n, dim) of length 1, or 0.
    BundleError
        If nobody registered its kind.
    """
    vectors = np.asarray(encoder.encode(list(SAMPLE)))
    if vectors.shape != (len(SAMPLE), encoder.dim) or vectors.dtype != np.float32:
        raise InvalidInputError(
            f"{name} gave {vectors.dtype} vectors of shape {vectors.shape} for {len(SAMPLE)} texts; "
            f"give float32 of shape {(len(SAMPLE), encoder.dim)}"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.all((np.abs(lengths - 1.0) < 1e-3) | (lengths == 0.0)):
        raise InvalidInputError(f"{name} gave vectors of length {lengths.max():.3g}; divide each by its length")
    reader_of("encoder", encoder.to_state())


def with_encoder(base: Router, encoder: Encoder) -> Router:
    """Give a base to train on whose requests are read by another encoder.

    Quality, length, speed and the bandit's context are then learned on its vectors. The gatekeeper keeps the features
    that it was fitted on. The router is for training alone: its estimates are still those of the old encoder.
    """
    features = copy(base.features)
    features.encoder = encoder
    features.__dict__.pop("fingerprint", None)  # it was that of the old encoder
    gatekeeper = base.gatekeeper
    if not isinstance(gatekeeper, KeywordGatekeeper | OwnFeatures):
        gatekeeper = OwnFeatures(base=gatekeeper, features=base.features)
    return replace(base, features=features, gatekeeper=gatekeeper)
