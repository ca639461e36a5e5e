"""Who goes away takes everything with him: calls, tasks, threads and connections; and what is slow holds up nobody."""

import asyncio
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator

import openai_server
import provider_world
import pytest
from provider_world import NAMES, World

from arbiter.errors import AllCandidatesFailedError
from arbiter.execution import Ensemble, Plan, Race, Redundant
from arbiter.execution.failures import DEFAULT_COOLDOWNS
from arbiter.vocabulary import FallbackReason

pytestmark = provider_world.QUIET
TEXT = "What is the capital of France?"
SOON_S = 5.0
PLANS = [None, Race(width=3), Redundant(copies=3), Ensemble()]


@pytest.fixture
def world() -> Iterator[World]:
    with provider_world.running() as found:
        for server in found.servers.values():
            server.behave = openai_server.stalls()
        yield found


def soon(what: Callable[[], object], why: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.01)


def busy(world: World) -> int:
    """Count requests that a server is at."""
    return sum(server.busy for server in world.servers.values())


def connections(world: World) -> int:
    """Count connections that are open at a server."""
    return sum(server.connections for server in world.servers.values())


async def tasks_of_ours() -> list[str]:
    """Give what runs on this loop besides the asker; the library's own logging worker lives as long as its loop."""
    tasks = [task.get_coro() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    names = [getattr(coroutine, "__qualname__", "") for coroutine in tasks]
    return [name for name in names if not name.startswith("LoggingWorker")]


async def asked(world: World) -> None:
    """Wait until somebody is being asked."""
    while not busy(world):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("plan", PLANS)
def test_a_caller_that_goes_away_stops_the_work(world: World, plan: Plan | None) -> None:
    """No task, no connection, no request at any server; the ledger says that it was cancelled."""

    async def main() -> list[str]:
        task = asyncio.create_task(world.service.acomplete(TEXT, plan=plan))
        await asked(world)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = await tasks_of_ours()
        await world.service.executor.aclose()
        return left

    assert asyncio.run(main()) == []
    soon(lambda: busy(world) == 0, "the server is still asked")
    soon(lambda: connections(world) == 0, "a connection is open")
    outcomes = world.outcomes()
    assert outcomes and {o.fallback_reason for o in outcomes} == {FallbackReason.CANCELLED}
    assert all(o.cost_usd is None and not o.ok for o in outcomes)


def test_an_answer_that_came_before_the_caller_went_reached_nobody(world: World) -> None:
    """A stand-in has answered, the choice is waited for: no outcome says that the request was answered."""
    chosen = world.service.route(TEXT).model
    for name, server in world.servers.items():
        if name != chosen:
            server.behave = openai_server.answers("Paris")

    async def main() -> None:
        task = asyncio.create_task(world.service.acomplete(TEXT, plan=Redundant(copies=3)))
        while sum(server.answered.total() for server in world.servers.values()) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    outcomes = world.outcomes()
    assert [o.ok for o in outcomes] == [False] * 3
    assert {str(o.fallback_reason) for o in outcomes} == {"not_needed", "cancelled"}
    assert sum(o.cost_usd or 0.0 for o in outcomes) == pytest.approx(world.billed_usd, rel=1e-12)


def test_a_thread_that_is_interrupted_stops_its_call(world: World) -> None:
    """As by Ctrl-C, which reaches the main thread while it waits."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(KeyboardInterrupt):
            world.service.complete(TEXT)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    soon(lambda: busy(world) == 0, "the server is still asked")
    soon(lambda: world.outcomes(), "no outcome is recorded")


@pytest.mark.parametrize("plan", PLANS)
def test_the_time_limit_stops_the_work(world: World, plan: Plan | None) -> None:
    """Of all that are asked; the answer is an error that says so, and in time."""
    started = time.monotonic()
    with pytest.raises(AllCandidatesFailedError, match="timeout"):
        world.service.complete(TEXT, plan=plan, params={"timeout": 1.0})
    assert time.monotonic() - started < 2.5
    soon(lambda: busy(world) == 0, "the server is still asked")


def test_a_time_limit_set_by_the_caller_cancels_too(world: World) -> None:
    """Python's own."""

    async def main() -> None:
        async with asyncio.timeout(0.5):
            await world.service.acomplete(TEXT)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    soon(lambda: busy(world) == 0, "the server is still asked")


@pytest.mark.parametrize("leave", ["break", "close", "forget"])
def test_a_reader_that_leaves_a_stream_closes_it(world: World, leave: str) -> None:
    """Be it by break, by close, or by forgetting it; what had come is paid for."""
    for server in world.servers.values():
        server.behave = openai_server.streams(["Paris "] * 500, every_s=0.01)
    stream = world.service.stream(TEXT)
    for i, _ in enumerate(stream):
        if i == 2:
            break
    if leave == "close":
        stream.close()
    elif leave == "break":
        with stream:
            pass
    del stream
    gc.collect()
    soon(lambda: busy(world) == 0, "the server goes on")
    soon(lambda: world.outcomes(), "no outcome is recorded")
    (outcome,) = world.outcomes()
    assert outcome.fallback_reason is FallbackReason.CANCELLED
    assert outcome.output_tokens and outcome.cost_usd


def test_an_async_reader_that_leaves_a_stream_closes_it(world: World) -> None:
    """By the end of its task, too."""
    for server in world.servers.values():
        server.behave = openai_server.streams(["Paris "] * 500, every_s=0.01)

    async def read() -> None:
        async for _ in await world.service.astream(TEXT):
            await asyncio.sleep(0)

    async def main() -> list[str]:
        task = asyncio.create_task(read())
        await asked(world)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        gc.collect()
        await asyncio.sleep(0.1)
        return await tasks_of_ours()

    assert asyncio.run(main()) == []
    soon(lambda: busy(world) == 0, "the server goes on")
    soon(lambda: world.outcomes(), "no outcome is recorded")


# litellm makes a coroutine of OpenAI's client and awaits it later; cancelled in between, nobody does.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <coroutine:pytest.PytestUnraisableExceptionWarning")
def test_closing_the_service_stops_the_work_of_its_threads(world: World) -> None:
    """A thread that waits for an answer is told, and the service's own thread ends."""
    told: list[BaseException] = []

    def ask() -> None:
        try:
            world.service.complete(TEXT)
        except BaseException as error:  # noqa: BLE001  # what a thread was told, whatever it was
            told.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    soon(lambda: busy(world) > 0, "nobody is asked")
    world.service.executor.close()
    thread.join(SOON_S)
    assert not thread.is_alive() and told
    soon(lambda: busy(world) == 0, "the server is still asked")
    assert "arbiter-loop" not in [t.name for t in threading.enumerate()]


def test_nothing_is_left_after_a_hundred_requests_of_all_kinds() -> None:
    """No thread and no connection: answered, failed, streamed and left."""
    before = {t.name for t in threading.enumerate()}
    with provider_world.running(cooldowns=dict.fromkeys(DEFAULT_COOLDOWNS, 0.0)) as world:
        for i in range(100):
            name = ("answer", "500", "cut", "429")[i % 4]
            world.servers[NAMES[i % 3]].script.append(openai_server.NAMED[name])
            if i % 5:
                world.service.complete(TEXT)
            else:
                next(world.service.stream(TEXT))
        gc.collect()
        world.service.close()
        soon(lambda: connections(world) == 0, "a connection is open")
    names = {t.name for t in threading.enumerate()} - before
    assert not [name for name in names if name.startswith(("arbiter", "asyncio"))]


# one event loop for many


def test_two_hundred_requests_on_one_loop_starve_nobody(world: World) -> None:
    """All are at the servers together, and a clock on the loop goes on ticking."""
    for server in world.servers.values():
        server.behave = openai_server.answers(after_s=1.0)
        server.keep_bodies = False
    late: list[float] = []

    async def ticking() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            late.append(time.monotonic() - before - 0.01)

    async def main() -> list[str]:
        ticker = asyncio.create_task(ticking())
        answers = await asyncio.gather(*(world.service.acomplete(f"{TEXT} {i}") for i in range(200)))
        ticker.cancel()
        await world.service.executor.aclose()
        return [answer.text for answer in answers]

    assert asyncio.run(main()) == ["Paris"] * 200
    assert sum(server.most_busy for server in world.servers.values()) > 50, "one after the other"
    assert sorted(late)[int(0.9 * len(late))] < 0.5, "the loop stood still"
    assert world.requests == 200
    soon(lambda: connections(world) == 0, "a connection is open")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_stream_reaches_the_caller_at_its_first_token(world: World, asynchronous: bool) -> None:
    """The first part is there while the server still waits to send the second."""
    for server in world.servers.values():
        server.behave = openai_server.streams(["Paris", " it is"], every_s=1.0)
    times: list[float] = []

    async def read() -> None:
        async for part in await world.service.astream(TEXT):
            if part.choices[0].delta.content:
                times.append(time.monotonic())

    started = time.monotonic()
    if asynchronous:
        asyncio.run(read())
    else:
        for part in world.service.stream(TEXT):
            if part.choices[0].delta.content:
                times.append(time.monotonic())
    assert times[0] - started < 0.8
    assert times[1] - times[0] > 0.7
    (outcome,) = world.outcomes()
    assert outcome.ttft_s is not None and outcome.ttft_s < 0.8 < (outcome.latency_s or 0.0)
