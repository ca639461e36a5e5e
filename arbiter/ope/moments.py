"""Means and co-moments that add: the state behind every estimate."""

from dataclasses import dataclass

import numpy as np

from arbiter.ope.arrays import FloatArray, IntArray, LabelArray

# OpenBLAS starts threads above this many multiplications; on busy cores they wait for one another,
# and the same product was measured 200 times slower than in pieces that stay below.
_SINGLE_THREAD_PRODUCT = 1 << 18


def gram(z: FloatArray) -> FloatArray:
    """Return z z^T of a wide matrix, in pieces small enough for one thread.

    Parameters
    ----------
    z : ndarray, shape (d, rows)
        Few rows, many columns.

    Returns
    -------
    ndarray, shape (d, d)
        The product.
    """
    d, rows = z.shape
    width = max(8, min(256, _SINGLE_THREAD_PRODUCT // (d * d)))
    pieces = rows // width
    stacked = z[:, : pieces * width].reshape(d, pieces, width).transpose(1, 0, 2)
    tail = z[:, pieces * width :]
    return np.asarray(np.matmul(stacked, stacked.transpose(0, 2, 1)).sum(axis=0) + tail @ tail.T)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Count, mean and centred co-moment of a stream of vectors.

    Parameters
    ----------
    n : int
        Vectors seen.
    mean : ndarray, shape (d,)
        Their mean.
    comoment : ndarray, shape (d, d)
        sum (z - mean)(z - mean)^T.

    Notes
    -----
    Merged by the pairwise update of Chan, Golub and LeVeque (1983), which stays exact
    to rounding where plain sums of squares cancel (rewards of 1e6 that differ in the sixth digit).
    """

    n: int
    mean: FloatArray
    comoment: FloatArray

    @classmethod
    def of(cls, z: FloatArray) -> "Moments":
        """Take the moments of a block; the block is centred in place.

        Parameters
        ----------
        z : ndarray, shape (d, rows)
            One column per vector; overwritten.

        Returns
        -------
        Moments
            The moments of the block.
        """
        mean = z.mean(axis=1)
        z -= mean[:, None]
        return cls(n=z.shape[1], mean=mean, comoment=gram(z))

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of both streams together."""
        n = self.n + other.n
        shift = other.mean - self.mean
        return Moments(
            n=n,
            mean=self.mean + shift * (other.n / n),
            comoment=self.comoment + other.comoment + np.outer(shift, shift) * (self.n * other.n / n),
        )

    def covariance_of_mean(self) -> FloatArray:
        """Return the estimated covariance of the mean vector.

        Returns
        -------
        ndarray, shape (d, d)
            comoment / (n (n - 1)); zero for one vector, whose spread is not known.
        """
        return np.asarray(self.comoment / (self.n * max(self.n - 1, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSums:
    """Per-cluster counts and sums of vectors, joined by the cluster's label.

    Parameters
    ----------
    labels : ndarray, shape (C,)
        Sorted cluster labels.
    sums : ndarray, shape (d + 1, C)
        First row the number of vectors, then their sum per channel. Memory grows with the
        number of clusters, not of requests: a session may continue in any later batch.
    """

    labels: LabelArray
    sums: FloatArray

    @classmethod
    def empty(cls, labels: LabelArray, channels: int) -> "ClusterSums":
        """Return sums of zero for known clusters."""
        return cls(labels=labels, sums=np.zeros((channels + 1, labels.size)))

    def absorb(self, z: FloatArray, index: IntArray) -> None:
        """Add a block of vectors in place (used only while the object is being built).

        Parameters
        ----------
        z : ndarray, shape (d, rows)
            One column per vector.
        index : ndarray of int, shape (rows,)
            Cluster of each vector, a position in `labels`.
        """
        low, high = int(index.min()), int(index.max()) + 1
        self.sums[0, low:high] += np.bincount(index - low, minlength=high - low)
        if high - low <= 4 * index.size:
            for row, channel in zip(self.sums[1:], z, strict=True):
                row[low:high] += np.bincount(index - low, weights=channel, minlength=high - low)
        else:
            for row, channel in zip(self.sums[1:], z, strict=True):
                np.add.at(row, index, channel)

    def __add__(self, other: "ClusterSums") -> "ClusterSums":
        """Return the sums of both parts, clusters with one label joined."""
        labels = np.union1d(self.labels, other.labels)
        sums = np.zeros((self.sums.shape[0], labels.size))
        sums[:, np.searchsorted(labels, self.labels)] += self.sums
        sums[:, np.searchsorted(labels, other.labels)] += other.sums
        return ClusterSums(labels=labels, sums=sums)

    @property
    def occupied(self) -> FloatArray:
        """Columns of clusters that hold at least one vector, shape (d + 1, C')."""
        held = self.sums[0] > 0.0
        return self.sums if held.all() else np.asarray(self.sums[:, held])


def cluster_covariance(held: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the cluster-robust covariance of the mean vector.

    Parameters
    ----------
    held : ndarray, shape (d + 1, C)
        `ClusterSums.occupied`: counts, then sums per channel.
    mean : ndarray, shape (d,)
        Mean over all vectors.

    Returns
    -------
    ndarray, shape (d, d)
        C/(C-1) sum_c u_c u_c^T / n^2 with u_c = S_c - n_c mean (Liang and Zeger 1986, the
        sandwich that assumes independence between clusters and none within).
    """
    centred = held[1:] - mean[:, None] * held[0]
    clusters = held.shape[1]
    return np.asarray(gram(centred) * (clusters / max(clusters - 1, 1) / float(held[0].sum()) ** 2))
