"""Answers that reach the caller part by part."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, Self

from arbiter.background import BackgroundLoop
from arbiter.errors import InvalidInputError, StreamBrokenError
from arbiter.execution.attempts import Execution, said_of
from arbiter.execution.calls import CallFailedError
from arbiter.execution.run import Run, Tried

Ended = Callable[[Run], None]
"""Is told of a request that is over, however it came to that."""


class AsyncAnswerStream:
    """Parts of an answer, each as litellm gave it, as soon as it came; iterate once.

    Leaving it early (``break``, :meth:`aclose`, the end of its task) closes the connection to the provider.

    Parameters
    ----------
    run : the request; its stream is open.
    begun : the attempt that gave the first part.
    """

    def __init__(self, run: Run, begun: Tried) -> None:
        self._run = run
        self._begun = begun
        self._came: list[Execution] = []
        self._parts: AsyncGenerator[Any]

    @classmethod
    async def of(cls, run: Run, begun: Tried, ended: Ended) -> Self:
        """Give the stream of a request whose first part has come."""
        made = cls(run, begun)
        # A function of its own, not a method: so it dies with its reader, and closes the connection as it does.
        made._parts = _flow(run, begun, ended, made._came)
        await anext(made._parts)  # only a generator that was begun tidies up
        return made

    @property
    def model(self) -> str:
        """Who answers."""
        return self._begun.attempt.model

    @property
    def decision_id(self) -> str:
        """Of which decision it is the answer."""
        return self._run.decision.id

    @property
    def execution(self) -> Execution:
        """What came of it, with the whole answer.

        Raises
        ------
        InvalidInputError
            Before the last part was taken.
        """
        if not self._came:
            raise InvalidInputError("the stream has not come to its end; take every part first")
        return self._came[0]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._parts)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the stream; a stream that is over stays as it is."""
        await self._parts.aclose()


class AnswerStream:
    """The same for callers that are not asynchronous.

    Parameters
    ----------
    parts : what is read.
    loop : where it is read.
    """

    def __init__(self, parts: AsyncAnswerStream, loop: BackgroundLoop) -> None:
        self._parts = parts
        self._loop = loop

    @property
    def model(self) -> str:
        """Who answers."""
        return self._parts.model

    @property
    def decision_id(self) -> str:
        """Of which decision it is the answer."""
        return self._parts.decision_id

    @property
    def execution(self) -> Execution:
        """See :attr:`AsyncAnswerStream.execution`."""
        return self._parts.execution

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        part = self._loop.run(self._next)
        if part is None:
            raise StopIteration
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the stream; a stream that is over stays as it is."""
        self._loop.run(self._parts.aclose)

    async def _next(self) -> Any:
        return await anext(self._parts, None)


async def _flow(run: Run, begun: Tried, ended: Ended, came: list[Execution]) -> AsyncGenerator[Any]:
    stream, failed, over = run.stream, None, False
    assert stream is not None, "a request that has begun has a stream"
    try:
        yield None
        async for part in stream.parts():
            yield part
        came.append(run.finish(run.note(run.streamed(begun, stream.reply()), stream.target)))
        over = True
    except CallFailedError as error:
        run.note(run.broken(begun, error), stream.target)
        failed, over = error, True
    finally:
        if not over:
            run.note(run.left(begun, stream.usage()), stream.target)
        await stream.aclose()
        ended(run)
    if failed is not None:
        attempts = run.attempts
        raise StreamBrokenError(f"the answer broke off: {said_of(attempts)}", run.decision.id, attempts)
