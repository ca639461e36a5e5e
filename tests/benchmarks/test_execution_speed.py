"""What carrying a decision out costs over a bare call of litellm: both in turns, in one run, on one server.

pytest -m benchmark tests/benchmarks/test_execution_speed.py -s
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any

import openai_server
import provider_world
import pytest
from provider_world import KEY

from arbiter.execution import Deployment, ExecutionOptions
from arbiter.ledger import BufferedLedger
from arbiter.loading import load_router
from arbiter.quiet_litellm import import_litellm
from arbiter.service import Arbiter, load
from arbiter.service_options import ServiceOptions

pytestmark = [pytest.mark.benchmark, *provider_world.QUIET]

CALLS, WARM = 300, 50
MOST_OVERHEAD_S = 0.002
MODEL = "gpt-4o-mini"
TEXT = "Summarise our discussion so far in three sentences, please, and name who does what until when."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    provider_world.require_litellm()
    with openai_server.running_apart() as found:
        yield found


@pytest.fixture
def service(url: str) -> Iterator[Arbiter]:
    """Give a service as :func:`arbiter.load` gives it, all of whose candidates are called at the server."""
    place = Deployment(litellm_params={"model": f"openai/{MODEL}", "api_base": url, "api_key": KEY})
    execution = ExecutionOptions(deployments=dict.fromkeys(load_router().catalog.names, place))
    with load(options=ServiceOptions(seed=0, execution=execution)) as found:
        yield found


def written(service: Arbiter) -> None:
    """Wait until the ledger's writer is done: the bare call must not be held up by what ours has left to do."""
    assert isinstance(service.ledger, BufferedLedger)
    service.ledger.flush()


def bare(url: str) -> dict[str, Any]:
    """Give the arguments of the same call made of litellm directly."""
    messages = [{"role": "user", "content": TEXT}]
    more = {"timeout": 60.0, "max_retries": 0}
    return {"model": f"openai/{MODEL}", "messages": messages, "api_base": url, "api_key": KEY, **more}


def told(name: str, ours: list[float], theirs: list[float]) -> float:
    """Print both medians and give the median of the differences."""
    over = statistics.median(a - b for a, b in zip(ours[WARM:], theirs[WARM:], strict=True))
    ms = [1e3 * x for x in (statistics.median(ours[WARM:]), statistics.median(theirs[WARM:]), over)]
    print(f"\n{name}: with arbiter {ms[0]:.2f} ms, bare {ms[1]:.2f} ms, overhead {ms[2]:.2f} ms (medians of {CALLS})")
    return over


def test_overhead_on_an_event_loop(service: Arbiter, url: str) -> None:
    """Routing with the shipped bundle, the call, and its outcome in the ledger."""
    ours: list[float] = []
    theirs: list[float] = []

    async def main() -> None:
        litellm = import_litellm()
        for _ in range(CALLS + WARM):
            started = time.perf_counter()
            await service.acomplete(TEXT)
            ours.append(time.perf_counter() - started)
            written(service)
            started = time.perf_counter()
            await litellm.acompletion(**bare(url))
            theirs.append(time.perf_counter() - started)
        await service.executor.aclose()

    asyncio.run(main())
    assert told("async", ours, theirs) < MOST_OVERHEAD_S


def test_overhead_of_a_synchronous_call(service: Arbiter, url: str) -> None:
    """The executor's own loop runs it; what is compared is litellm's own synchronous call."""
    litellm = import_litellm()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(CALLS + WARM):
        started = time.perf_counter()
        service.complete(TEXT)
        ours.append(time.perf_counter() - started)
        written(service)
        started = time.perf_counter()
        litellm.completion(**bare(url))
        theirs.append(time.perf_counter() - started)
    assert told("sync", ours, theirs) < MOST_OVERHEAD_S


def test_overhead_of_the_first_part_of_a_stream(service: Arbiter, url: str) -> None:
    """From the request to the first token, on an event loop."""
    ours: list[float] = []
    theirs: list[float] = []

    async def main() -> None:
        litellm = import_litellm()
        for _ in range(CALLS + WARM):
            started = time.perf_counter()
            stream = await service.astream(TEXT)
            await anext(stream)
            ours.append(time.perf_counter() - started)
            assert [part async for part in stream]
            written(service)
            started = time.perf_counter()
            parts = await litellm.acompletion(**bare(url), stream=True)
            await anext(parts)
            theirs.append(time.perf_counter() - started)
            assert [part async for part in parts]
        await service.executor.aclose()

    asyncio.run(main())
    assert told("stream", ours, theirs) < MOST_OVERHEAD_S
