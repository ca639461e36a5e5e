"""The four members of the quality blend, each fitted out of fold and then on everything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.blend import boosting_table, request_features
from arbiter.estimates.kinds import KindMixture
from arbiter.estimates.neighbours import NeighbourIndex, placed
from arbiter.linear import LinearMap
from arbiter.projection import Projection
from arbiter.trees import FlatForest
from arbiter_training.design import design_matrix, linear_map
from arbiter_training.estimates.boosting import BinnedTable, BoostingOptions
from arbiter_training.estimates.cells import cells_of
from arbiter_training.estimates.data import FEW, FloatArray, IntArray, OutcomeData, candidate_means
from arbiter_training.estimates.kinds import FittedKinds, KindOptions, fit_kinds
from arbiter_training.estimates.reduction import ReducedTexts
from arbiter_training.estimates.shared_logistic import Penalty, fit_path
from arbiter_training.principal import principal_components

CHOOSING_FOLDS = 2
"""Folds on which the penalties are compared: with two of five the linear member takes half the time."""

NEIGHBOUR_COMPONENTS = 64
"""Principal components in which neighbours are sought. On the training rows of four public logs 48 to 96 of them left
less error than the whole static embedding on all but one, and they are a quarter of the numbers to search."""

MOST_EXACT = 20_000
"""Stored requests up to which all are searched; above, a search of cells is faster and finds most of the same."""

CHOOSING_ROWS = 5_000
"""Requests on which settings are compared, which bounds the time of a great log."""

LINEAR_ROWS = 10_000
"""Requests that the linear member learns from; a greater log feeds the other two with all it has."""

TABLED_AT_ONCE = 10_000
"""Requests laid out for the trees at once, each with a row per candidate."""

SEARCHED_AT_ONCE = 1_000
"""Requests searched at once in training, which bounds its memory."""


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
    kinds : how kinds of requests are found.
    seed : of everything random.
    """

    penalties: tuple[Penalty, ...] = (
        Penalty(shared=32.0, own=32.0),
        Penalty(shared=16.0, own=16.0),
        Penalty(shared=8.0, own=64.0),
        Penalty(shared=8.0, own=8.0),
        Penalty(shared=2.0, own=8.0),
    )
    neighbours: tuple[NeighbourChoice, ...] = field(
        default_factory=lambda: tuple(
            NeighbourChoice(k=k, sharpness=sharpness) for k in (40, 160, 400) for sharpness in (2.0, 4.0, 8.0)
        )
    )
    iterations: int = 80
    kinds: KindOptions = field(default_factory=KindOptions)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A setting that the cross-validation looked at.

    Attributes
    ----------
    member : whose.
    setting : name to value.
    measure, error : what was compared, out of fold; the least is chosen.
    chosen : whether this was.
    """

    member: str
    setting: Mapping[str, float]
    measure: str
    error: float
    chosen: bool


class MemberTrainer:
    """Fits the members on one set of outcomes.

    Parameters
    ----------
    data : requests and outcomes.
    options : what to choose from.

    Attributes
    ----------
    tried : settings that were compared, as far as members were fitted.
    """

    def __init__(self, data: OutcomeData, options: MemberOptions) -> None:
        self.data = data
        self.options = options
        self.tried: list[Tried] = []
        self.design = design_matrix(data.batch)
        self.weights = data.weights
        self._place = centred_components(data.batch.embedding, NEIGHBOUR_COMPONENTS, options.seed)
        self._keys = placed(data.batch.embedding, self._place)

    def linear(self) -> tuple[FloatArray, LinearMap, Penalty]:
        """Give out-of-fold scores (n, K), the final map, and the penalty chosen."""
        scores, penalty = self._linear_out_of_fold()
        rows = self._sample(np.arange(len(scores)), LINEAR_ROWS)
        ((coefficients, bias),) = self._linear_path(rows, (penalty,))
        return scores, linear_map(coefficients, bias, self.data.batch), penalty

    def neighbours(self) -> tuple[FloatArray, FloatArray, NeighbourIndex]:
        """Give out-of-fold means and effective counts (n, K), and the final index."""
        everything, choices = np.arange(len(self.data.folds)), self.options.neighbours
        sample = self._sample(everything, CHOOSING_ROWS)
        tried = self._neighbours_out_of_fold(choices, sample)
        chosen = self._chosen("neighbours", "mse", choices, [self._squared_error(near, sample) for near, _ in tried])
        if len(sample) < len(everything):
            near, effective = self._neighbours_out_of_fold((choices[chosen],), everything)[0]
        else:
            near, effective = tried[chosen]
        return near, effective, self._index(everything, choices[chosen])

    def kinds(self) -> tuple[FloatArray, KindMixture]:
        """Give out-of-fold means (n, K), and the final mixture."""
        everything = np.arange(len(self.data.folds))
        most, options = self.options.kinds.rows, self.options.kinds
        texts = ReducedTexts.of(self.data.batch, options.components, self.options.seed)
        x = texts.x
        named = np.full(len(x), -1, dtype=np.int64) if self.data.kinds is None else self.data.kinds

        def learned_from(rows: IntArray) -> FittedKinds:
            return fit_kinds(x[rows], self.data.quality[rows], self.weights[rows], named[rows], options)

        predicted = np.zeros_like(self.data.quality)
        for train, test in self._splits():
            predicted[test] = learned_from(self._sample(train, most)).predict(x[test])
        final = learned_from(self._sample(everything, most))
        return predicted, KindMixture(gate=texts.map(final.weights, final.bias), quality=final.quality)

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

        def table_of(rows: IntArray) -> FloatArray:
            return boosting_table(scores[rows], near[rows], requests[rows], descriptors)

        seen = self.weights > 0
        parts = np.array_split(np.arange(len(scores)), 1 + len(scores) // TABLED_AT_ONCE)
        binned = BinnedTable(np.concatenate([table_of(rows)[seen[rows].ravel()] for rows in parts]))
        y, w = self.data.quality[seen], self.weights[seen]
        request = np.repeat(np.arange(len(scores)), seen.sum(axis=1))
        options = BoostingOptions(iterations=self.options.iterations, seed=self.options.seed)
        predicted = np.zeros_like(scores)
        for fold in np.unique(self.data.folds):
            forest = binned.fit(y, w, np.flatnonzero(self.data.folds[request] != fold), options)
            for rows in parts:
                held = rows[self.data.folds[rows] == fold]
                if held.size:
                    predicted[held] = forest.predict(table_of(held)).reshape(len(held), -1)
        return predicted, binned.fit(y, w, np.arange(len(y)), options)

    def _linear_out_of_fold(self) -> tuple[FloatArray, Penalty]:
        """Give the (n, K) scores under the penalty that does best on the first folds, and that penalty."""
        penalties, scores = self.options.penalties, np.zeros_like(self.data.quality)
        splits = list(self._splits())
        tried = np.zeros((len(penalties), *scores.shape))
        for train, test in splits[:CHOOSING_FOLDS]:
            path = self._linear_path(self._sample(train, CHOOSING_ROWS), penalties)
            for scored, (coefficients, bias) in zip(tried, path, strict=True):
                scored[test] = self.design[test] @ coefficients.T + bias
        seen = np.concatenate([test for _, test in splits[:CHOOSING_FOLDS]])
        chosen = self._chosen("linear", "log_loss", penalties, [self._log_loss(scored, seen) for scored in tried])
        whole = len(scores) <= CHOOSING_ROWS  # then the first folds are done
        if whole:
            scores[seen] = tried[chosen][seen]
        for train, test in splits[CHOOSING_FOLDS if whole else 0 :]:
            ((coefficients, bias),) = self._linear_path(self._sample(train, LINEAR_ROWS), (penalties[chosen],))
            scores[test] = self.design[test] @ coefficients.T + bias
        return scores, penalties[chosen]

    def _chosen(
        self, member: str, measure: str, settings: Sequence[Penalty | NeighbourChoice], errors: list[float]
    ) -> int:
        """Give the place of the setting of least error, and remember all."""
        best = int(np.argmin(errors))
        self.tried += [
            Tried(member=member, setting=asdict(setting), measure=measure, error=error, chosen=place == best)
            for place, (setting, error) in enumerate(zip(settings, errors, strict=True))
        ]
        return best

    def _sample(self, rows: IntArray, most: int) -> IntArray:
        """Give at most so many of the rows, drawn at random."""
        if len(rows) <= most:
            return rows
        return np.sort(np.random.default_rng(self.options.seed).choice(rows, most, replace=False))

    def _linear_path(self, rows: IntArray, penalties: tuple[Penalty, ...]) -> list[tuple[FloatArray, FloatArray]]:
        return fit_path(self.design[rows], self.data.quality[rows], self.weights[rows], penalties)

    def _neighbours_out_of_fold(
        self, choices: tuple[NeighbourChoice, ...], asked_for: IntArray
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Give (n, K) means and effective counts under each choice, 0 but where asked for; one search for all."""
        shape = self.data.quality.shape
        tried = [(np.zeros(shape), np.zeros(shape)) for _ in choices]
        most = max(choice.k for choice in choices)
        for train, test in self._splits():
            index = self._index(train, choices[0])
            for rows in self._parts(np.intersect1d(test, asked_for)):
                near, close = index.search(self.data.batch.embedding[rows], min(most, len(train)))
                order = np.argsort(-close, axis=1)
                near, close = np.take_along_axis(near, order, axis=1), np.take_along_axis(close, order, axis=1)
                for choice, (mean, effective) in zip(choices, tried, strict=True):
                    asked = replace(index, sharpness=choice.sharpness, prior_strength=choice.prior_strength)
                    mean[rows], effective[rows] = asked.weigh(near[:, : choice.k], close[:, : choice.k])
        return tried

    def _index(self, rows: IntArray, choice: NeighbourChoice) -> NeighbourIndex:
        cells = None
        if len(rows) > MOST_EXACT:
            order, cells = cells_of(self._keys[rows], self.options.seed)
            rows = rows[order]
        quality, observed = self.data.quality[rows], self.data.observed[rows]
        means = candidate_means(quality, self.weights[rows], FEW)
        if self.data.trust is not None:  # the index counts each outcome once; what it is not trusted for is the mean's
            quality = means + np.minimum(self.data.trust[rows], 1.0) * (quality - means)
        index = NeighbourIndex(
            keys=self._keys[rows],
            rewards=np.nan_to_num(quality).astype(np.float32),
            observed=observed,
            means=means,
            k=choice.k,
            sharpness=choice.sharpness,
            prior_strength=choice.prior_strength,
            cells=cells,
            projection=self._place,
        )
        return NeighbourIndex.from_state(index.to_state())  # rounded as it will be served

    def _splits(self) -> Iterator[tuple[IntArray, IntArray]]:
        for fold in np.unique(self.data.folds):
            yield np.flatnonzero(self.data.folds != fold), np.flatnonzero(self.data.folds == fold)

    def _log_loss(self, scores: FloatArray, rows: IntArray) -> float:
        y, scored, weights = np.nan_to_num(self.data.quality[rows]), scores[rows], self.weights[rows]
        return float((weights * (np.logaddexp(0.0, scored) - y * scored)).sum() / max(weights.sum(), 1e-12))

    def _squared_error(self, predicted: FloatArray, rows: IntArray) -> float:
        error, weights = np.nan_to_num(self.data.quality[rows] - predicted[rows]), self.weights[rows]
        return float((weights * error**2).sum() / max(weights.sum(), 1e-12))

    @staticmethod
    def _parts(rows: IntArray) -> list[IntArray]:
        return [rows[i : i + SEARCHED_AT_ONCE] for i in range(0, len(rows), SEARCHED_AT_ONCE)]


def centred_components(embedding: NDArray[np.float32], k: int, seed: int) -> Projection:
    """Give the projection to k principal components in their own scale: distances are kept, nothing is whitened."""
    whitened = principal_components(embedding, k, seed)
    length = np.linalg.norm(whitened.components, axis=0)
    return Projection(mean=whitened.mean, components=whitened.components / np.where(length > 0, length, 1.0))
