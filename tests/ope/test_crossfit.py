"""Splits: nothing is predicted by a model that has seen it, its session, or its future."""

import numpy as np
import pytest

from arbiter.ope import cross_fit, forward_folds, group_folds


@pytest.mark.parametrize("sizes", [[1] * 30, [10, 5, 5, 4, 3, 2, 1]])
def test_group_folds_keep_groups_together_and_cover_all(sizes):
    """Every request is tested once; no group is on both sides; folds are of like size."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    folds = group_folds(groups, 3, seed=1)
    assert sorted(np.concatenate([f.test for f in folds])) == list(range(30))
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert fold.test.size == 10


def test_forward_folds_train_on_the_past_only():
    """Every training time is before every test time, whatever the order of rows."""
    time = np.random.default_rng(0).permutation(100)
    folds = forward_folds(time, 4)
    assert [f.test.size for f in folds] == [25, 25, 25, 25]
    assert folds[0].train.size == 0
    for fold in folds[1:]:
        assert time[fold.train].max() < time[fold.test].min()


def test_equal_times_stay_together():
    """A batch logged at one time is not split."""
    for fold in forward_folds(np.repeat([1, 2, 3], [6, 1, 3]), 2):
        assert set(fold.test.tolist()) in ({0, 1, 2, 3, 4, 5}, {6, 7, 8, 9}, set(range(7)), {7, 8, 9})


def test_cross_fit_assembles_out_of_fold_predictions():
    """A model that returns its training mean; the first forward fold gets the cold start."""
    y = np.arange(8.0)

    def fit_predict(train, test):
        return np.full((test.size, 2), y[train].mean())

    forward = cross_fit(forward_folds(np.arange(8), 2), fit_predict, 8, 2, cold_start=-1.0)
    assert forward[:, 0].tolist() == [-1.0] * 4 + [1.5] * 4
    grouped = cross_fit(group_folds(np.arange(8) % 2, 2), fit_predict, 8, 2)
    assert grouped[0, 1] == y[1::2].mean()


def test_wrong_folds_and_shapes_are_refused():
    """A missing fold, a wrong prediction shape, too many folds."""
    folds = group_folds(np.arange(6), 2)
    with pytest.raises(ValueError, match="exactly once"):
        cross_fit(folds[:1], lambda train, test: np.zeros((test.size, 2)), 6, 2)
    with pytest.raises(ValueError, match="shape"):
        cross_fit(folds, lambda train, test: np.zeros((test.size, 3)), 6, 2)
    with pytest.raises(ValueError, match="n_folds"):
        group_folds(np.zeros(6), 2)
    with pytest.raises(ValueError, match="n_folds"):
        forward_folds(np.zeros(6), 2)
