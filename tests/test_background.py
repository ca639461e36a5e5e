"""Laws of the loop on a thread of its own: nothing is lost on it, and nothing wakes up after it."""

import asyncio
import gc

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
