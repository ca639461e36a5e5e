"""The competitors that predict quality: the shipped estimates, and the baselines every router must beat."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter_training.benchmarks.lesson import Lesson
from arbiter_training.estimates import OutcomeData, QualityOptions, fit_quality
from arbiter_training.estimates.data import candidate_means
from arbiter_training.split import fold_numbers

FloatArray = NDArray[np.float64]

NEIGHBOURS = 40
COMPONENTS = 48
INNER_FOLDS = 5

TASK_PRIOR = 5.0
"""Pseudo-outcomes of the overall mean in the mean of a task, so that a task of one request decides nothing."""


@dataclass(slots=True, kw_only=True)
class Shipped:
    """The estimates of this library, as `arbiter train` fits them.

    Attributes
    ----------
    catalog : descriptors of the candidates.
    options : of the estimates.
    named : whether the training rows' tasks are told; those of the test rows never are.
    chosen : what the cross-validation inside the training rows chose, after a call.
    """

    catalog: Catalog
    options: QualityOptions = field(default_factory=QualityOptions)
    named: bool = False
    chosen: dict[str, object] = field(default_factory=dict)

    def __call__(self, lesson: Lesson) -> FloatArray:
        """See :class:`arbiter_training.benchmarks.lesson.Predictor`."""
        tasks = lesson.train.tasks
        kinds = np.unique(tasks.astype(str), return_inverse=True)[1] if self.named and tasks is not None else None
        data = OutcomeData(
            batch=lesson.train.batch,
            heads=lesson.train.heads,
            quality=lesson.outcomes.quality,
            inclusion=np.nan_to_num(lesson.outcomes.propensity, nan=1.0),
            folds=fold_numbers(lesson.groups, INNER_FOLDS, lesson.seed + 1),
            teacher=lesson.train.teacher,
            kinds=kinds,
        )
        model, report = fit_quality(data, self.catalog, self.options)
        self.chosen = {
            "weights": {name: round(weight, 3) for name, weight in report.weights.items()},
            "penalty": (report.penalty.shared, report.penalty.own),
            "k": report.k,
            "sharpness": report.sharpness,
            "error": round(report.blend, 5),
            "constant_error": round(report.constant, 5),
        }
        return model.predict(lesson.test.batch, lesson.test.heads)[0]


def constants(lesson: Lesson) -> FloatArray:
    """Predict each candidate's mean: routed by it, the choice is the same for all requests but for their cost."""
    means = candidate_means(lesson.outcomes.quality, _seen(lesson))
    return np.tile(means, (len(lesson.test.batch), 1))


def per_task(lesson: Lesson) -> FloatArray:
    """Predict each candidate's mean on the request's task, which is told: best model per task, no reading needed."""
    assert lesson.train.tasks is not None and lesson.test.tasks is not None
    seen = _seen(lesson)
    overall = candidate_means(lesson.outcomes.quality, seen)
    predicted = np.tile(overall, (len(lesson.test.batch), 1))
    for task in set(lesson.test.tasks.tolist()):
        rows = lesson.train.tasks == task
        total = (np.nan_to_num(lesson.outcomes.quality[rows])).sum(axis=0) + TASK_PRIOR * overall
        predicted[lesson.test.tasks == task] = total / (seen[rows].sum(axis=0) + TASK_PRIOR)
    return predicted


def nearest(lesson: Lesson) -> FloatArray:
    """Predict the plain mean of the 40 nearest training requests by cosine, as RouterBench's kNN does."""
    similarity = lesson.test.batch.embedding @ lesson.train.batch.embedding.T
    k = min(NEIGHBOURS, similarity.shape[1])
    near = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    return np.asarray(lesson.outcomes.quality[near].mean(axis=1))


def logistic(lesson: Lesson) -> FloatArray:
    """Predict by one logistic regression on the embedding per candidate; a graded outcome counts as a fraction."""
    from sklearn.linear_model import LogisticRegression

    x, y = lesson.train.batch.embedding, lesson.outcomes.quality
    both = np.concatenate([x, x])
    target = np.repeat([1, 0], len(x))
    predicted = np.empty((len(lesson.test.batch), y.shape[1]))
    for k in range(y.shape[1]):
        weight = np.concatenate([y[:, k], 1.0 - y[:, k]])
        model = LogisticRegression(C=1.0, max_iter=300).fit(both, target, sample_weight=weight)
        predicted[:, k] = model.predict_proba(lesson.test.batch.embedding)[:, 1]
    return predicted


def boosting(lesson: Lesson) -> FloatArray:
    """Predict by one gradient boosting per candidate on 48 principal components and the statistics of the text."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import HistGradientBoostingRegressor

    train, test = lesson.train.batch, lesson.test.batch
    components = min(COMPONENTS, *train.embedding.shape)
    pca = PCA(n_components=components, random_state=lesson.seed).fit(train.embedding)
    x = np.concatenate([pca.transform(train.embedding), train.dense], axis=1)
    new = np.concatenate([pca.transform(test.embedding), test.dense], axis=1)
    models = [
        HistGradientBoostingRegressor(
            max_iter=80, learning_rate=0.06, max_leaf_nodes=10, min_samples_leaf=20, random_state=lesson.seed
        ).fit(x, quality)
        for quality in lesson.outcomes.quality.T
    ]
    return np.stack([model.predict(new) for model in models], axis=1)


def _seen(lesson: Lesson) -> FloatArray:
    return (~np.isnan(lesson.outcomes.quality)).astype(np.float64)
