"""Boosted regression trees as plain arrays: the serving form of scikit-learn's histogram gradient boosting.

One forest may hold the trees of several outputs (classes, heads, candidates); all are walked at once, one level per
step, so that a request costs a few array operations however many trees there are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.state import State

MAX_CELLS = 65_536
"""Rows x trees walked at once: what fits into a core's cache. Larger pieces are slower, not only larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatForest:
    """Trees as one table of nodes; a leaf points to itself.

    Attributes
    ----------
    feature : (m,) int32, the feature that a node looks at.
    threshold : (m,) float64; a row goes left where its value is at most this. A leaf has infinity.
    children : (2 m,) int32, right and left child of node i at 2 i and 2 i + 1.
    missing_left : (m,) bool, where a missing value (NaN) goes.
    value : (m,) float64, a leaf's contribution.
    roots : (t,) int32, the first node of each tree.
    outputs : (t,) int32, the output to which each tree adds.
    baseline : (n_outputs,) float64, what each output starts from.
    depth : the greatest number of steps from a root to a leaf.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    children: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]
    outputs: NDArray[np.int32]
    baseline: NDArray[np.float64]
    depth: int

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the raw sums (no link function).

        Parameters
        ----------
        x : (n, n_features) float64, NaN where missing.

        Returns
        -------
        raw : (n, n_outputs).
        """
        if self.roots.size == 0:
            return np.tile(self.baseline, (len(x), 1))
        step = max(1, MAX_CELLS // self.roots.size)
        return np.concatenate([self._predict_part(x[i : i + step]) for i in range(0, max(len(x), 1), step)])

    def _predict_part(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        n, width = x.shape
        flat = np.ascontiguousarray(x).ravel()
        has_missing = bool(np.isnan(flat).any())
        offset = (np.arange(n, dtype=np.intp) * width)[:, None]
        node = np.broadcast_to(self.roots.astype(np.intp), (n, self.roots.size))
        for _ in range(self.depth):
            value = flat.take(offset + self.feature.take(node))
            go_left = value <= self.threshold.take(node)
            if has_missing:
                go_left |= np.isnan(value) & self.missing_left.take(node)
            node = self.children.take(2 * node + go_left).astype(np.intp)  # else each of the next takes casts it
        leaves = self.value.take(node)
        raw = np.empty((n, self.baseline.size))
        for i in range(n):
            raw[i] = np.bincount(self.outputs, weights=leaves[i], minlength=self.baseline.size)
        return raw + self.baseline

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        names = ("feature", "threshold", "children", "missing_left", "value", "roots", "outputs", "baseline")
        arrays = {name: getattr(self, name) for name in names}
        return State(kind="flat_forest", settings={"depth": self.depth}, arrays=arrays)

    @classmethod
    def from_state(cls, state: State) -> "FlatForest":
        """Rebuild from a bundle."""
        return cls(**dict(state.arrays), depth=int(state.settings["depth"]))


def merge(forests: list[FlatForest]) -> FlatForest:
    """Put several forests over the same features into one, their outputs side by side.

    Parameters
    ----------
    forests : at least one.

    Returns
    -------
    forest : its outputs are those of the first forest, then those of the second, and so on.
    """
    starts = np.cumsum([0] + [f.feature.size for f in forests[:-1]])
    firsts = np.cumsum([0] + [f.baseline.size for f in forests[:-1]])
    pairs = list(zip(forests, starts, strict=True))
    return FlatForest(
        feature=np.concatenate([f.feature for f in forests]),
        threshold=np.concatenate([f.threshold for f in forests]),
        children=np.concatenate([f.children + s for f, s in pairs]).astype(np.int32),
        missing_left=np.concatenate([f.missing_left for f in forests]),
        value=np.concatenate([f.value for f in forests]),
        roots=np.concatenate([f.roots + s for f, s in pairs]).astype(np.int32),
        outputs=np.concatenate([f.outputs + o for f, o in zip(forests, firsts, strict=True)]).astype(np.int32),
        baseline=np.concatenate([f.baseline for f in forests]),
        depth=max(f.depth for f in forests),
    )
