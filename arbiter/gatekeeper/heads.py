"""The four heads of the gatekeeper, and what they say of a batch of requests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.vocabulary import Complexity, Domain, Risk

FloatArray = NDArray[np.float64]

HEADS: dict[str, tuple[str, ...]] = {
    "domain": tuple(Domain),
    "complexity": tuple(Complexity),
    "harm": tuple(Risk),
    "stake": tuple(Risk),
}
"""Head to its labels, in the order of every probability array."""

SLICES: dict[str, slice] = {}
_start = 0
for _head, _labels in HEADS.items():
    SLICES[_head] = slice(_start, _start + len(_labels))
    _start += len(_labels)
N_OUTPUTS = _start
"""Number of labels over all heads; where the heads are stacked, head ``h`` has the columns ``SLICES[h]``."""

LEVELS = np.arange(len(Risk), dtype=np.float64) / (len(Risk) - 1)
"""The five levels of complexity, harm and stake, as numbers from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadProbabilities:
    """Probabilities of every head for n requests.

    Attributes
    ----------
    stacked : (n, 28), the heads side by side (see ``SLICES``); each head's columns sum to 1.
    """

    stacked: FloatArray

    def head(self, name: str) -> FloatArray:
        """Give the (n, labels) probabilities of one head."""
        return self.stacked[:, SLICES[name]]

    def level(self, name: str) -> FloatArray:
        """Give the (n,) expected level of an ordered head, from 0 (trivial, minimal) to 1 (expert, critical)."""
        return self.head(name) @ LEVELS

    def at_least(self, name: str, label: str) -> FloatArray:
        """Give the (n,) probability that an ordered head is at ``label`` or above."""
        return np.asarray(self.head(name)[:, HEADS[name].index(label) :].sum(axis=1))


WIDTHS = tuple(len(labels) for labels in HEADS.values())
"""Number of labels per head, in the order of ``HEADS``."""

_STARTS = np.array([columns.start for columns in SLICES.values()])
_HEAD_OF = np.repeat(np.arange(len(HEADS)), WIDTHS)  # the head of each column


def softmax_by_head(stacked: FloatArray) -> FloatArray:
    """Normalise the exponentials of each head's columns; (..., 28) to (..., 28), all heads in one pass."""
    greatest = np.maximum.reduceat(stacked, _STARTS, axis=-1)
    shifted = np.exp(stacked - greatest.take(_HEAD_OF, axis=-1))
    return np.asarray(shifted / np.add.reduceat(shifted, _STARTS, axis=-1).take(_HEAD_OF, axis=-1))


def softmax(scores: FloatArray) -> FloatArray:
    """Normalise the exponentials over the last axis."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
