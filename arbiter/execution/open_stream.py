"""A call whose answer comes part by part."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from arbiter.execution.calls import CallFailedError, Reply, Target, Usage, litellm_call, says, usage_of, within
from arbiter.execution.failures import BROKEN
from arbiter.quiet_litellm import import_litellm


class OpenStream:
    """A stream whose first part has come.

    Parameters
    ----------
    target, body : as in :func:`call`.
    chunks : litellm's stream.
    first : its first part.
    started : moment of the call, by ``time.monotonic()``.
    limit_s : how long the next part may take.
    """

    def __init__(
        self, target: Target, body: Mapping[str, Any], chunks: AsyncIterator[Any], started: float, limit_s: float
    ) -> None:
        self.target = target
        self.ttft_s = 0.0
        self._body = body
        self._chunks = chunks
        self._started = started
        self._limit_s = limit_s
        self._seen: list[Any] = []

    async def begin(self) -> None:
        """Wait for the first part that says something; raises CallFailedError where none comes."""
        while not self._seen or not (self._seen[-1].choices and says(self._seen[-1].choices[0].delta)):
            part = await self._next()
            if part is None or (part.choices and part.choices[0].finish_reason not in (None, "length")):
                raise CallFailedError(BROKEN, "an empty stream")
        self.ttft_s = time.monotonic() - self._started

    async def parts(self) -> AsyncIterator[Any]:
        """Give every part as it comes, the first at once; raises CallFailedError, with the usage, where it breaks off.

        A part that only tells the usage is kept back where the caller has not asked for one.
        """
        wanted = bool((self._body.get("stream_options") or {}).get("include_usage"))
        for part in list(self._seen):
            yield part
        while (part := await self._next()) is not None:
            if wanted or not _only_usage(part):
                yield part

    async def _next(self) -> Any:
        try:
            part = await within(self._limit_s, anext(self._chunks, None), self.target)
        except CallFailedError as failed:
            failed.usage = self.usage() if self._seen else None
            raise
        if part is not None:
            self._seen.append(part)
        return part

    def usage(self) -> Usage:
        """Give the tokens of what has come so far: the provider's count where it told one, else litellm's."""
        return usage_of(self.target, self._joined())

    def reply(self) -> Reply:
        """Give what has come as a whole answer."""
        response = self._joined()
        choice = response.choices[0]
        return Reply(
            response=response,
            text=choice.message.content or "",
            finish_reason=choice.finish_reason or "",
            usage=usage_of(self.target, response),
            latency_s=time.monotonic() - self._started,
            ttft_s=self.ttft_s,
        )

    async def aclose(self) -> None:
        """Close the connection."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    def _joined(self) -> Any:
        joined = import_litellm().stream_chunk_builder(list(self._seen), messages=list(self._body["messages"]))
        if joined is None:
            raise CallFailedError(BROKEN, "a stream that cannot be put together")
        return joined


async def open_stream(target: Target, body: Mapping[str, Any], limit_s: float) -> OpenStream:
    """Call once and wait for the first part of the answer, at most ``limit_s`` seconds; raises CallFailedError."""
    started = time.monotonic()
    asked = {**body, "stream": True, "stream_options": {**(body.get("stream_options") or {}), "include_usage": True}}
    chunks = await within(limit_s, litellm_call(target, asked), target)
    opened = OpenStream(target, body, chunks, started, limit_s)
    try:
        await opened.begin()
    except BaseException:
        await opened.aclose()
        raise
    return opened


def _only_usage(part: Any) -> bool:
    if getattr(part, "usage", None) is None:
        return False
    if not part.choices:
        return True
    return not says(part.choices[0].delta) and part.choices[0].finish_reason is None
