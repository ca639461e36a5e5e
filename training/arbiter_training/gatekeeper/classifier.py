"""The gatekeeper's method as a scikit-learn estimator: any labels on any texts."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import diags_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from arbiter.encoders import Encoder, HashingEncoder
from arbiter.features import FeatureBatch, Features
from arbiter.gatekeeper.heads import softmax
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.intake import read_request
from arbiter.ngrams import HashedNgrams
from arbiter.projection import Projection
from arbiter_training.design import design_matrix
from arbiter_training.principal import principal_components

FloatArray = NDArray[np.float64]

BUCKETS = 2**16
"""Enough that the words of a set of some ten thousand texts seldom collide; only the fit's own size grows with it."""

STATISTICS_SHARE = 0.5

LEAST_FOR_FOLDS = 5
"""Texts of the rarest class below which the trees are left out: their scores out of fold would be of nothing."""


class GatekeeperClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Linear scores on all features, boosted trees on few dense ones, averaged: one head with labels of your own.

    It keeps scikit-learn's contract (``get_params``, ``clone``, pipelines, cross-validation, ``classes_``). What it
    takes is text: ``check_estimator``, which feeds matrices of numbers, skips most checks, as the tags say. Where
    the numbers are spelled as words, all of them pass.

    Parameters
    ----------
    encoder : gives the embedding; None takes the hashing encoder, which needs no table.
    buckets : of the hashed n-grams, a power of two.
    inverse_penalty : ``C`` of the logistic regression.
    components : principal components of the embedding that the trees see.
    iterations : boosting rounds; 0 leaves the trees out.
    seed : of folds and boosting.

    Attributes
    ----------
    classes_ : the labels, sorted.
    features_ : fitted on the texts.
    """

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        buckets: int = BUCKETS,
        inverse_penalty: float = 4.0,
        components: int = 24,
        iterations: int = 40,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.buckets = buckets
        self.inverse_penalty = inverse_penalty
        self.components = components
        self.iterations = iterations
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Fit on texts.

        Parameters
        ----------
        X : n texts.
        y : (n,) labels of two kinds or more.

        Raises
        ------
        ValueError
            If ``X`` does not hold texts, the lengths differ, or there are fewer than two labels.
        """
        texts = _texts(X)
        labels = np.asarray(y)
        check_classification_targets(labels)
        if labels.shape != (len(texts),):
            raise ValueError(f"y must hold one label per text: {len(texts)} texts, labels of shape {labels.shape}")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only ({self.classes_[0]!r}); a classifier needs two or more")
        queries = [read_request(text) for text in texts]
        ngrams, evidence = HashedNgrams(self.buckets), KeywordRules.default()
        self.features_ = Features(self.encoder or HashingEncoder(), ngrams, evidence).fit(queries)
        batch = self.features_.transform(queries)
        self._fit_stages(batch, codes)
        return self

    def predict_proba(self, X: ArrayLike) -> FloatArray:  # noqa: N803
        """Give the (n, classes) probabilities of texts, in the order of ``classes_``."""
        check_is_fitted(self)
        batch = self.features_.transform([read_request(text) for text in _texts(X)])
        scores = self._decide(self.linear_, self._design(batch))
        linear = softmax(scores)
        if self.boosted_ is None:
            return linear
        return np.asarray((linear + self.boosted_.predict_proba(self._table(scores, batch))) / 2)

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Give the (n,) most probable labels of texts."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def _fit_stages(self, batch: FeatureBatch, codes: NDArray[np.int64]) -> None:
        self.column_scale_ = _column_scale(batch)
        design = self._design(batch)
        self.linear_ = self._logistic().fit(design, codes)
        self.projection_: Projection = principal_components(batch.embedding, self.components, self.seed)
        self.boosted_ = None
        if self.iterations == 0 or np.bincount(codes).min() < LEAST_FOR_FOLDS:
            return
        scores = np.zeros((len(codes), len(self.classes_)))
        for train, test in StratifiedKFold(5, shuffle=True, random_state=self.seed).split(codes, codes):
            scores[test] = self._decide(self._logistic().fit(design[train], codes[train]), design[test])
        boosting = HistGradientBoostingClassifier(
            max_iter=self.iterations,
            learning_rate=0.08,
            max_leaf_nodes=12,
            max_depth=5,
            l2_regularization=2.0,
            max_features=0.5,
            early_stopping=False,
            random_state=self.seed,
        )
        self.boosted_ = boosting.fit(self._table(scores, batch), codes)

    def _design(self, batch: FeatureBatch) -> Any:
        return design_matrix(batch) @ diags_array(self.column_scale_, format="csr")

    def _logistic(self) -> LogisticRegression:
        return LogisticRegression(C=self.inverse_penalty, max_iter=300, tol=1e-3)

    def _decide(self, model: LogisticRegression, design: Any) -> FloatArray:
        raw = np.asarray(model.decision_function(design))
        return np.stack([-raw / 2, raw / 2], axis=1) if raw.ndim == 1 else raw

    def _table(self, scores: FloatArray, batch: FeatureBatch) -> FloatArray:
        return np.concatenate([scores, self.projection_.apply(batch.embedding), batch.dense], axis=1)


def _column_scale(batch: FeatureBatch) -> FloatArray:
    """Give the weight of each column under the one penalty of the linear stage.

    N-grams weigh by their inverse document frequency (Spärck Jones, 1972; smoothed as scikit-learn does), so that rare
    words, which tell more, are restrained less; statistics weigh half of what they do beside fewer n-grams.
    """
    seen = np.asarray((batch.ngrams.to_csr() > 0).sum(axis=0)).ravel()
    rarity = np.log((1.0 + len(batch)) / (1.0 + seen)) + 1.0
    d, s = batch.embedding.shape[1], batch.dense.shape[1]
    return np.concatenate([np.ones(d), rarity, np.full(s, STATISTICS_SHARE)])


def _texts(values: ArrayLike) -> Sequence[str]:
    array = np.asarray(values, dtype=object)
    if array.ndim != 1 or len(array) == 0 or not all(isinstance(text, str) for text in array):
        raise ValueError(
            f"X must be a non-empty one-dimensional list of texts (str); got an array of shape {array.shape}"
        )
    return [str(text) for text in array]
