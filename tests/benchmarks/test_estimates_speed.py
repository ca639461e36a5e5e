"""What learning and asking the quality estimates costs; run with ``pytest -m benchmark -s`` and this file.

Processor time of one thread, so that other work on the machine does not count; the traffic is made up.
"""

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from arbiter import Catalog
from arbiter.estimates.blend import BlendedQuality
from arbiter.estimates.neighbours import NeighbourIndex
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.intake import read_request
from arbiter.loading import load_router
from arbiter_training.estimates import OutcomeData, fit_quality
from arbiter_training.estimates.cells import cells_of

REQUESTS, CANDIDATES = 10_000, 10
WORDS = 2_000
KINDS = 12
MILLION = 1_000_000
DIM = 64


def cpu_s(call: Callable[[], object]) -> float:
    """Give the processor seconds of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


@pytest.fixture(scope="module")
def traffic() -> tuple[OutcomeData, Catalog]:
    """Give 100,000 outcomes: ten candidates on 10,000 requests of twelve kinds, each with words of its own."""
    rng = np.random.default_rng(0)
    kind = rng.integers(KINDS, size=REQUESTS)
    own = rng.integers(WORDS, size=(KINDS, 60))
    texts = [" ".join(f"word{w}" for w in rng.choice(own[z], 40)) for z in kind.tolist()]
    base = load_router()
    catalog = base.catalog.subset([c.name for c in base.catalog][:CANDIDATES])
    queries = [read_request(text) for text in texts]
    batch = base.features.transform(queries)
    chance = rng.random((KINDS, CANDIDATES))[kind]
    even = np.concatenate([np.full((REQUESTS, len(labels)), 1 / len(labels)) for labels in HEADS.values()], axis=1)
    data = OutcomeData(
        batch=batch,
        heads=HeadProbabilities(stacked=even),
        quality=(rng.random(chance.shape) < chance).astype(float),
        inclusion=np.ones_like(chance),
        folds=np.arange(REQUESTS) % 5,
    )
    return data, catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A model, the processor seconds of its learning, and the peak of the process's memory after it, in bytes."""

    model: BlendedQuality
    seconds: float
    peak: float


@pytest.fixture(scope="module")
def fitted(traffic: tuple[OutcomeData, Catalog]) -> Fit:
    """Learn once."""
    models: list[BlendedQuality] = []
    with threadpool_limits(limits=1):
        seconds = cpu_s(lambda: models.append(fit_quality(*traffic)[0]))
    return Fit(model=models[0], seconds=seconds, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0)


@pytest.mark.benchmark
def test_a_hundred_thousand_outcomes_are_learned_in_a_minute_and_two_gigabytes(fitted: Fit) -> None:
    """Below 60 s of one processor, features made before; libraries and features count in the memory."""
    print(f"\n100,000 outcomes: {fitted.seconds:.1f} s of one processor, {fitted.peak / 1e9:.2f} GB at the peak")
    assert fitted.seconds < 60.0
    assert fitted.peak < 2e9


@pytest.mark.benchmark
def test_one_request_is_estimated_within_half_a_millisecond(traffic: tuple[OutcomeData, Catalog], fitted: Fit) -> None:
    """The median of quality on ten candidates, half of what a whole decision may take."""
    data, _ = traffic
    rows = [data.take(np.array([i])) for i in range(200)]
    batches: list[tuple[FeatureBatch, HeadProbabilities]] = [(row.batch, row.heads) for row in rows]
    with threadpool_limits(limits=1):
        times = [cpu_s(lambda b=b, h=h: fitted.model.predict(b, h)) for b, h in batches]  # type: ignore[misc]
    print(f"\none request: {statistics.median(times) * 1e6:.0f} us")
    assert statistics.median(times) < 500e-6


@pytest.mark.benchmark
def test_a_million_stored_outcomes_are_searched_in_little_more_time_than_twenty_thousand() -> None:
    """Cells against the greatest index that is searched whole: 50 times the keys, 4 times the time at most."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(500, DIM))
    keys = (centres[rng.integers(500, size=MILLION)] + 0.7 * rng.normal(size=(MILLION, DIM))).astype(np.float32)
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    rewards = rng.random((MILLION, 4)).astype(np.float32)
    asked = keys[rng.choice(MILLION, 200, replace=False)] + 0.01
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)

    def index(rows: np.ndarray, cells: object) -> NeighbourIndex:
        return NeighbourIndex(
            keys=keys[rows],
            rewards=rewards[rows],
            observed=np.ones((len(rows), 4), dtype=np.bool_),
            means=np.full(4, 0.5),
            k=40,
            sharpness=4.0,
            prior_strength=5.0,
            cells=cells,  # type: ignore[arg-type]
        )

    with threadpool_limits(limits=1):
        order, cells = cells_of(keys)
        great, exact = index(order, cells), index(np.arange(20_000), None)
        slow, fast = (
            statistics.median([cpu_s(lambda x=x, i=i: i.predict(x[None])) for x in asked])  # type: ignore[misc]
            for i in (great, exact)
        )
    print(f"\na million: {slow * 1e6:.0f} us, twenty thousand without cells: {fast * 1e6:.0f} us")
    assert slow < 4.0 * fast
