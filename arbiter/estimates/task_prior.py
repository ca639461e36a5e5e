"""Quality of the first day: ratings, the request's difficulty, and who is preferred for which kind of work."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.estimates.quality import DIFFICULTY, PRIOR_SE
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.gatekeeper.task_type import LONG_DOCUMENT_TOKENS, task_type
from arbiter.state import State
from arbiter.vocabulary import Complexity, Domain, Status, TaskType

FloatArray = NDArray[np.float64]

PRIMARY, FALLBACK = 1.0, 0.6
"""Log-odds of quality that being preferred for a kind of work is worth: as much as a step and a bit of complexity.
Enough to win where ratings and prices are near, too little to win against outcomes once there are some."""

CALLABLE = frozenset({Status.AVAILABLE, Status.DEGRADED})

TYPES = tuple(TaskType)
PLACE = {kind: i for i, kind in enumerate(TYPES)}

Table = Mapping[TaskType, tuple[tuple[str, ...], tuple[str, ...]]]


@cache
def preferred_models() -> Table:
    """Read the table that is shipped: kind of work to (primary, fallback) names in order."""
    text = Path(__file__).with_name("cold_start.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)
    return {kind: (tuple(rows[kind]["primary"]), tuple(rows[kind]["fallback"])) for kind in TYPES}


def preferences(catalog: Catalog, table: Table | None = None) -> FloatArray:
    """Give the (8, K) log-odds that each candidate gains on each kind of work.

    Parameters
    ----------
    catalog : K candidates; names are found as logs write them, with or without a provider's prefix.
    table : kind of work to (primary, fallback) names in order; None takes the shipped one.
    """
    bonus = np.zeros((len(TYPES), len(catalog)))
    for kind, lists in (table or preferred_models()).items():
        for names, worth in zip(lists, (PRIMARY, FALLBACK), strict=True):
            found = (catalog.resolve(name) for name in names)
            usable = next((c for c in found if c is not None and c.status in CALLABLE), None)
            if usable is not None:
                place = PLACE[kind], catalog.position(usable.name)
                bonus[place] = max(bonus[place], worth)
    return bonus


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRatedQuality:
    """The one-parameter logistic model of :class:`arbiter.estimates.quality.RatedQuality`, with a skill per task type.

    quality = sum over task types t and complexities c of P(t, c) sigmoid(logit(rating) + bonus(t) - difficulty(c)),
    the domain being independent of the complexity given the request.

    Attributes
    ----------
    ratings : (K,) in (0, 1), each candidate's quality on requests of moderate complexity.
    bonus : (8, K) log-odds by task type.
    """

    ratings: FloatArray
    bonus: FloatArray

    def predict(self, batch: FeatureBatch, heads: HeadProbabilities) -> tuple[FloatArray, FloatArray]:
        """See :meth:`arbiter.estimates.quality.QualityModel.predict`."""
        rated = np.clip(self.ratings, 0.01, 0.99)
        skill = np.log(rated / (1.0 - rated)) + self.bonus  # (8, K)
        by_cell = 1.0 / (1.0 + np.exp(DIFFICULTY[None, :, None] - skill[:, None, :]))  # (8, 5, K)
        weights = task_probabilities(batch, heads)  # (n, 8, 5)
        mean = weights.reshape(len(weights), -1) @ by_cell.reshape(-1, rated.size)
        return mean, np.full_like(mean, PRIOR_SE)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="task_rated_quality", arrays={"ratings": self.ratings, "bonus": self.bonus})

    @classmethod
    def from_state(cls, state: State) -> "TaskRatedQuality":
        """Rebuild from a bundle."""
        return cls(ratings=state.array("ratings", np.float64), bonus=state.array("bonus", np.float64))


def task_probabilities(batch: FeatureBatch, heads: HeadProbabilities) -> FloatArray:
    """Give the (n, 8, 5) probabilities of task type and complexity; each request's sum to 1.

    As :func:`arbiter.gatekeeper.task_type.task_type` does it, images go before length and length before the domain.
    """
    complexity = heads.head("complexity")
    joint = heads.head("domain")[:, :, None] * complexity[:, None, :]  # (n, 13, 5)
    found = (joint.reshape(len(joint), -1) @ _cells()).reshape(len(joint), len(TYPES), -1)
    images = batch.dense[:, batch.dense_names.index("log_images")] > 0.0  # standardised: no images are 0 or below
    for rows, kind in (
        (batch.input_tokens > LONG_DOCUMENT_TOKENS, TaskType.LONG_DOCUMENT),
        (images, TaskType.MULTIMODAL),
    ):
        found[rows] = 0.0
        found[rows, PLACE[kind]] = complexity[rows]
    return found


@cache
def _cells() -> FloatArray:
    """Give the (65, 40) map from (domain, complexity) to (task type, complexity)."""
    domains, levels = HEADS["domain"], HEADS["complexity"]
    cells = np.zeros((len(domains), len(levels), len(TYPES), len(levels)))
    for d, domain in enumerate(domains):
        for c, level in enumerate(levels):
            cells[d, c, PLACE[task_type(Domain(domain), Complexity(level))], c] = 1.0
    return cells.reshape(len(domains) * len(levels), -1)
