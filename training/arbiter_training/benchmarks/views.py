"""The requests of a benchmark as features, on each encoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.encoders.sentence_transformer import SentenceTransformerEncoder
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.reading import reading_text
from arbiter.router import Router
from arbiter_training.benchmarks.lesson import Part
from arbiter_training.benchmarks.protocol import Benchmark
from arbiter_training.benchmarks.rounds import JudgedTraffic, Round
from arbiter_training.embedding_cache import CachedEncoder
from arbiter_training.student import StudentSettings, teach_student
from arbiter_training.traffic.columns import IntArray

STUDENT_PENALTY = 1.0
"""Fixed, since the search over penalties costs more than it brings: the optimum is flat from 0.3 to 3."""


class Views:
    """Features of all requests, computed once, and cut to rounds.

    Parameters
    ----------
    benchmark : says which encoders are needed.
    traffic : the requests.
    base : gives features, default encoder and gatekeeper.
    cache : folder in which the MiniLM's vectors are kept.
    """

    def __init__(self, benchmark: Benchmark, traffic: JudgedTraffic, base: Router, cache: Path) -> None:
        self._queries = traffic.outcomes.queries
        self._texts = [cut(reading_text(query)) for query in self._queries]
        self._traffic = traffic
        self._encoder = base.features.encoder
        self.batch = base.features.transform(self._queries)
        self.heads = base.gatekeeper.probabilities(self._queries, self.batch)
        self.minilm: NDArray[np.float32] | None = None
        if benchmark.needs_minilm:
            encoder = SentenceTransformerEncoder.bundled(dtype=benchmark.dtype)
            self.minilm = CachedEncoder(encoder, cache).encode(self._texts)

    def parts(self, encoder: str, round_: Round) -> tuple[Part, Part]:
        """Give the training and the test rows of a round on an encoder."""
        if encoder == "static":
            return self._part(round_.train), self._part(round_.test)
        assert self.minilm is not None
        if encoder == "minilm":
            vectors = self.minilm[round_.train], self.minilm[round_.test]
        else:
            vectors = self._student(round_)
        return self._part(round_.train, vectors[0]), self._part(round_.test, vectors[1])

    def _part(self, rows: IntArray, vectors: NDArray[np.float32] | None = None) -> Part:
        batch = self.batch.take(rows)
        tasks = self._traffic.tasks
        return Part(
            batch=batch if vectors is None else replace(batch, embedding=vectors),
            heads=HeadProbabilities(stacked=self.heads.stacked[rows]),
            tasks=None if tasks is None else tasks[rows],
        )

    def _student(self, round_: Round) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Teach a student on the training rows; its vectors of them are out of fold."""
        assert self.minilm is not None
        lesson = teach_student(
            [self._texts[i] for i in round_.train],
            [str(group) for group in self._traffic.groups[round_.train]],
            self.minilm[round_.train],
            self._encoder,
            StudentSettings(penalties=(STUDENT_PENALTY,), seed=round_.seed),
        )
        return lesson.vectors, lesson.student.encode([self._texts[i] for i in round_.test])
