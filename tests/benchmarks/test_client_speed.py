"""What the client adds to a bare litellm call: ``pytest -m benchmark tests/benchmarks/test_client_speed.py -s``.

Both are called in turn, of a server in another process, in the processor time of the whole process: the ledger's writer
and litellm's own threads count. Other programs stretch that, too, so the quickest tenth of the calls is compared, and
the limit is a ratio. It guards against getting slower; the aim, 2 ms at the median, is for a machine that has nothing
else to do: read the figures there. Set ``OMP_NUM_THREADS=1``.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai_server
import provider_world
import pytest
from provider_world import KEY

import arbiter
from arbiter.execution import Deployment, ExecutionOptions
from arbiter.loading import load_router
from arbiter.quiet_litellm import import_litellm

pytestmark = [pytest.mark.benchmark, *provider_world.QUIET, pytest.mark.filterwarnings("ignore::ResourceWarning")]

CALLS, WARM_UP = 400, 20
MOST = 1.25
"""Of the time of a bare call."""
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant. Answer in one sentence."},
    {"role": "user", "content": "Prove that the square root of 2 is irrational, then explain the proof to a child."},
]


@contextlib.contextmanager
def serving(ledger: Path) -> Iterator[tuple[dict[str, Any], arbiter.Arbiter]]:
    """Give how a server is reached, and the shipped router, which calls it for all candidates; ledger on the disk."""
    provider_world.require_litellm()
    with openai_server.running_apart() as url:
        where = {"api_base": url, "api_key": KEY}
        names = load_router(None).catalog.names
        places = {n: Deployment(litellm_params={**where, "model": f"openai/{n}"}) for n in names}
        options = arbiter.ServiceOptions(execution=ExecutionOptions(deployments=places))
        with arbiter.load(ledger=ledger, options=options) as service:
            yield where, service


@contextlib.contextmanager
def spent(times: list[float], clock: Callable[[], float]) -> Iterator[None]:
    """Note the milliseconds that a block took."""
    began = clock()
    yield
    times.append(1e3 * (clock() - began))


def added(what: str, bare: list[float], routed: list[float]) -> float:
    """Give what was added as a share of a bare call, and print the figures."""
    quick = [statistics.quantiles(times[WARM_UP:], n=10)[0] for times in (bare, routed)]
    usual = [statistics.median(times[WARM_UP:]) for times in (bare, routed)]
    for name, (alone, client) in (("quickest tenth", quick), ("median", usual)):
        print(f"{what}, {name}: bare {alone:.2f} ms, client {client:.2f} ms, added {client - alone:.2f} ms")
    return (quick[1] - quick[0]) / quick[0]


def test_the_asynchronous_client_costs_about_what_litellm_does(tmp_path: Path) -> None:
    """Against ``litellm.acompletion`` of the same model; the shipped router, and a ledger on the disk."""
    litellm, bare, routed = import_litellm(), list[float](), list[float]()
    with serving(tmp_path / "ledger.db") as (where, service):
        client = arbiter.AsyncClient(service)

        async def calls() -> None:
            for _ in range(CALLS + WARM_UP):
                with spent(routed, time.process_time):
                    response = await client.chat.completions.create(messages=MESSAGES)
                model = f"openai/{response.model}"
                with spent(bare, time.process_time):
                    await litellm.acompletion(model=model, messages=MESSAGES, max_retries=0, **where)

        asyncio.run(calls())
    assert added("event loop", bare, routed) < MOST


def test_the_client_costs_about_what_litellm_does(tmp_path: Path) -> None:
    """Against ``litellm.completion``."""
    litellm, bare, routed = import_litellm(), list[float](), list[float]()
    with serving(tmp_path / "ledger.db") as (where, service):
        client = arbiter.Client(service)
        for _ in range(CALLS + WARM_UP):
            with spent(routed, time.process_time):
                response = client.chat.completions.create(messages=MESSAGES)
            model = f"openai/{response.model}"
            with spent(bare, time.process_time):
                litellm.completion(model=model, messages=MESSAGES, max_retries=0, **where)
    assert added("sync", bare, routed) < MOST
