"""An event loop on a thread of its own: calls that can be cancelled for good, from code that is not asynchronous."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, TypeVar, cast

T = TypeVar("T")

LEAVE_S = 1.0
"""Seconds that cancelled coroutines have to let go of their connections."""


CANCELLED_TIMES = 3
"""A coroutine that tidies up when it is cancelled may have to be cancelled out of that, too."""


class BackgroundLoop:
    """Runs coroutines on a daemon thread, which starts with the first, and anew in a process that was forked off.

    The thread ends with this object, or with the process.

    Parameters
    ----------
    at_once : coroutines that run at the same time; the others wait for their turn.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, make: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run the coroutine that ``make`` gives; cancelling the future cancels it."""
        with self._lock:
            if not self.running:
                self._start()
        return asyncio.run_coroutine_threadsafe(_in_turn(make, self._turns), self._loop)

    def _start(self) -> None:
        self._loop, self._turns = asyncio.new_event_loop(), asyncio.Semaphore(self._at_once)
        self._loop.set_task_factory(_TasksKept())
        self._thread = threading.Thread(target=_run, args=(self._loop,), daemon=True, name="arbiter-loop")
        self._thread.start()
        self._finalizer = weakref.finalize(self, _stop, self._loop, self._thread)

    @property
    def running(self) -> bool:
        """Whether its thread has started, and not ended."""
        return self._thread is not None and self._thread.is_alive()

    def run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run the coroutine to its end; where the caller is interrupted meanwhile, it is cancelled."""
        future = self.submit(make)
        try:
            return future.result()
        finally:
            future.cancel()  # of one that is done: nothing

    def close(self) -> None:
        """End the thread; what still runs on it is cancelled. The next coroutine starts another."""
        with self._lock:
            if self._thread is not None:
                self._finalizer()
                self._thread = None


class _TasksKept:
    """Holds on to a loop's tasks until they are done.

    A loop itself knows them by weak references only. A task nobody waits for any more, such as litellm's logging worker
    once it has moved to another loop, could be collected together with the loop's owner, and wake up when it is closed.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        /,
        **options: Any,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(cast(Coroutine[Any, Any, Any], coroutine), loop=loop, **options)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _in_turn(make: Callable[[], Coroutine[Any, Any, T]], turns: asyncio.Semaphore) -> T:
    async with turns:
        return await make()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    for _ in range(CANCELLED_TIMES):
        if not (left := asyncio.all_tasks(loop)):
            loop.close()
            return
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=LEAVE_S))
    # A coroutine that will not leave would fail at every turn on a closed loop: litellm's own logging worker, when its
    # queue is cleared, is one. The loop is left to it, open and at rest.


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if thread.is_alive():
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(2 * LEAVE_S)
