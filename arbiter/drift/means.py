"""Means with errors that count sessions, not requests, and the test that two of them are the same."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.ope.distributions import student_t_tail

FloatArray = NDArray[np.float64]

SAME = 1e-9
"""Means that differ by no more are equal: they are sums of numbers of the order of 1, in another order."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of d values.

    Attributes
    ----------
    mean : ndarray, shape (d,).
    variance : ndarray, shape (d,); that of the mean is ``variance / clusters``.
    clusters : sessions, and values that belong to none.
    """

    mean: FloatArray
    variance: FloatArray
    clusters: int


@dataclass(slots=True)
class MeanSums:
    """Running sums for a mean of d values; those of one session are not independent, and count as one cluster.

    Attributes
    ----------
    n, clusters : values, and clusters of them that are in the sums.
    total, squares, crossed : ndarray, shape (d,); sums over clusters of s, s^2 and n s, where s is a cluster's sum and
        n its size.
    sizes : sum over clusters of n^2.
    sessions : session to its size and sum, as long as more of it may come.
    """

    total: FloatArray
    squares: FloatArray
    crossed: FloatArray
    n: int = 0
    clusters: int = 0
    sizes: int = 0
    sessions: dict[str, tuple[int, FloatArray]] = field(default_factory=dict)

    @classmethod
    def of(cls, dim: int) -> "MeanSums":
        """Give those of no values."""
        return cls(np.zeros(dim), np.zeros(dim), np.zeros(dim))

    def add(self, value: FloatArray, session: str | None) -> None:
        """Take a value of shape (d,) in."""
        if session is None:
            self._take(1, value)
        else:
            n, total = self.sessions.get(session, (0, 0.0))
            self.sessions[session] = (n + 1, total + value)

    def mean(self) -> Mean:
        """Give the mean and its error; nothing more is added afterwards.

        Notes
        -----
        The mean is a ratio of sums over G clusters; its variance is G / (G - 1) sum_g (s_g - n_g m)^2 / n^2 (Cochran,
        1977, equation 9.24, for a population without end). Where no value has a session, that is s^2 / n.
        """
        for n, total in self.sessions.values():
            self._take(n, total)
        self.sessions.clear()
        mean = self.total / max(self.n, 1)
        scatter = np.maximum(self.squares - 2.0 * mean * self.crossed + mean**2 * self.sizes, 0.0)
        scale = self.clusters**2 / max(self.clusters - 1, 1) / max(self.n, 1) ** 2
        return Mean(mean, scatter * scale, self.clusters)

    def _take(self, n: int, total: FloatArray) -> None:
        self.n, self.clusters, self.sizes = self.n + n, self.clusters + 1, self.sizes + n * n
        self.total = self.total + total
        self.squares = self.squares + total**2
        self.crossed = self.crossed + n * total


def p_values(x: Mean, y: Mean) -> list[float]:
    """Give the two-sided p values that d means have not changed: the greater one of two t tests.

    Welch's test (1947) holds where variances differ. Of values that are mostly alike, as judgements of yes and no are,
    twenty may show no variance where many more do, and then it errs without bound; Student's, with the variance of both
    sides together, does not, and errs where variances differ. Neither is exact for other than normal values; see
    ``tests/test_drift_alarms.py`` for how often both together err.
    """
    sides = zip(x.mean.tolist(), y.mean.tolist(), x.variance.tolist(), y.variance.tolist(), strict=True)
    return [_p_value((a, v, x.clusters), (b, w, y.clusters)) for a, b, v, w in sides]


def _p_value(x: tuple[float, float, int], y: tuple[float, float, int]) -> float:
    (a, v, n), (b, w, m) = x, y
    if abs(a - b) <= SAME:
        return 1.0
    parts, freedom = (v / n, w / m), n + m - 2
    apart, together = sum(parts), ((n - 1) * v + (m - 1) * w) / freedom * (1.0 / n + 1.0 / m)
    if apart**2 == 0.0:  # two constants, the smallest of numbers apart
        return 0.0
    welch = apart**2 / sum(part**2 / (k - 1) for part, k in zip(parts, (n, m), strict=True))
    tails = [student_t_tail(abs(a - b) / math.sqrt(error), df) for error, df in ((apart, welch), (together, freedom))]
    return min(1.0, 2.0 * max(tails))
