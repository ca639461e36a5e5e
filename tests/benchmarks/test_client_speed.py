"""What the client adds to a bare litellm call: ``pytest -m benchmark tests/benchmarks/test_client_speed.py -s``.

Both are called in turn: on an event loop in the processor time of its thread, else, as two threads share the work, by
the clock on the wall. Other programs stretch both, so of all calls the quickest tenth counts, and the limit is a ratio:
the client may cost what litellm itself does, nine tenths of it at most. Set ``OMP_NUM_THREADS=1``.
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
from openai_server import OpenAIServer
from provider_world import KEY

import arbiter
from arbiter.execution import Deployment, ExecutionOptions
from arbiter.loading import load_router
from arbiter.quiet_litellm import import_litellm

pytestmark = [pytest.mark.benchmark, *provider_world.QUIET, pytest.mark.filterwarnings("ignore::ResourceWarning")]

CALLS, WARM_UP = 400, 20
MOST = 0.9
"""Of the time of a bare call."""
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant. Answer in one sentence."},
    {"role": "user", "content": "Prove that the square root of 2 is irrational, then explain the proof to a child."},
]


@contextlib.contextmanager
def serving(ledger: Path) -> Iterator[tuple[OpenAIServer, arbiter.Arbiter]]:
    """Give the shipped router, with a ledger on the disk, whose every candidate is called at one server."""
    provider_world.require_litellm()
    with openai_server.running() as server:
        server.keep_bodies = False
        names = load_router(None).catalog.names
        places = {n: Deployment(litellm_params={**where(server), "model": f"openai/{n}"}) for n in names}
        options = arbiter.ServiceOptions(execution=ExecutionOptions(deployments=places))
        with arbiter.load(ledger=ledger, options=options) as service:
            yield server, service


def where(server: OpenAIServer) -> dict[str, Any]:
    return {"api_base": server.url, "api_key": KEY}


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


def test_the_asynchronous_client_costs_less_than_litellm(tmp_path: Path) -> None:
    """Against ``litellm.acompletion`` of the same model; the shipped router, and a ledger on the disk."""
    litellm, bare, routed = import_litellm(), list[float](), list[float]()
    with serving(tmp_path / "ledger.db") as (server, service):
        client = arbiter.AsyncClient(service)

        async def calls() -> None:
            for _ in range(CALLS + WARM_UP):
                with spent(routed, time.thread_time):
                    response = await client.chat.completions.create(messages=MESSAGES)
                model = f"openai/{response.model}"
                with spent(bare, time.thread_time):
                    await litellm.acompletion(model=model, messages=MESSAGES, max_retries=0, **where(server))

        asyncio.run(calls())
    assert added("event loop, processor", bare, routed) < MOST


def test_the_client_costs_less_than_litellm(tmp_path: Path) -> None:
    """Against ``litellm.completion``."""
    litellm, bare, routed = import_litellm(), list[float](), list[float]()
    with serving(tmp_path / "ledger.db") as (server, service):
        client = arbiter.Client(service)
        for _ in range(CALLS + WARM_UP):
            with spent(routed, time.perf_counter):
                response = client.chat.completions.create(messages=MESSAGES)
            model = f"openai/{response.model}"
            with spent(bare, time.perf_counter):
                litellm.completion(model=model, messages=MESSAGES, max_retries=0, **where(server))
    assert added("sync, wall", bare, routed) < MOST
