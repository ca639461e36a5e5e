"""Laws of the export of boosted trees."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.trees import FlatForest, merge
from arbiter_training.flatten import flatten


def table(n: int, seed: int) -> np.ndarray:
    """Give rows with missing and repeated values."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    x[:, 1] = rng.integers(0, 4, n)
    x[rng.random((n, 6)) < 0.15] = np.nan
    return x


X, FRESH = table(400, 0), table(500, 1)
FRESH[:20, 0], FRESH[20:40, 3] = np.inf, -np.inf  # serving may meet what training never had
SIGNAL = np.nan_to_num(X[:, 0]) + np.isnan(X[:, 2]) + 0.5 * np.nan_to_num(X[:, 1])
MODELS = {
    "regressor": (HistGradientBoostingRegressor(max_iter=15, random_state=0), SIGNAL),
    "binary": (HistGradientBoostingClassifier(max_iter=15, random_state=0), SIGNAL > 0.7),
    "five classes": (
        HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=5, random_state=0),
        np.digitize(SIGNAL, [-0.3, 0.4, 1.0, 1.7]),
    ),
    "sampled features": (HistGradientBoostingRegressor(max_iter=10, max_features=0.4, random_state=0), SIGNAL),
    "no splits": (HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=300), SIGNAL),
}
OUTPUTS = {"five classes": 5}


@cache
def fitted(name: str) -> Any:
    model, target = MODELS[name]
    return model.fit(X, target)


@pytest.mark.parametrize("name", MODELS)
def test_the_flat_forest_predicts_as_scikit_learn(name: str) -> None:
    """On rows never seen, with missing and infinite values, to 1e-9."""
    model = fitted(name)
    raw = np.asarray(model._raw_predict(FRESH)).reshape(len(FRESH), -1)
    assert raw.shape[1] == OUTPUTS.get(name, 1)
    np.testing.assert_allclose(flatten(model, X).predict(FRESH), raw, atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_a_row_alone_equals_the_row_in_a_batch(name: str) -> None:
    """To the bit."""
    forest = flatten(fitted(name), X)
    alone = np.concatenate([forest.predict(FRESH[i : i + 1]) for i in range(40)])
    np.testing.assert_array_equal(alone, forest.predict(FRESH)[:40])


def test_merged_forests_are_the_forests_side_by_side() -> None:
    """To the bit, whatever the numbers of trees, outputs and levels."""
    forests = [flatten(fitted(name), X) for name in MODELS]
    expected = np.concatenate([forest.predict(FRESH) for forest in forests], axis=1)
    np.testing.assert_array_equal(merge(forests).predict(FRESH), expected)
    again = FlatForest.from_state(merge(forests).to_state())
    np.testing.assert_array_equal(again.predict(FRESH), expected)


def test_an_export_that_would_predict_otherwise_is_refused() -> None:
    """The check is on the estimator's own prediction, so a change inside scikit-learn cannot pass unseen."""

    class Changed:
        """A fitted model whose prediction no longer follows from its trees."""

        _predictors = fitted("regressor")._predictors
        _baseline_prediction = fitted("regressor")._baseline_prediction

        def _raw_predict(self, x: np.ndarray) -> np.ndarray:
            return np.asarray(fitted("regressor")._raw_predict(x)) + 1e-6

    with pytest.raises(ArbiterError, match=r"differ from scikit-learn by 1e-06; its internals changed"):
        flatten(Changed(), X)


def test_an_export_is_checked_on_missing_values_that_training_did_not_have() -> None:
    """A change in where scikit-learn sends them is noticed, though no row that was given lacks anything."""
    whole = np.nan_to_num(X)

    class Changed:
        """A fitted model that sends missing values elsewhere than its trees say."""

        model = HistGradientBoostingRegressor(max_iter=5, random_state=0).fit(whole, SIGNAL)
        _predictors, _baseline_prediction = model._predictors, model._baseline_prediction

        def _raw_predict(self, x: np.ndarray) -> np.ndarray:
            return np.asarray(self.model._raw_predict(np.nan_to_num(x, nan=99.0)))

    flatten(Changed.model, whole)
    with pytest.raises(ArbiterError, match="its internals changed"):
        flatten(Changed(), whole)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (8, 6), elements=st.floats(allow_nan=True, allow_infinity=True, width=64)))
def test_any_row_is_predicted_as_by_scikit_learn(rows: np.ndarray) -> None:
    """Whatever numbers there are in it: huge, tiny, infinite, missing."""
    for name in ("regressor", "binary", "five classes"):
        raw = np.asarray(fitted(name)._raw_predict(rows)).reshape(len(rows), -1)
        np.testing.assert_allclose(flatten(fitted(name), X).predict(rows), raw, atol=1e-9, rtol=0)


def test_categorical_splits_are_refused() -> None:
    """Serving compares with a threshold; a set of categories it would get wrong."""
    model = HistGradientBoostingRegressor(max_iter=3, categorical_features=[1]).fit(X, np.nan_to_num(X[:, 1]))
    with pytest.raises(InvalidInputError, match="categorical"):
        flatten(model, X)
