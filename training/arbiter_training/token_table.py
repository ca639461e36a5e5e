"""The fit of a token table: from the teacher's vectors of tokens and texts to rows of int8."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.static import token_weights
from arbiter.encoders.wordpiece import WordPieces
from arbiter.errors import InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """How a table is fitted.

    Attributes
    ----------
    dim : length of a vector.
    sif : ``a`` of the weight ``a / (a + p)`` of a token of frequency ``p`` (Arora, Liang and Ma, 2017, eq. 3).
    penalty : how closely the fit keeps to the start; large fits nothing.
    iterations : steps of conjugate gradients.
    """

    dim: int = 256
    sif: float = 1e-3
    penalty: float = 3.0
    iterations: int = 15

    def __post_init__(self) -> None:
        for name in ("dim", "sif", "penalty", "iterations"):
            if getattr(self, name) <= 0:
                raise InvalidInputError(f"{name} of the token table must be above 0; got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTexts:
    """Texts as rows of token weights, with the vectors that the teacher gives them.

    Attributes
    ----------
    rows : (n, V) sparse, ``log(1 + count)`` of each token.
    vectors : (n, D) float64 of the teacher.
    natural : (n,) bool, False for random words, which tell nothing of how frequent a token is.
    """

    rows: "csr_matrix"
    vectors: FloatArray
    natural: NDArray[np.bool_]


def count_tokens(pieces: WordPieces, texts: Sequence[str], n_tokens: int) -> "csr_matrix":
    """Give the (n, n_tokens) weights of the tokens of each text, as the static encoder weighs them.

    Raises
    ------
    MissingExtraError
        If scipy is not installed.
    """
    try:
        from scipy.sparse import csr_matrix
    except ImportError as error:
        raise MissingExtraError.of("scipy", "train") from error
    rows = [token_weights(pieces, text) for text in texts]
    indptr = np.concatenate([[0], np.cumsum([len(tokens) for tokens, _ in rows])])
    tokens = np.concatenate([tokens for tokens, _ in rows])
    weights = np.concatenate([weights for _, weights in rows]).astype(np.float64)
    return csr_matrix((weights, tokens, indptr), shape=(len(texts), n_tokens))


def starting_table(
    token_vectors: FloatArray, material: TokenTexts, known: NDArray[np.bool_], settings: TableSettings
) -> tuple[FloatArray, FloatArray]:
    """Give the table before the fit, and the directions that texts should have in its space.

    Parameters
    ----------
    token_vectors : (V, D) of the teacher, each token by itself.
    material : n texts.
    known : (V,) False for tokens that stand for no text, such as ``[PAD]``; their rows are 0.
    settings : ``dim`` and ``sif`` are read.

    Returns
    -------
    table : (V, dim).
    targets : (n, dim) the teacher's vectors, centred, of length 1 before the projection.
    """
    natural = material.vectors[material.natural]
    mean = natural.mean(axis=0)
    centred = material.vectors - mean
    _, axes = np.linalg.eigh((natural - mean).T @ (natural - mean))
    axes = axes[:, ::-1][:, : settings.dim]
    # A tenth of an occurrence keeps unseen tokens from being taken for certain.
    counts = np.asarray(material.rows[material.natural].sum(axis=0)).ravel() + 0.1
    weights = settings.sif / (settings.sif + counts / counts.sum())
    weights[~known] = 0.0
    table = ((token_vectors - token_vectors[known].mean(axis=0)) * weights[:, None]) @ axes
    return table, (_unit(centred)) @ axes


def fit_table(start: FloatArray, rows: "csr_matrix", targets: FloatArray, settings: TableSettings) -> FloatArray:
    """Fit the table so that weighted sums of its rows meet the targets, staying near the start.

    Ridge regression around a prior mean: with ``S`` the token weights, each row scaled to a sum of length 1 under the
    start ``T0``, and ``D`` the diagonal of prior variances (squared row lengths of ``T0``, so that frequent tokens
    stay short and unknown ones 0), it minimises ``|S T - Y|^2 + penalty |D^-1/2 (T - T0)|^2``. Its dual solution
    (e.g. Rasmussen and Williams, 2006, eq. 2.38) is ``T = T0 + D S' (S D S' + penalty I)^-1 (Y - S T0)``, solved by
    conjugate gradients that are stopped early, which restrains a little more than the equation says. The lengths are
    divided out under ``T0`` and not under ``T``: the problem stays linear, and a second pass did not help.

    Parameters
    ----------
    start : (V, dim).
    rows : (n, V) token weights.
    targets : (n, dim).
    settings : ``penalty`` and ``iterations`` are read.

    Returns
    -------
    table : (V, dim).
    """
    from scipy.sparse import diags

    lengths = np.linalg.norm(rows @ start, axis=1)
    scaled = diags(1.0 / np.where(lengths > 0, lengths, 1.0)) @ rows
    transposed = scaled.T.tocsr()
    first = scaled @ start
    step = float((first * targets).sum() / max(float((first * first).sum()), 1e-12))
    prior = np.sum(start * start, axis=1, keepdims=True)
    prior = prior / prior.max()

    def apply(x: FloatArray) -> FloatArray:
        return np.asarray(scaled @ (prior * (transposed @ x)) + settings.penalty * x)

    dual = _conjugate_gradients(apply, targets - step * first, settings.iterations)
    return np.asarray(step * start + prior * (transposed @ dual))


def _conjugate_gradients(apply: Callable[[FloatArray], FloatArray], right: FloatArray, iterations: int) -> FloatArray:
    """Solve ``apply(x) = right`` for each column at once (Hestenes and Stiefel, 1952)."""
    x = np.zeros_like(right)
    residual = right.copy()
    direction = residual.copy()
    square = np.sum(residual * residual, axis=0)
    for _ in range(iterations):
        image = apply(direction)
        step = square / np.maximum(np.sum(direction * image, axis=0), 1e-30)
        x += step * direction
        residual -= step * image
        before, square = square, np.sum(residual * residual, axis=0)
        direction = residual + square / np.maximum(before, 1e-30) * direction
    return x


def quantise(table: FloatArray) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round each row to int8 with a scale of its own; a zero row has scale 1."""
    greatest = np.abs(table).max(axis=1)
    scale = np.where(greatest > 0, greatest / 127.0, 1.0).astype(np.float32)
    return np.rint(table / scale[:, None]).astype(np.int8), scale


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
