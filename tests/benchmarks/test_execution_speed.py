"""What carrying a decision out costs over a bare call of litellm: both in turns, in one run, on one server.

pytest -m benchmark tests/benchmarks/test_execution_speed.py -s
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

import provider_world
import pytest
from provider_world import CHEAP, KEY, World

from arbiter.loading import load_router
from arbiter.quiet_litellm import import_litellm

pytestmark = [pytest.mark.benchmark, *provider_world.QUIET]

CALLS, WARM = 300, 50
MOST_OVERHEAD_S = 0.002
TEXT = "Summarise our discussion so far in three sentences, please, and name who does what until when."


def bare(world: World) -> dict[str, Any]:
    """Give the arguments of the same call made of litellm directly."""
    return {
        "model": f"openai/{CHEAP}",
        "messages": [{"role": "user", "content": TEXT}],
        "api_base": world.servers[CHEAP].url,
        "api_key": KEY,
        "timeout": 60.0,
        "max_retries": 0,
    }


def told(name: str, ours: list[float], theirs: list[float]) -> float:
    """Print both medians and give the median of the differences."""
    over = statistics.median(a - b for a, b in zip(ours[WARM:], theirs[WARM:], strict=True))
    ms = [1e3 * x for x in (statistics.median(ours[WARM:]), statistics.median(theirs[WARM:]), over)]
    print(f"\n{name}: with arbiter {ms[0]:.2f} ms, bare {ms[1]:.2f} ms, overhead {ms[2]:.2f} ms (medians of {CALLS})")
    return over


def timed(call: Callable[[], object]) -> float:
    """Give how long a call takes, in seconds."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def test_overhead_on_an_event_loop() -> None:
    """Routing with the shipped bundle, the call, and its outcome in the ledger."""
    ours: list[float] = []
    theirs: list[float] = []

    async def main(world: World) -> None:
        litellm = import_litellm()
        for _ in range(CALLS + WARM):
            started = time.perf_counter()
            await world.service.acomplete(TEXT, allow=frozenset({CHEAP}))
            ours.append(time.perf_counter() - started)
            started = time.perf_counter()
            await litellm.acompletion(**bare(world))
            theirs.append(time.perf_counter() - started)

    with provider_world.running(router=load_router()) as world:
        world.servers[CHEAP].keep_bodies = False
        asyncio.run(main(world))
    assert told("async", ours, theirs) < MOST_OVERHEAD_S


def test_overhead_of_a_synchronous_call() -> None:
    """The executor's own loop runs it; what is compared is litellm's own synchronous call."""
    litellm = import_litellm()
    ours: list[float] = []
    theirs: list[float] = []
    with provider_world.running(router=load_router()) as world:
        world.servers[CHEAP].keep_bodies = False
        for _ in range(CALLS + WARM):
            ours.append(timed(lambda: world.service.complete(TEXT, allow=frozenset({CHEAP}))))
            theirs.append(timed(lambda: litellm.completion(**bare(world))))
    assert told("sync", ours, theirs) < MOST_OVERHEAD_S


def test_overhead_of_the_first_part_of_a_stream() -> None:
    """From the request to the first token."""
    litellm = import_litellm()
    ours: list[float] = []
    theirs: list[float] = []
    with provider_world.running(router=load_router()) as world:
        world.servers[CHEAP].keep_bodies = False
        for _ in range(CALLS + WARM):
            started = time.perf_counter()
            stream = world.service.stream(TEXT, allow=frozenset({CHEAP}))
            next(stream)
            ours.append(time.perf_counter() - started)
            list(stream)
            started = time.perf_counter()
            parts = litellm.completion(**bare(world), stream=True)
            next(parts)
            theirs.append(time.perf_counter() - started)
            list(parts)
    assert told("stream", ours, theirs) < MOST_OVERHEAD_S
