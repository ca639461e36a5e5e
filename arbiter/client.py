"""OpenAI's chat interface over a service: code that is written to OpenAI's SDK is routed by another client object.

::

    client = arbiter.Client(arbiter.load())
    response = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello"}])
    response.choices[0].message.content, response.arbiter.decision.propensity
    client.feedback(response.id, quality=0.9)
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from arbiter.chat_request import AUTO, Capabilities, ChatRequest, read_chat
from arbiter.chat_streams import AsyncChatStream, ChatStream
from arbiter.errors import InvalidInputError
from arbiter.execution import Execution
from arbiter.feedback_details import FeedbackDetails
from arbiter.openai_errors import as_openai
from arbiter.service import Arbiter

if TYPE_CHECKING:
    from litellm import ModelResponse


class Client:
    """What code written to ``openai.OpenAI()`` can be given instead; safe to share between threads.

    Parameters
    ----------
    router : routes, calls, records and learns; from :func:`arbiter.load`.
    capability : demanded of every call's candidate, such as ``"reasoning"``, or several.

    Raises
    ------
    InvalidInputError
        If the router is none that :func:`arbiter.load` gives.
    """

    def __init__(self, router: Arbiter, capability: Capabilities = None) -> None:
        self.router = _service(router)
        self.chat = Chat(Completions(router, capability))

    def feedback(self, response_id: str, quality: float | None = None, **details: Unpack[FeedbackDetails]) -> None:
        """Record a judgement of an answer, and learn from it; see :meth:`arbiter.Arbiter.feedback`.

        Parameters
        ----------
        response_id : ``response.id``, of a stream the ``id`` of any part; or the decision's own.
        quality : in [0, 1]; None where unknown.
        details : ``cost_usd``, ``latency_s``, ``source``, ``key``.

        Raises
        ------
        InvalidInputError, UnknownDecisionError, LedgerError
            As :meth:`arbiter.Arbiter.feedback`.
        """
        self.router.feedback(response_id, quality, **details)

    def close(self) -> None:
        """Close the router."""
        self.router.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class AsyncClient:
    """The same in place of ``openai.AsyncOpenAI()``.

    Parameters
    ----------
    router, capability : as of :class:`Client`.
    """

    def __init__(self, router: Arbiter, capability: Capabilities = None) -> None:
        self.router = _service(router)
        self.chat = AsyncChat(AsyncCompletions(router, capability))

    async def feedback(
        self, response_id: str, quality: float | None = None, **details: Unpack[FeedbackDetails]
    ) -> None:
        """Record a judgement of an answer, and learn from it; see :meth:`Client.feedback`."""
        await asyncio.to_thread(self.router.feedback, response_id, quality, **details)

    async def close(self) -> None:
        """Close the connections of this event loop, and the router."""
        await self.router.executor.aclose()
        await asyncio.to_thread(self.router.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class Completions:
    """``client.chat.completions``.

    Parameters
    ----------
    router, capability : as of :class:`Client`.
    """

    def __init__(self, router: Arbiter, capability: Capabilities) -> None:
        self._router = router
        self._capability = capability

    @overload
    def create(
        self, *, messages: Sequence[Any], model: str = AUTO, stream: Literal[False] = False, **params: Any
    ) -> "ModelResponse": ...

    @overload
    def create(
        self, *, messages: Sequence[Any], model: str = AUTO, stream: Literal[True], **params: Any
    ) -> ChatStream: ...

    def create(
        self, *, messages: Sequence[Any], model: str = AUTO, stream: bool | None = False, **params: Any
    ) -> "ModelResponse | ChatStream":
        """Answer a conversation.

        Parameters
        ----------
        messages : OpenAI messages; ``message`` of an earlier answer may be among them as it came.
        model : ``auto``, or a candidate of the catalog.
        stream : whether the answer is given part by part.
        params : OpenAI's: ``tools``, ``response_format``, ``temperature``, ``user``, ``timeout``, ... ``metadata``
            may name a ``session_id``. Of arbiter's own: ``capability``, one or several, that the candidate must have;
            ``arbiter``, options of :meth:`arbiter.Arbiter.route`, such as ``{"max_cost_usd": 0.01}``.

        Returns
        -------
        response : litellm's, of OpenAI's shape; beside it ``response.arbiter`` is the
            :class:`arbiter.execution.Execution`, with the decision. Of a stream :class:`ChatStream`.

        Raises
        ------
        openai.APIError
            As OpenAI's SDK does: RateLimitError, APITimeoutError, BadRequestError, ... The cause is arbiter's own.
        MissingExtraError
            If litellm is not installed.
        """
        with as_openai():
            asked = _read(self._router, self._capability, messages, model, params)
            if stream:
                return ChatStream(self._router.stream(asked.messages, params=asked.params, **asked.options))
            return _response(self._router.complete(asked.messages, params=asked.params, **asked.options))


class AsyncCompletions:
    """``client.chat.completions`` of the asynchronous client.

    Parameters
    ----------
    router, capability : as of :class:`Client`.
    """

    def __init__(self, router: Arbiter, capability: Capabilities) -> None:
        self._router = router
        self._capability = capability

    @overload
    async def create(
        self, *, messages: Sequence[Any], model: str = AUTO, stream: Literal[False] = False, **params: Any
    ) -> "ModelResponse": ...

    @overload
    async def create(
        self, *, messages: Sequence[Any], model: str = AUTO, stream: Literal[True], **params: Any
    ) -> AsyncChatStream: ...

    async def create(
        self, *, messages: Sequence[Any], model: str = AUTO, stream: bool | None = False, **params: Any
    ) -> "ModelResponse | AsyncChatStream":
        """Answer a conversation; see :meth:`Completions.create`."""
        with as_openai():
            asked = _read(self._router, self._capability, messages, model, params)
            if stream:
                return AsyncChatStream(await self._router.astream(asked.messages, params=asked.params, **asked.options))
            return _response(await self._router.acomplete(asked.messages, params=asked.params, **asked.options))


class Chat:
    """``client.chat``."""

    def __init__(self, completions: Completions) -> None:
        self.completions = completions


class AsyncChat:
    """``client.chat`` of the asynchronous client."""

    def __init__(self, completions: AsyncCompletions) -> None:
        self.completions = completions


def _service(router: Arbiter) -> Arbiter:
    if not isinstance(router, Arbiter):
        raise InvalidInputError(f"a client needs what arbiter.load() gives, got a {type(router).__name__}")
    return router


def _read(
    router: Arbiter, capability: Capabilities, messages: Sequence[Any], model: str, params: dict[str, Any]
) -> ChatRequest:
    if capability is not None:
        params.setdefault("capability", capability)
    return read_chat(router.router.catalog, messages, model, params)


def _response(execution: Execution) -> Any:
    """Give the response with what arbiter knows of it beside, and not in, its fields: dumped it is as it came."""
    object.__setattr__(execution.response, "arbiter", execution)
    return execution.response
