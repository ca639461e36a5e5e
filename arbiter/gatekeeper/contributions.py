"""What in a request spoke for a verdict: the parts of the linear stage's score."""

from dataclasses import dataclass

import numpy as np

from arbiter.encoders.cut import cut
from arbiter.features import FeatureBatch, Features
from arbiter.gatekeeper.heads import HEADS, SLICES
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.reading import reading_text
from arbiter.records import Query

MEANING = "meaning of the text (embedding)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One part of a score.

    Attributes
    ----------
    name : a word or two in quotes, a statistic, keyword evidence, or the embedding as a whole.
    log_odds : what it adds to the score of the label, over what it adds to the head's labels on average.
    """

    name: str
    log_odds: float


def contributions(
    gatekeeper: LearnedGatekeeper, features: Features, query: Query, head: str, label: str
) -> list[Contribution]:
    """Split the linear stage's score of one label into its parts.

    The boosted trees and the share of the keyword rules, which the probabilities also hold, are not split.

    Parameters
    ----------
    gatekeeper, features : of one bundle.
    query : the request.
    head, label : of which verdict.

    Returns
    -------
    parts : the greatest in size first; with the bias's part they sum to the score over the head's mean score.
    """
    batch = features.transform([query])
    place, column = SLICES[head], HEADS[head].index(label)

    def over_mean(weights: np.ndarray) -> np.ndarray:
        return np.asarray(weights[:, place][:, column] - weights[:, place].mean(axis=1), dtype=np.float64)

    linear = gatekeeper.linear
    parts = [Contribution(name=MEANING, log_odds=float(batch.embedding[0] @ over_mean(linear.embedding)))]
    dense = batch.dense[0] * over_mean(linear.dense)
    parts += [Contribution(name=n, log_odds=float(v)) for n, v in zip(batch.dense_names, dense, strict=True)]
    parts += _ngrams(batch, features, query, over_mean(linear.ngrams))
    return sorted(parts, key=lambda part: -abs(part.log_odds))


def _ngrams(batch: FeatureBatch, features: Features, query: Query, weights: np.ndarray) -> list[Contribution]:
    names = features.ngrams.names(cut(reading_text(query)))
    indices, values = next(batch.ngrams.rows())
    added = zip(indices.tolist(), (values * weights[indices]).tolist(), strict=True)
    return [Contribution(name=f'"{names[bucket]}"', log_odds=value) for bucket, value in added]
