"""Laws of the flat trees; their equality with scikit-learn is tested with the export."""

import numpy as np
import pytest

from arbiter import trees
from arbiter.trees import FlatForest, merge

INF = np.inf


def stump(threshold: float, low: float, high: float, *, missing_left: bool = False, feature: int = 0) -> FlatForest:
    """Give one tree of one split."""
    return FlatForest(
        feature=np.array([feature, 0, 0], dtype=np.int32),
        threshold=np.array([threshold, INF, INF]),
        children=np.array([2, 1, 1, 1, 2, 2], dtype=np.int32),
        missing_left=np.array([missing_left, False, False]),
        value=np.array([0.0, low, high]),
        roots=np.array([0], dtype=np.int32),
        outputs=np.array([0], dtype=np.int32),
        baseline=np.array([10.0]),
        depth=1,
    )


def empty(baseline: list[float]) -> FlatForest:
    """Give a forest without trees."""
    ints = np.zeros(0, dtype=np.int32)
    reals = np.zeros(0)
    return FlatForest(
        feature=ints,
        threshold=reals,
        children=ints,
        missing_left=np.zeros(0, dtype=bool),
        value=reals,
        roots=ints,
        outputs=ints,
        baseline=np.array(baseline),
        depth=0,
    )


def rows(n: int) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(n, 3))
    x[::7, 1] = np.nan
    return x


def test_a_stump_worked_by_hand() -> None:
    """At most the threshold goes left, above it right, a missing value where the node says."""
    x = np.array([[1.0], [1.5], [1.6], [np.nan], [np.inf], [-np.inf]])
    assert stump(1.5, -1.0, 1.0).predict(x).ravel().tolist() == [9, 9, 11, 11, 11, 9]
    assert stump(1.5, -1.0, 1.0, missing_left=True).predict(x).ravel().tolist() == [9, 9, 11, 9, 11, 9]


def test_merged_forests_stand_side_by_side() -> None:
    """Each output of the merged forest is, to the bit, that of the forest it came from; a forest may be empty."""
    forests = [stump(0.0, -1, 1), empty([3.0, 4.0]), merge([stump(0.5, 2, 3, feature=1), stump(-0.5, 5, 7, feature=2)])]
    x = rows(50)
    merged = merge(forests).predict(x)
    assert merged.shape == (50, 5)
    np.testing.assert_array_equal(merged, np.concatenate([f.predict(x) for f in forests], axis=1))


def test_a_row_alone_equals_the_row_in_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, with missing values elsewhere in the batch, and however the batch is cut."""
    forest = merge([stump(0.1 * i, -0.1 * i, 0.3 / (i + 1), feature=i % 3) for i in range(9)])
    x = rows(40)
    whole = forest.predict(x)
    np.testing.assert_array_equal(whole, np.concatenate([forest.predict(x[i : i + 1]) for i in range(40)]))
    monkeypatch.setattr(trees, "MAX_CELLS", 30)
    np.testing.assert_array_equal(whole, forest.predict(x))


def test_no_rows_give_no_rows() -> None:
    """An empty batch keeps its number of outputs."""
    assert stump(0, 1, 2).predict(np.zeros((0, 1))).shape == (0, 1)
    assert empty([1.0, 2.0]).predict(np.zeros((0, 1))).shape == (0, 2)


def test_a_forest_survives_its_state() -> None:
    """What a bundle keeps predicts the same bits."""
    forest = merge([stump(0.2, 1, 2), stump(-0.1, 3, 4, feature=2, missing_left=True)])
    np.testing.assert_array_equal(FlatForest.from_state(forest.to_state()).predict(rows(30)), forest.predict(rows(30)))
