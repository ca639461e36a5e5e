"""Array types of this package and the one check that turns a user's table into them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arbiter.errors import InvalidInputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
LabelArray = NDArray[np.generic]


def as_table(table: ArrayLike, n: int, n_actions: int, name: str) -> FloatArray:
    """Return a per-request, per-action table as a two-dimensional float array.

    Parameters
    ----------
    table : array-like, shape (n, K) or (n, K, 1)
        Action probabilities or predicted rewards. The trailing axis of length one is the
        position axis of Open Bandit Pipeline and is dropped.
    n, n_actions : int
        Rows and columns that the log has.
    name : str
        What to call the table in an error message.

    Returns
    -------
    ndarray, shape (n, K)
        float64, or float32 where the table came so: a copy of a million rows would cost more
        than the estimate, and each batch of rows is widened to float64 before it is used.

    Raises
    ------
    InvalidInputError
        If the shape does not fit the log or the table is not numeric.
    """
    array = np.asarray(table)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.shape != (n, n_actions):
        raise InvalidInputError(
            f"{name} has shape {array.shape}, but the log has {n} requests and {n_actions} actions: "
            f"pass one row per request and one column per action"
        )
    if array.dtype.kind not in "fiub":
        raise InvalidInputError(f"{name} has type {array.dtype}: pass numbers")
    if array.dtype not in (np.float64, np.float32):
        array = array.astype(np.float64)
    return array


def require_length(array: NDArray[np.generic], length: int, name: str) -> None:
    """Check that an array is one-dimensional and as long as the log.

    Parameters
    ----------
    array : ndarray
        The array to check.
    length : int
        Expected number of entries.
    name : str
        What to call it in the error message.

    Raises
    ------
    InvalidInputError
        If it is not of shape (length,).
    """
    if array.shape != (length,):
        raise InvalidInputError(f"{name} has shape {array.shape}, expected ({length},)")
