"""Laws of the loop on a thread of its own: nothing is lost on it, and nothing wakes up after it."""

import asyncio
import gc
import threading
from concurrent.futures import CancelledError

import pytest

from arbiter.background import BackgroundLoop


class Worker:
    """Waits for work that never comes, and tells how it ended: what is held by nothing but itself."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.task = asyncio.create_task(self.work())

    async def work(self) -> None:
        """Wait."""
        try:
            await self.queue.get()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise


async def leave_behind() -> list[str]:
    """Start a worker and forget it."""
    worker = Worker()
    await asyncio.sleep(0)
    return worker.ended


def test_a_task_that_nobody_knows_any_more_is_cancelled_before_its_loop_is_closed() -> None:
    """Collected in one sweep with the owner of the loop, it would fail with 'Event loop is closed'."""
    gc.disable()
    try:
        owner = BackgroundLoop(at_once=1)
        owner.me = owner  # type: ignore[attr-defined]  # garbage in a circle, as the worker is
        ended = owner.submit(leave_behind).result(5)
        del owner
        gc.collect()
    finally:
        gc.enable()
    assert ended == ["cancelled"]


async def thread_name() -> str:
    """Tell on which thread this runs."""
    return threading.current_thread().name


async def forever(begun: threading.Event) -> None:
    """Wait, once it is said that this has begun."""
    begun.set()
    await asyncio.sleep(3600)


def test_a_coroutine_runs_to_its_end_and_the_loop_can_be_closed_and_used_again() -> None:
    """On a thread of its own, that is gone after closing."""
    loop = BackgroundLoop(at_once=2)
    assert not loop.running
    assert loop.run(thread_name) == "arbiter-loop"
    assert loop.running
    loop.close()
    loop.close()
    assert not loop.running
    assert loop.run(thread_name) == "arbiter-loop"
    loop.close()


def test_closing_cancels_what_is_waited_for() -> None:
    """Whoever waits for it in another thread is told."""
    loop, begun = BackgroundLoop(at_once=2), threading.Event()
    future = loop.submit(lambda: forever(begun))
    assert begun.wait(5)
    loop.close()
    with pytest.raises(CancelledError):
        future.result(5)
