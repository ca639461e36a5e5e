"""Streams of OpenAI's chat interface: parts as they come, and errors as users of OpenAI's SDK expect them."""

from typing import Any, Self

from arbiter.errors import ArbiterError
from arbiter.execution import AnswerStream, AsyncAnswerStream
from arbiter.openai_errors import openai_error


class ChatStream:
    """What OpenAI's SDK calls a Stream: iterate once, or use it as a context manager.

    Parameters
    ----------
    arbiter : who answers, why, and, once the last part was taken, what it did cost: ``stream.arbiter.decision``,
        ``stream.arbiter.execution``.
    """

    def __init__(self, arbiter: AnswerStream) -> None:
        self.arbiter = arbiter

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return next(self.arbiter)
        except ArbiterError as error:
            raise openai_error(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the stream; the provider's connection is closed."""
        self.arbiter.close()


class AsyncChatStream:
    """The same for callers on an event loop.

    Parameters
    ----------
    arbiter : as of :class:`ChatStream`.
    """

    def __init__(self, arbiter: AsyncAnswerStream) -> None:
        self.arbiter = arbiter

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self.arbiter)
        except ArbiterError as error:
            raise openai_error(error) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave the stream; the provider's connection is closed."""
        await self.arbiter.aclose()
