"""How long a decision takes, and where the time goes: ``pytest -m benchmark tests/benchmarks/test_route_speed.py -s``.

Medians over many calls, one thread, in processor time, which other programs on the machine stretch less than the time
on the wall. Each figure stands beside that of a fixed computation in the same run (``reference``), so that it can be
compared when the machine's speed is another. Set ``OMP_NUM_THREADS=1``.
"""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arbiter import Catalog, Router, forked, load
from arbiter.cold_start import rated_estimator
from arbiter.intake import read_request
from arbiter.loading import load_router
from arbiter.policies import BanditPolicy
from arbiter.records import Decision, Query
from arbiter_training.learn import LearnOptions, learn_router
from arbiter_training.traffic import pivot, read_traffic

CANDIDATES = 10
LEARNED_ROWS = 800
QUESTIONS = Path("traffic") / "mmlu_pro_stem.parquet"
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
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return statistics.median(times) * 1e6


def reference() -> float:
    """Compute what never changes: 3,000 steps of plain Python and 100 of numpy; about 0.4 ms on a quiet core."""
    known, total, values = {}, 0, np.arange(2000.0)
    for i in range(3000):
        known[i % 97] = total
        total += i * i % 7
    for _ in range(100):
        values = values * 0.5 + 1.0
    return total + float(values[0])


def distinct(texts: Iterable[str], n: int) -> list[Query]:
    """Give n requests of which no two are alike, so that no memory helps."""
    return [read_request(f"{text} Case {i}.") for i, text in enumerate(itertools.islice(itertools.cycle(texts), n))]


@pytest.fixture(scope="module")
def router() -> Router:
    """Give the shipped router over ten candidates that are up."""
    shipped = load_router()
    catalog = ten_of(shipped.catalog)
    return replace(
        shipped,
        catalog=catalog,
        estimator=rated_estimator(catalog, shipped.context_map.dim),
        policy=BanditPolicy.fresh(len(catalog), shipped.context_map.dim),
    )


@pytest.fixture(scope="module")
def learned(data_dir: Path) -> Router:
    """Give a router learned from real outcomes of ten models, which take the names of catalog entries."""
    base = load_router()
    catalog = ten_of(base.catalog)
    truth = pivot(read_traffic([data_dir / QUESTIONS])).subset(np.arange(LEARNED_ROWS))
    columns = ("observed", "ok", "quality", "cost_usd", "latency_s", "output_tokens", "propensity")
    renamed = replace(truth, models=catalog.names, **{name: getattr(truth, name)[:, :CANDIDATES] for name in columns})
    return learn_router(renamed, catalog, base, LearnOptions(folds=3)).router


def ten_of(catalog: Catalog) -> Catalog:
    return catalog.subset([c.name for c in catalog if c.status == "available"][:CANDIDATES])


def tell(name: str, spent_us: float, floor_us: float) -> None:
    print(f"  {name:<34} {spent_us:6.0f} us  {spent_us / floor_us:5.2f} x reference")


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", ["router", "learned"])
def test_a_decision_over_ten_candidates_takes_less_than_a_millisecond(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """The median of route() stays below 1 ms for distinct prompts of 100 tokens."""
    router: Router = request.getfixturevalue(kind)
    queries, rng = itertools.cycle(distinct([PROMPT], 500)), np.random.default_rng(0)
    query = next(queries)
    batch = router.features.transform([query])
    heads = router.gatekeeper.probabilities([query], batch)
    contexts = router.context_map.contexts(batch, heads)
    weighed = router.weigh(router.outlook([query]), 0)
    floor = median_us(reference)
    whole = median_us(lambda: router.route(next(queries), rng))
    parts = {
        "encoder": lambda: router.features.encoder.encode([query.text]),
        "features (with the encoder)": lambda: router.features.transform([next(queries)]),
        "gatekeeper": lambda: router.gatekeeper.profiles([query], router.gatekeeper.probabilities([query], batch)),
        "estimates": lambda: router.estimator.expect(router.catalog, batch, heads, contexts),
        "policy": lambda: router.policy.action_probabilities(contexts[0], weighed.eligible, weighed.expectation),
    }
    print(f"\n{kind}: route() over {len(router.catalog)} candidates, reference {floor:.0f} us")
    tell("route()", whole, floor)
    for name, call in parts.items():
        tell(name, median_us(call), floor)
    assert whole < 1000


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", ["router", "learned"])
def test_two_cores_route_more_than_five_thousand_requests_a_second(kind: str, request: pytest.FixtureRequest) -> None:
    """route_batch of 10,000 distinct prompts of 100 tokens, in two processes: processor time over two cores."""
    router: Router = request.getfixturevalue(kind)
    assert rate_of_two(kind, router, [PROMPT]) > 5000


@pytest.mark.benchmark
def test_two_cores_route_real_questions(router: Router, data_dir: Path) -> None:
    """The same on questions of MMLU-Pro, of 220 tokens, whose words repeat less: told, not held to a rate."""
    questions = pivot(read_traffic([data_dir / QUESTIONS])).queries
    assert rate_of_two("router, real questions", router, [query.text for query in questions]) > 0


def rate_of_two(name: str, router: Router, texts: Sequence[str]) -> float:
    """Give the decisions a second that two free cores would make, and print it beside what one process takes."""
    queries = distinct(texts, 10_000)
    router.route_batch(queries[:512], np.random.default_rng(0))
    floor = median_us(reference)
    alone, _, one = timed(router, queries, 1)
    both, wall, two = timed(router, queries, 2)
    assert one == two
    print(f"\n{name}: reference {floor:.0f} us")
    tell("one process", alone, floor)
    tell("two processes, all together", both, floor)
    print(f"  {2e6 / both:.0f} a second on two free cores, {1e6 / wall:.0f} by the clock on the wall")
    return 2e6 / both


def timed(router: Router, queries: list[Query], workers: int) -> tuple[float, float, list[Decision]]:
    """Give processor time (children included) and wall time per decision, in microseconds, and the decisions."""
    started, before = time.perf_counter(), os.times()
    decisions = forked.route_batch(router, queries, np.random.default_rng(0), workers)
    wall, after = time.perf_counter() - started, os.times()
    spent = sum(after[:4]) - sum(before[:4])
    return spent / len(decisions) * 1e6, wall / len(decisions) * 1e6, decisions


@pytest.mark.benchmark
def test_a_batch_is_faster_than_one_by_one(router: Router) -> None:
    """Routing requests in batches of 256 takes less time each than single calls; medians."""
    queries, rng = distinct([PROMPT], 2560), np.random.default_rng(0)
    one_by_one, parts = itertools.cycle(queries), itertools.cycle(queries[i : i + 256] for i in range(0, 2560, 256))
    single = median_us(lambda: router.route(next(one_by_one), rng))
    times = []
    for _ in range(10):
        started = time.process_time()
        router.route_batch(next(parts), rng)
        times.append((time.process_time() - started) / 256 * 1e6)
    each, floor = statistics.median(times), median_us(reference)
    print(
        f"\nroute_batch: {each:.0f} us a request ({each / floor:.2f} x reference), route() {single / each:.2f} times it"
    )
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
