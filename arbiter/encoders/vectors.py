"""What encoders do to vectors: unit length, and a fingerprint of the numbers behind them."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def scale_to_unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row of (n, d) to Euclidean length 1, in place; a zero row stays zero."""
    for row in vectors:
        square = float(row.dot(row))
        if square > 0.0:
            row *= np.float32(square**-0.5)
    return vectors


def fingerprint(kind: str, parts: Iterable[NDArray[Any] | str]) -> str:
    """Give a short text that changes with any of the arrays and texts: ``kind`` and 16 hexadecimal digits."""
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode("utf-8"))
        else:
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
    return f"{kind}:{digest.hexdigest()[:16]}"
