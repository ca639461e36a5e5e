"""From a request to the numbers that every model reads; the same code in training and in serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.registry import encoder_from_state
from arbiter.encoders.vectors import fingerprint
from arbiter.errors import BundleError, InvalidInputError
from arbiter.ngrams import HashedNgrams, NgramRows
from arbiter.reading import reading_text
from arbiter.records import Query
from arbiter.state import State
from arbiter.text_statistics import STATISTICS, statistics
from arbiter.words import words

STATISTICS_VERSION = 1
"""Raised when a statistic changes its meaning under its old name: a bundle fitted on the old one must not load."""

DENSE_LIMIT = 8.0
"""Standardised values are cut here: what was constant or rare in training may be huge in serving, and a linear model
must not follow it out of the range it was fitted on."""


class Evidence(Protocol):
    """Counts of what was found in a request, such as keywords, added to the statistics."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each number stands for."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when the numbers would."""
        ...

    def __call__(self, query: Query) -> NDArray[np.float32]:
        """Give the numbers of one request, shape (len(names),)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureBatch:
    """The features of n requests.

    Attributes
    ----------
    embedding : (n, d) float32, rows of length 1 or 0.
    ngrams : n rows of hashed words and pairs of words.
    dense : (n, s) float32, statistics and evidence, standardised.
    dense_names : s names.
    input_tokens : (n,) int64, as in the queries.
    """

    embedding: NDArray[np.float32]
    ngrams: NgramRows
    dense: NDArray[np.float32]
    dense_names: tuple[str, ...]
    input_tokens: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.dense)

    def take(self, rows: NDArray[np.int64]) -> "FeatureBatch":
        """Give the requests at ``rows`` (positions, not a mask), in that order."""
        return FeatureBatch(
            embedding=self.embedding[rows],
            ngrams=self.ngrams.take(rows),
            dense=self.dense[rows],
            dense_names=self.dense_names,
            input_tokens=self.input_tokens[rows],
        )


class Features:
    """Embedding, hashed n-grams, and standardised statistics of requests.

    Parameters
    ----------
    encoder : gives the embedding.
    ngrams : None counts into the default number of buckets.
    evidence : adds its numbers to the statistics; None adds none.
    """

    def __init__(self, encoder: Encoder, ngrams: HashedNgrams | None = None, evidence: Evidence | None = None) -> None:
        self.encoder = encoder
        self.ngrams = ngrams or HashedNgrams()
        self.evidence = evidence
        self.dense_names = (*STATISTICS, *(evidence.names if evidence else ()))
        self.mean_ = np.zeros(len(self.dense_names), dtype=np.float32)
        self.scale_ = np.ones(len(self.dense_names), dtype=np.float32)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the values that come before standardisation would."""
        parts = (self.encoder.fingerprint, str(self.ngrams.buckets), _evidence_fingerprint(self.evidence))
        return fingerprint("features", (str(STATISTICS_VERSION), *parts))

    def fit(self, queries: Sequence[Query]) -> "Features":
        """Learn mean and standard deviation of statistics and evidence; nothing else is learned.

        Raises
        ------
        InvalidInputError
            If there are no queries.
        """
        if not queries:
            raise InvalidInputError("features need at least one query to be fitted on; got none")
        raw = self._raw(queries, [words(cut(reading_text(query))) for query in queries]).astype(np.float64)
        deviation = raw.std(axis=0)
        self.mean_ = raw.mean(axis=0).astype(np.float32)
        # What never varied is left in its own unit.
        self.scale_ = np.where(deviation > 1e-6, deviation, 1.0).astype(np.float32)
        return self

    def transform(self, queries: Sequence[Query], embedding: NDArray[np.float32] | None = None) -> FeatureBatch:
        """Give the features of n requests.

        Parameters
        ----------
        queries : n requests.
        embedding : (n, d) vectors of their :func:`~arbiter.reading.reading_text` where these are known already (from a
            cache, or out of fold for a student's own training rows); None encodes.
        """
        texts = [cut(reading_text(query)) for query in queries]
        split = [words(text) for text in texts]
        vectors = self.encoder.encode(texts) if embedding is None else np.asarray(embedding, dtype=np.float32)
        if len(vectors) != len(queries):
            raise InvalidInputError(f"{len(vectors)} embeddings were given for {len(queries)} queries; give one each")
        return FeatureBatch(
            embedding=vectors,
            ngrams=self.ngrams.count(split),
            dense=np.clip((self._raw(queries, split) - self.mean_) / self.scale_, -DENSE_LIMIT, DENSE_LIMIT),
            dense_names=self.dense_names,
            input_tokens=np.array([query.input_tokens for query in queries], dtype=np.int64),
        )

    def transform_one(self, query: Query) -> FeatureBatch:
        """Give the features of one request, as a batch of one.

        There is no second code path: every part works text by text, so that a batch of one is as fast as can be and
        equal to its row in a greater batch.
        """
        return self.transform([query])

    def _raw(self, queries: Sequence[Query], split: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Give the (n, s) statistics and evidence, not standardised; ``split`` are the words of what is read."""
        raw = np.empty((len(queries), len(self.dense_names)), dtype=np.float32)
        for row, query, parts in zip(raw, queries, split, strict=True):
            # Statistics are those of the last turn alone: a follow-up is read with the turns before it, and split anew.
            row[: len(STATISTICS)] = statistics(query, None if query.context else parts)
            if self.evidence is not None:
                row[len(STATISTICS) :] = self.evidence(query)
        return raw

    def to_state(self) -> State:
        """Give what a bundle keeps; of the evidence only names and fingerprint."""
        return State(
            kind="features",
            settings={
                "buckets": self.ngrams.buckets,
                "statistics_version": STATISTICS_VERSION,
                "dense_names": list(self.dense_names),
                "evidence": _evidence_fingerprint(self.evidence),
            },
            arrays={"mean": self.mean_, "scale": self.scale_},
            parts={"encoder": self.encoder.to_state()},
        )

    @classmethod
    def from_state(cls, state: State, evidence: Evidence | None = None) -> "Features":
        """Rebuild from a bundle.

        Parameters
        ----------
        state : written by :meth:`to_state`.
        evidence : the same as at fitting; None where there was none.

        Raises
        ------
        BundleError
            If the bundle was fitted with other statistics or other evidence.
        """
        features = cls(
            encoder_from_state(state.parts["encoder"]), HashedNgrams(int(state.settings["buckets"])), evidence
        )
        found = (STATISTICS_VERSION, list(features.dense_names), _evidence_fingerprint(evidence))
        expected = tuple(state.settings[key] for key in ("statistics_version", "dense_names", "evidence"))
        if found != expected:
            raise BundleError(
                f"the bundle was fitted with evidence {expected[2]!r} and statistics version {expected[0]}, here are "
                f"{found[2]!r} and version {found[0]}; train anew"
            )
        features.mean_ = state.array("mean", np.float32)
        features.scale_ = state.array("scale", np.float32)
        return features


def _evidence_fingerprint(evidence: Evidence | None) -> str:
    return evidence.fingerprint if evidence is not None else ""
