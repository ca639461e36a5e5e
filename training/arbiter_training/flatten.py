"""From scikit-learn's histogram gradient boosting to the plain arrays that serving walks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.trees import FlatForest

TOLERANCE = 1e-9
"""Greatest difference to scikit-learn's own raw prediction that an export lets pass."""

MISSING_SHARE = 0.2
"""Share of the values that are taken away for the second check: training rows may lack nothing, serving rows may."""


def flatten(model: Any, check_on: NDArray[np.float64]) -> FlatForest:
    """Flatten a fitted ``HistGradientBoostingClassifier`` or ``HistGradientBoostingRegressor``.

    Reads private attributes of scikit-learn (``_predictors``, ``_baseline_prediction``), since there are no public
    ones; that is why every export is checked against the estimator's own prediction.

    Parameters
    ----------
    model : the fitted estimator; no categorical features.
    check_on : (n, n_features) rows to compare on, n at least 1; they are compared on as they are, and once more with
        a fifth of their values missing.

    Returns
    -------
    forest : its outputs are the classes (one output for a binary classifier or a regressor), before the link.

    Raises
    ------
    InvalidInputError
        If a tree splits on a categorical feature.
    ArbiterError
        If the two differ by more than 1e-9.
    """
    if any(tree.nodes["is_categorical"].any() for stage in model._predictors for tree in stage):
        raise InvalidInputError("the trees split on categorical features, which serving does not know; encode them")
    trees = [(output, tree.nodes) for stage in model._predictors for output, tree in enumerate(stage)]
    baseline = np.atleast_1d(np.asarray(model._baseline_prediction, dtype=np.float64).ravel())
    forest = _join(trees, baseline)
    _check(forest, model, np.concatenate([check_on, _with_gaps(check_on)]))
    return forest


def _check(forest: FlatForest, model: Any, rows: NDArray[np.float64]) -> None:
    expected = np.asarray(model._raw_predict(rows), dtype=np.float64).reshape(len(rows), -1)
    difference = float(np.abs(forest.predict(rows) - expected).max())
    if not difference <= TOLERANCE:
        raise ArbiterError(f"the flattened trees differ from scikit-learn by {difference:.3g}; its internals changed")


def _with_gaps(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    gaps = np.random.default_rng(0).random(rows.shape) < MISSING_SHARE
    return np.where(gaps, np.nan, rows)


def _join(trees: list[tuple[int, Any]], baseline: NDArray[np.float64]) -> FlatForest:
    sizes = [len(nodes) for _, nodes in trees]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    nodes = np.concatenate([n for _, n in trees])
    leaf = nodes["is_leaf"].astype(bool)
    itself = np.arange(len(nodes), dtype=np.int32)
    shift = np.repeat(starts, sizes)
    right, left = (np.where(leaf, itself, nodes[side].astype(np.int64) + shift) for side in ("right", "left"))
    return FlatForest(
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, np.inf, nodes["num_threshold"]).astype(np.float64),
        children=np.stack([right, left], axis=1).ravel().astype(np.int32),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=np.where(leaf, nodes["value"], 0.0).astype(np.float64),
        roots=starts,
        outputs=np.array([output for output, _ in trees], dtype=np.int32),
        baseline=baseline,
        depth=int(nodes["depth"].max()),
    )
