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
from arbiter_training.traffic.columns import IntArray


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
        queries = traffic.outcomes.queries
        self._traffic = traffic
        self.batch = base.features.transform(queries)
        self.heads = base.gatekeeper.probabilities(queries, self.batch)
        self.minilm: NDArray[np.float32] | None = None
        if benchmark.needs_minilm:
            encoder = SentenceTransformerEncoder.bundled(dtype=benchmark.dtype)
            self.minilm = CachedEncoder(encoder, cache).encode([cut(reading_text(q)) for q in queries])

    def parts(self, encoder: str, round_: Round) -> tuple[Part, Part]:
        """Give the training and the test rows of a round on an encoder."""
        if encoder == "static":
            return self._part(round_.train), self._part(round_.test)
        assert self.minilm is not None
        train, test = self.minilm[round_.train], self.minilm[round_.test]
        if encoder == "student":
            return replace(self._part(round_.train), teacher=train), self._part(round_.test)
        return self._part(round_.train, train), self._part(round_.test, test)

    def _part(self, rows: IntArray, vectors: NDArray[np.float32] | None = None) -> Part:
        batch = self.batch.take(rows)
        tasks = self._traffic.tasks
        return Part(
            batch=batch if vectors is None else replace(batch, embedding=vectors),
            heads=HeadProbabilities(stacked=self.heads.stacked[rows]),
            tasks=None if tasks is None else tasks[rows],
        )
