"""Training of the quality estimates: members, blend, guard, and what the result is worth."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import nnls

from arbiter.catalog import Catalog
from arbiter.errors import InvalidInputError
from arbiter.estimates.blend import MEMBERS, BlendedQuality, sigmoid
from arbiter_training.estimates.data import FEW, FloatArray, OutcomeData, candidate_means
from arbiter_training.estimates.guard import fit_guard
from arbiter_training.estimates.members import MemberOptions, MemberTrainer, Tried
from arbiter_training.estimates.relatives import describe, kinship
from arbiter_training.estimates.shared_logistic import Penalty
from arbiter_training.estimates.student_view import teach_view
from arbiter_training.principal import principal_components


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityOptions:
    """How the quality estimates are fitted.

    Attributes
    ----------
    members : what the cross-validation of the members may choose from.
    components : principal components of the embedding that the trees see.
    """

    members: MemberOptions = field(default_factory=MemberOptions)
    components: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """What the out-of-fold predictions are worth, in mean squared error over the observed outcomes.

    Attributes
    ----------
    constant : error of each candidate's mean.
    members : name to error.
    blend : error of the guarded blend.
    weights : name to weight in the blend.
    penalty, k, sharpness : what the cross-validation chose.
    out_of_fold : (n, K) the guarded blend, for doubly robust evaluation on the training log.
    tried : settings that the cross-validation compared.
    """

    constant: float
    members: dict[str, float]
    blend: float
    weights: dict[str, float]
    penalty: Penalty
    k: int
    sharpness: float
    out_of_fold: FloatArray
    tried: tuple[Tried, ...] = ()


def fit_quality(
    data: OutcomeData, catalog: Catalog, options: QualityOptions | None = None
) -> tuple[BlendedQuality, QualityReport]:
    """Fit the blend on everything; choose and weigh out of fold.

    Parameters
    ----------
    data : n requests, K candidates in the catalog's order.
    catalog : gives the descriptors by which the trees tell candidates apart.
    options : None takes the defaults.

    Raises
    ------
    InvalidInputError
        If all rows lie in one fold.
    """
    chosen = options or QualityOptions()
    if len(np.unique(data.folds)) < 2:
        raise InvalidInputError("the estimates are chosen out of fold and all rows lie in one; give two folds or more")
    student = None if data.teacher is None else teach_view(data.batch, data.teacher, data.folds, chosen.members.seed)
    if student is not None:
        data = replace(data, batch=replace(data.batch, embedding=student.vectors))
    trainer = MemberTrainer(data, chosen.members)
    projection = principal_components(data.batch.embedding, chosen.components, chosen.members.seed)
    descriptors = describe(catalog)
    scores, linear, penalty = trainer.linear()
    near, _, index = trainer.neighbours()
    boosted, forest = trainer.boosted(scores, near, projection, descriptors)
    typical, kinds = trainer.kinds()
    members = np.stack([sigmoid(scores), near, boosted, typical])
    weights = _blend_weights(members, data)
    blend = np.tensordot(weights, members, axes=1)
    guard = fit_guard(blend, data, kinship(catalog))
    final = guard.apply(blend)
    model = BlendedQuality(
        linear=linear,
        neighbours=index,
        projection=projection,
        forest=forest,
        kinds=kinds,
        descriptors=descriptors,
        weights=weights,
        guard=guard,
        noise_variance=candidate_means((data.quality - final) ** 2, data.weights, FEW),
        view=None if student is None else student.map,
    )
    return model, _report(members, final, model, trainer, penalty)


def _report(
    members: FloatArray, final: FloatArray, model: BlendedQuality, trainer: MemberTrainer, penalty: Penalty
) -> QualityReport:
    data = trainer.data
    means = candidate_means(data.quality, data.weights)
    return QualityReport(
        constant=_error(np.broadcast_to(means, final.shape), data),
        members={name: _error(member, data) for name, member in zip(MEMBERS, members, strict=True)},
        blend=_error(final, data),
        weights=dict(zip(MEMBERS, model.weights.tolist(), strict=True)),
        penalty=penalty,
        k=model.neighbours.k,
        sharpness=model.neighbours.sharpness,
        out_of_fold=final,
        tried=tuple(trainer.tried),
    )


def _blend_weights(members: FloatArray, data: OutcomeData) -> FloatArray:
    """Half-way between equal weights and those of least error.

    The latter are least squares with non-negative weights (stacking: Breiman, 1996), scaled to sum 1. By themselves
    they may follow noise (the "forecast combination puzzle" of Stock and Watson, 2004). On training rows of three
    public logs equal weights routed as well or better on the static encoder although their error was greater, and
    a little worse with a student on one. Half-way is a compromise, not an optimum that was searched for.
    """
    root = np.sqrt(data.weights.ravel())
    seen = root > 0
    x = (members.reshape(len(members), -1).T * root[:, None])[seen]
    weights, _ = nnls(x, (np.nan_to_num(data.quality).ravel() * root)[seen])
    total, equal = weights.sum(), np.full(len(members), 1.0 / len(members))
    return np.asarray((weights / total + equal) / 2.0) if total > 0 else equal


def _error(predicted: FloatArray, data: OutcomeData) -> float:
    squared = np.nan_to_num((data.quality - predicted) ** 2)
    return float((data.weights * squared).sum() / data.weights.sum())
