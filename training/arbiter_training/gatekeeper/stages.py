"""The two stages of a head, each fitted out of fold: a linear model on all features, boosted trees on top of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES, softmax
from arbiter.linear import LinearMap
from arbiter.trees import FlatForest, merge
from arbiter_training.design import linear_map
from arbiter_training.flatten import flatten
from arbiter_training.gatekeeper.calibration import log_loss
from arbiter_training.gatekeeper.data import BoolArray, FloatArray, GatekeeperOptions, IntArray, LabelledQueries

UNSEEN_SCORE = -12.0
"""Score of a label that the training data never show: a probability of about 1e-5."""

MAX_DEPTH = 5
"""Of a tree: serving walks every tree this many steps, so that one long branch would slow them all."""

SOLVER_TOLERANCE = 1e-3
"""Gradient at which the linear fit stops; a tenth of it takes twice as long and changes no verdict in a thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearStage:
    """A fitted linear head.

    Attributes
    ----------
    out_of_fold : (n, labels) scores of every request by models that did not see it.
    map : the final model, ready to serve.
    inverse_penalty : what the cross-validation chose.
    """

    out_of_fold: FloatArray
    map: LinearMap
    inverse_penalty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedStage:
    """A fitted boosted head.

    Attributes
    ----------
    out_of_fold : (n, labels) scores of every request by models that did not see it.
    forest : the final model, ready to serve.
    """

    out_of_fold: FloatArray
    forest: FlatForest


class HeadTrainer:
    """Fits the stages of one head.

    Parameters
    ----------
    head : which one; ``data`` has labels for it.
    data : labels, folds and weights.
    options : how to fit.
    """

    def __init__(self, head: str, data: LabelledQueries, options: GatekeeperOptions) -> None:
        self.head = head
        self.n_labels = len(HEADS[head])
        self.labels = data.labels[head]
        self.known = self.labels >= 0
        self.folds = data.folds
        self.weights = data.all_weights
        self.options = options

    def linear(self, design: Any, like: FeatureBatch) -> LinearStage:
        """Fit the linear stage on the (n, m) design matrix; ``like`` gives the widths of its blocks."""
        tried = {c: self._linear_out_of_fold(design, c) for c in self.options.inverse_penalty}
        y, weights = self.labels[self.known], self.weights[self.known]
        chosen = min(tried, key=lambda c: log_loss(softmax(tried[c][self.known]), y, weights))
        final = self._logistic(chosen).fit(design[self.known], y, weights)
        return LinearStage(out_of_fold=tried[chosen], map=self._map(final, like), inverse_penalty=chosen)

    def boosted(self, table: FloatArray) -> BoostedStage:
        """Fit the trees on the (n, m) boosting features, of which they see their own head's linear scores only.

        So a head can be fitted anew without the others' trees reading scores that they were not fitted on.
        """
        foreign = [i for i in range(N_OUTPUTS) if not SLICES[self.head].start <= i < SLICES[self.head].stop]
        columns = np.setdiff1d(np.arange(table.shape[1]), foreign)
        mine = table[:, columns]
        scores = np.full((len(self.labels), self.n_labels), UNSEEN_SCORE)
        for fold in np.unique(self.folds):
            train, test = self.known & (self.folds != fold), self.folds == fold
            scores[test] = self._forest(mine, train).predict(mine[test])
        forest = self._forest(mine, self.known)
        return BoostedStage(
            out_of_fold=scores, forest=replace(forest, feature=columns[forest.feature].astype(np.int32))
        )

    def _linear_out_of_fold(self, design: Any, c: float) -> FloatArray:
        scores = np.full((len(self.labels), self.n_labels), UNSEEN_SCORE)
        for fold in np.unique(self.folds):
            train, test = self.known & (self.folds != fold), self.folds == fold
            model = self._logistic(c).fit(design[train], self.labels[train], self.weights[train])
            raw = model.decision_function(design[test])
            if raw.ndim == 1:  # two classes: scikit-learn gives one score, that of the second
                raw = np.stack([-raw / 2, raw / 2], axis=1)
            scores[np.ix_(test, model.classes_)] = raw
        return scores

    def _logistic(self, c: float) -> LogisticRegression:
        return LogisticRegression(C=c, max_iter=300, tol=SOLVER_TOLERANCE)

    def _map(self, model: LogisticRegression, like: FeatureBatch) -> LinearMap:
        coefficients, bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:
            coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
            bias = np.concatenate([-bias / 2, bias / 2])
        full = np.zeros((self.n_labels, coefficients.shape[1]))
        full_bias = np.full(self.n_labels, UNSEEN_SCORE)
        full[model.classes_], full_bias[model.classes_] = coefficients, bias
        return linear_map(full, full_bias, like)

    def _forest(self, table: FloatArray, rows: BoolArray) -> FlatForest:
        model = HistGradientBoostingClassifier(
            max_iter=self.options.iterations,
            learning_rate=0.08,
            max_leaf_nodes=12,
            max_depth=MAX_DEPTH,
            min_samples_leaf=15,
            l2_regularization=2.0,
            max_features=0.5,
            early_stopping=False,
            random_state=self.options.seed,
        ).fit(table[rows], self.labels[rows], self.weights[rows])
        return self._widened(flatten(model, table[:200]), model.classes_)

    def _widened(self, forest: FlatForest, classes: IntArray) -> FlatForest:
        """Move the outputs of the classes seen in a fit to the columns of all labels."""
        if len(classes) == 2:  # one output: half of it for the second class, minus half for the first
            half = replace(forest, value=forest.value / 2, baseline=forest.baseline / 2)
            forest = merge([replace(half, value=-half.value, baseline=-half.baseline), half])
        baseline = np.full(self.n_labels, UNSEEN_SCORE)
        baseline[classes] = forest.baseline
        return replace(forest, outputs=classes[forest.outputs].astype(np.int32), baseline=baseline)
