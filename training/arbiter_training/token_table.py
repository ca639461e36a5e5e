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
FREQUENCIES = ("rank", "texts")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """How a table is fitted.

    Attributes
    ----------
    dim : length of a vector.
    sif : ``a`` of the weight ``a / (a + p)`` of a token of frequency ``p`` (Arora, Liang and Ma, 2017, eq. 3).
    penalty : how closely the fit keeps to the start; large fits nothing.
    iterations : steps of conjugate gradients; 0 leaves the table at its start, for which no texts are needed.
    frequency : where a token's ``p`` comes from: ``"rank"``, its place in the vocabulary, or ``"texts"``.
    """

    dim: int = 256
    sif: float = 1e-3
    penalty: float = 3.0
    iterations: int = 0
    frequency: str = "rank"

    def __post_init__(self) -> None:
        for name in ("dim", "sif", "penalty"):
            if getattr(self, name) <= 0:
                raise InvalidInputError(f"{name} of the token table must be above 0; got {getattr(self, name)}")
        if self.iterations < 0:
            raise InvalidInputError(f"iterations of the token table must be at least 0; got {self.iterations}")
        if self.frequency not in FREQUENCIES:
            raise InvalidInputError(f"frequency must be one of {', '.join(FREQUENCIES)}; got {self.frequency!r}")

    @property
    def needs_texts(self) -> bool:
        """Whether anything is learned from texts."""
        return self.iterations > 0 or self.frequency == "texts"


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
    token_vectors: FloatArray, weights: FloatArray, settings: TableSettings
) -> tuple[FloatArray, FloatArray]:
    """Give the table before the fit, and the axes that it stands on.

    Parameters
    ----------
    token_vectors : (V, D) of the teacher, each token by itself.
    weights : (V,) of :func:`token_importance`.
    settings : ``dim`` is read.

    Returns
    -------
    table : (V, dim), centred, weighted, and projected on the axes.
    axes : (D, dim) principal components of the tokens that have a weight.
    """
    known = weights > 0
    centred = token_vectors - token_vectors[known].mean(axis=0)
    _, components = np.linalg.eigh(centred[known].T @ centred[known])
    axes = components[:, ::-1][:, : settings.dim]
    return (centred * weights[:, None]) @ axes, axes


def token_importance(known: NDArray[np.bool_], settings: TableSettings, counts: FloatArray | None = None) -> FloatArray:
    """Give the weight ``a / (a + p)`` of each token; 0 for tokens that stand for no text, such as ``[PAD]``.

    By rank, ``p`` is proportional to ``1 / (rank + 2.7)`` (Zipf, as corrected by Mandelbrot, 1953): a WordPiece
    vocabulary is in the order of frequency, save that its single characters come first; these are frequent too.

    Parameters
    ----------
    known : (V,) False for tokens that stand for no text.
    settings : ``sif`` and ``frequency`` are read.
    counts : (V,) of the tokens in texts, for frequencies from texts.
    """
    if settings.frequency == "rank" or counts is None:
        frequency = np.where(known, 1.0 / (np.cumsum(known) + 2.7), 0.0)
    else:
        # A tenth of an occurrence keeps unseen tokens from being taken for certain.
        frequency = counts + 0.1
    return np.asarray(np.where(known, settings.sif / (settings.sif + frequency / frequency.sum()), 0.0))


def text_targets(material: TokenTexts, axes: FloatArray) -> FloatArray:
    """Give the (n, dim) directions that texts should have: centred, of length 1 before the projection."""
    centred = material.vectors - material.vectors[material.natural].mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return np.asarray(unit @ axes)


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
