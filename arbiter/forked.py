"""A batch on several cores: forked processes assess the requests, this one draws. For offline work and large batches.

Most of a decision is Python, which runs one thread at a time: two threads were slower than one here. A fork shares the
router and the requests without copying them, and sends back arrays; what is drawn from them is bit by bit what
:meth:`arbiter.router.Router.route_batch` gives with the same generator.
"""

import gc
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from arbiter.deciding import Assessment
from arbiter.errors import InvalidInputError
from arbiter.records import Decision, Query
from arbiter.router import AT_ONCE, Router

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LEAST_REQUESTS = 4 * AT_ONCE
"""Smaller batches are decided by this process alone: a fork costs about 15 ms, what some fifty decisions do."""


def route_batch(router: Router, queries: Sequence[Query], rng: np.random.Generator, workers: int) -> list[Decision]:
    """Choose a candidate for each of n requests, on several cores.

    Parameters
    ----------
    router : decides.
    queries : n requests; below 1,024 nothing is forked.
    rng : draws the choices and the decisions' ids.
    workers : processes that assess, for the time of this call; one per core is fastest, 1 forks nothing. A process is
        forked as it stands: call this where no other thread holds a lock, not from a server's threads.

    Returns
    -------
    decisions : those of ``router.route_batch(queries, rng)``.

    Raises
    ------
    InvalidInputError
        If ``workers`` is below 1, or this system cannot fork.
    """
    require_workers(workers)
    if workers == 1 or len(queries) < LEAST_REQUESTS:
        return router.route_batch(queries, rng)
    decisions: list[Decision] = []
    for assessment in _assessed(router, queries, workers):
        decisions += router.draw(assessment, rng)
    return decisions


def require_workers(workers: int) -> None:
    """Make sure that so many processes can work.

    Raises
    ------
    InvalidInputError
        If the number is below 1, or above 1 on a system that cannot fork.
    """
    if workers < 1:
        raise InvalidInputError(f"workers must be 1 or more, got {workers}")
    if workers > 1 and not hasattr(os, "fork"):
        raise InvalidInputError(f"workers must be 1 on a system that cannot fork, got {workers}")


def _assessed(router: Router, queries: Sequence[Query], workers: int) -> Iterator[Assessment]:
    """Give the assessments of 256 requests at a time, in order; worker w makes each ``workers``-th of them."""
    import multiprocessing  # here: few batches are so large, and its import leaves traces in every process

    context = multiprocessing.get_context("fork")
    chunks = [queries[start : start + AT_ONCE] for start in range(0, len(queries), AT_ONCE)]
    pipes = [context.Pipe(duplex=False) for _ in range(workers)]
    processes = [
        context.Process(target=_work, args=(router, chunks[w::workers], pipes[w][1]), daemon=True)
        for w in range(workers)
    ]
    for process, (_, sender) in zip(processes, pipes, strict=True):
        process.start()
        sender.close()  # the worker has its own: where it dies, reading ends
    try:
        for i, chunk in enumerate(chunks):
            yield _received(router, chunk, pipes[i % workers][0])
    finally:
        for process, (receiver, _) in zip(processes, pipes, strict=True):
            process.terminate()  # it has sent all that is wanted, or nobody reads the rest
            process.join()
            receiver.close()


def _received(router: Router, chunk: Sequence[Query], receiver: "Connection") -> Assessment:
    try:
        found: Assessment = pickle.loads(receiver.recv_bytes())  # from our own child: no border of trust
    except EOFError:  # it died or failed; what it failed at fails here too, where the caller sees it
        return router.assess(chunk)
    return replace(found, outlook=replace(found.outlook, queries=tuple(chunk)))


def _work(router: Router, chunks: Sequence[Sequence[Query]], sender: "Connection") -> None:
    gc.disable()  # lives for one batch, and makes no cycles
    for chunk in chunks:
        found = router.assess(chunk)
        bare = replace(found, outlook=replace(found.outlook, queries=()))
        sender.send_bytes(pickle.dumps(bare, protocol=pickle.HIGHEST_PROTOCOL))
