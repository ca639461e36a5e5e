"""Boosting on a table that is binned once: many fits on parts of the same rows, with weights, at little cost."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from arbiter.trees import FlatForest
from arbiter_training.flatten import flatten

FloatArray = NDArray[np.float64]

MAX_BINS = 128
CHECKED_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostingOptions:
    """How trees are grown; the same for all candidates, which one forest serves.

    Attributes
    ----------
    iterations : rounds.
    learning_rate : of a round.
    leaves : most leaves of a tree.
    leaf_rows : fewest rows in a leaf.
    ridge : penalty on the value of a leaf.
    features : share of the features that a split may look at.
    seed : of that draw.
    """

    iterations: int = 80
    learning_rate: float = 0.06
    leaves: int = 10
    leaf_rows: int = 20
    ridge: float = 5.0
    features: float = 0.4
    seed: int = 0


class BinnedTable:
    """A table as bin numbers, whose forests are given back in the table's own units.

    scikit-learn finds its bins anew at every fit, and with weights spends most of a fit on that; here they are the
    quantiles of all rows, found once. The bins look at features alone, never at outcomes, so that finding them
    on rows that a fold holds out gives nothing away.

    Parameters
    ----------
    table : (n, m), no missing values.
    """

    def __init__(self, table: FloatArray) -> None:
        shares = np.linspace(0.0, 1.0, MAX_BINS + 1)[1:-1]
        self._edges = [np.unique(np.quantile(column, shares, method="lower")) for column in table.T]
        codes = [np.searchsorted(e, column, side="left") for e, column in zip(self._edges, table.T, strict=True)]
        self._codes = np.stack(codes, axis=1).astype(np.float64)

    def fit(self, y: FloatArray, weights: FloatArray, rows: NDArray[np.int64], options: BoostingOptions) -> FlatForest:
        """Fit least squares on some rows.

        Parameters
        ----------
        y : (n,) targets.
        weights : (n,), above 0 on ``rows``.
        rows : positions to learn from.
        options : how.

        Returns
        -------
        forest : over the table's columns; a row goes left where its value is at most the threshold, as its bin does.
        """
        chosen, w = self._codes[rows], weights[rows]
        model = HistGradientBoostingRegressor(
            max_iter=options.iterations,
            learning_rate=options.learning_rate,
            max_leaf_nodes=options.leaves,
            min_samples_leaf=options.leaf_rows,
            l2_regularization=options.ridge,
            max_features=options.features,
            early_stopping=False,
            random_state=options.seed,
        ).fit(chosen, y[rows], sample_weight=None if (w == w[0]).all() else w)
        return self._in_own_units(flatten(model, chosen[:CHECKED_ROWS]))

    def _in_own_units(self, forest: FlatForest) -> FlatForest:
        """Put edges in the place of bin numbers: code <= c is value <= edge c."""
        threshold = forest.threshold.copy()
        for node in np.flatnonzero(np.isfinite(threshold)):
            edges = self._edges[forest.feature[node]]
            threshold[node] = edges[min(int(threshold[node]), len(edges) - 1)]
        return replace(forest, threshold=threshold)
