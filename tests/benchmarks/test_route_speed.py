"""How long a decision takes, and where the time goes: ``pytest -m benchmark tests/benchmarks/test_route_speed.py -s``.

Medians over many calls in one process, one thread. The floor is the same run's time of the encoder alone, so that the
shares hold when the machine's speed does not.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from arbiter import Catalog, Router, load
from arbiter.cold_start import rated_estimator
from arbiter.intake import read_request
from arbiter.loading import load_router
from arbiter.policies import BanditPolicy

CANDIDATES = 10
REPEATS = 400
PROMPT = (
    "Our payments service drops about one in two thousand requests when the cache node fails over. The logs show that "
    "the connection pool keeps handing out sockets to the old primary for eleven seconds. Explain why the client does "
    "not notice, compare three ways to fix it without raising the error rate for other tenants, and write the Python "
    "code of the one that you would choose, with a test that kills the node under load and checks that nothing is lost."
)


def median_us(call: Callable[[], object]) -> float:
    """Give the median time of a call in microseconds, after a warm-up."""
    for _ in range(20):
        call()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


@pytest.fixture(scope="module")
def router() -> Router:
    """Give the shipped router over ten candidates that are up."""
    shipped = load_router()
    usable = [c.name for c in shipped.catalog if c.status == "available"][:CANDIDATES]
    catalog: Catalog = shipped.catalog.subset(usable)
    return replace(
        shipped,
        catalog=catalog,
        estimator=rated_estimator(catalog, shipped.context_map.dim),
        policy=BanditPolicy.fresh(len(catalog), shipped.context_map.dim),
    )


@pytest.mark.benchmark
def test_a_decision_over_ten_candidates_takes_less_than_a_millisecond(router: Router) -> None:
    """The median of route() stays below 1 ms for a prompt of 100 tokens."""
    query, rng = read_request(PROMPT), np.random.default_rng(0)
    distinct = itertools.cycle([read_request(f"{PROMPT} Case {i}.") for i in range(500)])  # no memo helps
    batch = router.features.transform([query])
    heads = router.gatekeeper.probabilities([query], batch)
    contexts = router.context_map.contexts(batch, heads)
    weighed = router.weigh(router.outlook([query]), 0)
    parts = {
        "encoder": lambda: router.features.encoder.encode([query.text]),
        "features (with the encoder)": lambda: router.features.transform([next(distinct)]),
        "gatekeeper": lambda: router.gatekeeper.profiles([query], router.gatekeeper.probabilities([query], batch)),
        "estimates": lambda: router.estimator.expect(router.catalog, batch, heads, contexts),
        "policy": lambda: router.policy.action_probabilities(contexts[0], weighed.eligible, weighed.expectation),
    }
    whole = median_us(lambda: router.route(query, rng))
    varied = median_us(lambda: router.route(next(distinct), rng))
    print(
        f"\nroute() over {len(router.catalog)} candidates: median {whole:.0f} us, on distinct prompts {varied:.0f} us"
    )
    for name, call in parts.items():
        spent = median_us(call)
        print(f"  {name:<28} {spent:6.0f} us  {spent / whole:5.0%}")
    assert whole < 1000


@pytest.mark.benchmark
def test_a_batch_is_faster_than_one_by_one(router: Router) -> None:
    """Routing requests in batches of 200 takes less time each than single calls; medians."""
    queries, rng = [read_request(f"{PROMPT} ({i})") for i in range(2000)], np.random.default_rng(0)
    one_by_one, parts = itertools.cycle(queries), itertools.cycle(queries[i : i + 200] for i in range(0, 2000, 200))
    single = median_us(lambda: router.route(next(one_by_one), rng))
    times = []
    for _ in range(10):
        started = time.perf_counter()
        router.route_batch(next(parts), rng)
        times.append((time.perf_counter() - started) / 200 * 1e6)
    each = statistics.median(times)
    print(f"\nroute_batch: {each:.0f} us a request ({1e6 / each:.0f} a second), {single / each:.2f} times route()")
    assert each < single


@pytest.mark.benchmark
def test_the_service_adds_less_than_the_decision(router: Router) -> None:
    """Recording a decision in a ledger in memory costs less than making it."""
    query, rng = read_request(PROMPT), np.random.default_rng(0)
    bare = median_us(lambda: router.route(query, rng))
    service = load()
    service.swap(router)
    recorded = median_us(lambda: service.route(PROMPT))
    print(f"\nservice with ledger: {recorded:.0f} us, {recorded / bare:.2f} times the bare decision")
    assert recorded < 2.5 * bare
