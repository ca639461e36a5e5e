"""Quality learned from outcomes: a blend of a linear model, neighbours, boosted trees and kinds of requests."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.guard import Guard
from arbiter.estimates.kinds import KindMixture
from arbiter.estimates.neighbours import NeighbourIndex
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.linear import LinearMap
from arbiter.projection import Projection
from arbiter.state import State
from arbiter.trees import FlatForest

FloatArray = NDArray[np.float64]

MEMBERS = ("linear", "neighbours", "boosted", "kinds")
"""The order of the blend's weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendedQuality:
    """Weighted mean of four models, behind a guard.

    Attributes
    ----------
    linear : K scores; a sigmoid makes them the first member.
    neighbours : the second member.
    projection, forest : the third; one forest serves all candidates, told which one it looks at.
    descriptors : (K, m) what tells the candidates apart for the forest: identity, price, tier, size.
    kinds : the fourth.
    weights : (4,), at least 0.
    guard : what is believed of the blend.
    noise_variance : (K,), variance of an outcome around the blend, out of fold.
    view : a student of a large encoder: its vector stands beside the embedding in all members. None without.
    """

    linear: LinearMap
    neighbours: NeighbourIndex
    projection: Projection
    forest: FlatForest
    descriptors: FloatArray
    kinds: KindMixture
    weights: FloatArray
    guard: Guard
    noise_variance: FloatArray
    view: LinearMap | None = None

    def predict(self, batch: FeatureBatch, heads: HeadProbabilities) -> tuple[FloatArray, FloatArray]:
        """See :meth:`arbiter.estimates.quality.QualityModel.predict`.

        The standard error joins two parts: the noise of outcomes over the number of neighbours that had one, and the
        spread of the members around their blend. It is a scale for exploration, not a confidence interval.
        """
        members, n_effective = self.members(batch, heads)
        blend = np.tensordot(self.weights, members, axes=1)
        mean = self.guard.apply(blend)
        spread = np.tensordot(self.weights, (members - blend) ** 2, axes=1)
        return mean, np.sqrt(self.noise_variance / (n_effective + self.neighbours.prior_strength) + spread)

    def members(self, batch: FeatureBatch, heads: HeadProbabilities) -> tuple[FloatArray, FloatArray]:
        """Give the (4, n, K) predictions of the members, and the (n, K) effective number of neighbours."""
        batch = seen_through(batch, self.view)
        scores = self.linear.scores(batch)
        near, n_effective = self.neighbours.predict(batch.embedding)
        table = boosting_table(scores, near, request_features(batch, heads, self.projection), self.descriptors)
        boosted = self.forest.predict(table).reshape(near.shape)
        return np.stack([sigmoid(scores), near, boosted, self.kinds.predict(batch)]), n_effective

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        names = ("descriptors", "weights", "noise_variance")
        parts = {
            "linear": self.linear.to_state(),
            "neighbours": self.neighbours.to_state(),
            "projection": self.projection.to_state(),
            "forest": self.forest.to_state(),
            "kinds": self.kinds.to_state(),
            "guard": self.guard.to_state(),
        }
        return State(
            kind="blended_quality",
            arrays={name: getattr(self, name) for name in names},
            parts=parts if self.view is None else {**parts, "view": self.view.to_state()},
        )

    @classmethod
    def from_state(cls, state: State) -> "BlendedQuality":
        """Rebuild from a bundle."""
        return cls(
            linear=LinearMap.from_state(state.parts["linear"]),
            neighbours=NeighbourIndex.from_state(state.parts["neighbours"]),
            projection=Projection.from_state(state.parts["projection"]),
            forest=FlatForest.from_state(state.parts["forest"]),
            kinds=KindMixture.from_state(state.parts["kinds"]),
            guard=Guard.from_state(state.parts["guard"]),
            view=LinearMap.from_state(state.parts["view"]) if "view" in state.parts else None,
            **{name: array.astype(np.float64) for name, array in state.arrays.items()},
        )


def seen_through(batch: FeatureBatch, view: LinearMap | None) -> FeatureBatch:
    """Give the batch with the student's vectors in the place of the embedding; the same batch without a student."""
    return batch if view is None else replace(batch, embedding=unit_scores(view, batch))


def unit_scores(view: LinearMap, batch: FeatureBatch) -> NDArray[np.float32]:
    """Give the (n, d) float32 scores of a map, each row scaled to length 1."""
    scores = view.scores(batch)
    length = np.sqrt((scores * scores).sum(axis=1, keepdims=True))
    return np.asarray(scores / np.maximum(length, 1e-12), dtype=np.float32)


def sigmoid(scores: FloatArray) -> FloatArray:
    """Map log-odds to probabilities."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -30.0, 30.0))))


def request_features(batch: FeatureBatch, heads: HeadProbabilities, projection: Projection) -> FloatArray:
    """Give the (n, m) features of the requests alone that the trees look at."""
    return np.concatenate([heads.stacked, projection.apply(batch.embedding), batch.dense], axis=1)


def boosting_table(scores: FloatArray, near: FloatArray, requests: FloatArray, descriptors: FloatArray) -> FloatArray:
    """Lay out one row per request and candidate for the trees.

    Parameters
    ----------
    scores : (n, K) of the linear member, before the sigmoid.
    near : (n, K) of the neighbours.
    requests : (n, m).
    descriptors : (K, c).

    Returns
    -------
    table : (n K, 4 + m + c), the candidates of one request together.
    """
    n, k = scores.shape
    own = np.stack([scores, near], axis=2).reshape(n * k, 2)
    shared = np.stack([scores.mean(axis=1), near.mean(axis=1)], axis=1)
    repeated = np.repeat(np.concatenate([shared, requests], axis=1), k, axis=0)
    return np.concatenate([own, repeated, np.tile(descriptors, (n, 1))], axis=1)
