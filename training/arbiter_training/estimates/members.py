"""The three members of the quality blend, each fitted out of fold and then on everything."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from arbiter.estimates.blend import boosting_table, request_features
from arbiter.estimates.neighbours import NeighbourIndex
from arbiter.linear import LinearMap
from arbiter.projection import Projection
from arbiter.trees import FlatForest
from arbiter_training.design import design_matrix, linear_map
from arbiter_training.estimates.data import FEW, FloatArray, IntArray, OutcomeData, candidate_means
from arbiter_training.estimates.shared_logistic import Penalty, fit_shared_logistic
from arbiter_training.flatten import flatten


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourChoice:
    """Settings of the neighbours; see :class:`arbiter.estimates.neighbours.NeighbourIndex`."""

    k: int
    sharpness: float
    prior_strength: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOptions:
    """What the cross-validation may choose from.

    Attributes
    ----------
    penalties : of the linear member.
    neighbours : of the neighbours.
    iterations : boosting rounds.
    seed : of the boosting.
    """

    penalties: tuple[Penalty, ...] = (
        Penalty(shared=0.5, own=2.0),
        Penalty(shared=2.0, own=8.0),
        Penalty(shared=2.0, own=2.0),
        Penalty(shared=8.0, own=8.0),
        Penalty(shared=8.0, own=64.0),
    )
    neighbours: tuple[NeighbourChoice, ...] = field(
        default_factory=lambda: tuple(NeighbourChoice(k=k, sharpness=s) for k in (40, 160) for s in (4.0, 12.0))
    )
    iterations: int = 80
    seed: int = 0


class MemberTrainer:
    """Fits the members on one set of outcomes.

    Parameters
    ----------
    data : requests and outcomes.
    options : what to choose from.
    """

    def __init__(self, data: OutcomeData, options: MemberOptions) -> None:
        self.data = data
        self.options = options
        self.design = design_matrix(data.batch)
        self.weights = data.weights

    def linear(self) -> tuple[FloatArray, LinearMap, Penalty]:
        """Give out-of-fold scores (n, K), the final map, and the penalty chosen."""
        tried = {i: self._linear_out_of_fold(p) for i, p in enumerate(self.options.penalties)}
        chosen = min(tried, key=lambda i: self._log_loss(tried[i]))
        penalty = self.options.penalties[chosen]
        coefficients, bias = fit_shared_logistic(self.design, self.data.quality, self.weights, penalty)
        return tried[chosen], linear_map(coefficients, bias, self.data.batch), penalty

    def neighbours(self) -> tuple[FloatArray, FloatArray, NeighbourIndex]:
        """Give out-of-fold means and effective counts (n, K), and the final index."""
        tried = {choice: self._neighbours_out_of_fold(choice) for choice in self.options.neighbours}
        chosen = min(tried, key=lambda choice: self._squared_error(tried[choice][0]))
        near, effective = tried[chosen]
        return near, effective, self._index(np.arange(len(self.data.folds)), chosen)

    def boosted(
        self, scores: FloatArray, near: FloatArray, projection: Projection, descriptors: FloatArray
    ) -> tuple[FloatArray, FlatForest]:
        """Give out-of-fold means (n, K), and the final forest.

        Parameters
        ----------
        scores, near : (n, K) out of fold, of the other two members.
        projection : of the embedding.
        descriptors : (K, c).
        """
        requests = request_features(self.data.batch, self.data.heads, projection)
        table = boosting_table(scores, near, requests, descriptors)
        y, w = self.data.quality.ravel(), self.weights.ravel()
        cell_folds = np.repeat(self.data.folds, scores.shape[1])
        predicted = np.zeros(y.size)
        for train, test in self._cell_splits(cell_folds, w):
            predicted[test] = self._forest(table[train], y[train], w[train]).predict(table[test])[:, 0]
        forest = self._forest(table[w > 0], y[w > 0], w[w > 0])
        return predicted.reshape(scores.shape), forest

    def _forest(self, table: FloatArray, y: FloatArray, w: FloatArray) -> FlatForest:
        model = HistGradientBoostingRegressor(
            max_iter=self.options.iterations,
            learning_rate=0.06,
            max_leaf_nodes=10,
            min_samples_leaf=20,
            l2_regularization=5.0,
            max_features=0.4,
            early_stopping=False,
            random_state=self.options.seed,
        ).fit(table, y, sample_weight=w)
        return flatten(model, table[:200])

    def _linear_out_of_fold(self, penalty: Penalty) -> FloatArray:
        scores = np.zeros_like(self.data.quality)
        for train, test in self._splits():
            fitted = fit_shared_logistic(self.design[train], self.data.quality[train], self.weights[train], penalty)
            scores[test] = self.design[test] @ fitted[0].T + fitted[1]
        return scores

    def _neighbours_out_of_fold(self, choice: NeighbourChoice) -> tuple[FloatArray, FloatArray]:
        near, effective = np.zeros_like(self.data.quality), np.zeros_like(self.data.quality)
        for train, test in self._splits():
            near[test], effective[test] = self._index(train, choice).predict(self.data.batch.embedding[test])
        return near, effective

    def _index(self, rows: IntArray, choice: NeighbourChoice) -> NeighbourIndex:
        quality, observed = self.data.quality[rows], self.data.observed[rows]
        index = NeighbourIndex(
            keys=self.data.batch.embedding[rows],
            rewards=np.nan_to_num(quality).astype(np.float32),
            observed=observed,
            means=candidate_means(quality, self.weights[rows], FEW),
            k=choice.k,
            sharpness=choice.sharpness,
            prior_strength=choice.prior_strength,
        )
        return NeighbourIndex.from_state(index.to_state())  # rounded as it will be served

    def _splits(self) -> Iterator[tuple[IntArray, IntArray]]:
        for fold in np.unique(self.data.folds):
            yield np.flatnonzero(self.data.folds != fold), np.flatnonzero(self.data.folds == fold)

    def _cell_splits(self, folds: IntArray, w: FloatArray) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        for fold in np.unique(folds):
            yield (folds != fold) & (w > 0), folds == fold

    def _log_loss(self, scores: FloatArray) -> float:
        y = np.nan_to_num(self.data.quality)
        return float((self.weights * (np.logaddexp(0.0, scores) - y * scores)).sum() / self.weights.sum())

    def _squared_error(self, predicted: FloatArray) -> float:
        error = np.nan_to_num(self.data.quality - predicted)
        return float((self.weights * error**2).sum() / self.weights.sum())
