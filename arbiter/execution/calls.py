"""The one place that calls a provider: one call to one deployment, through litellm.

The border: litellm adapts providers (keys, addresses, shapes of messages, tools, images and streams), reads their
errors and Retry-After, counts tokens where a provider does not, and knows prices that no catalog names. Everything that
decides stays here: it is told not to retry and knows of no other model, since a retry that nobody sees falsifies the
measured latency, and a fallback inside it would change the action without a propensity.
"""

import asyncio
import functools
import os
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from arbiter.execution.failures import BROKEN, FOREIGN, RULES, UNSAFE, Rule, kind_of, retry_after_s, rule_of
from arbiter.quiet_litellm import import_litellm
from arbiter.records import Candidate

DETAIL_CHARACTERS = 300
LITELLM_TIMEOUT_S = 3600.0
"""What litellm is told: it keeps a client with its connections per value. The limit of a call is kept by the loop."""

TOKENS_PER_MTOK = 1e6

_SECRET = re.compile(r"key|token|secret|password|credential|authorization", re.I)
_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|rk|key|Bearer)[-_ ][\w.*-]{6,}", re.I)
SAID = ("content", "tool_calls", "function_call", "reasoning_content", "refusal", "audio", "images")
"""Where an answer can be."""

LEAST_SECRET = 6
"""Shorter values are no keys: to take them out would only garble the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is called.

    Attributes
    ----------
    model, deployment : in arbiter's names.
    candidate : its catalog entry; None for a model that the catalog lacks, such as a judge.
    params : passed to litellm besides what the caller asks for; holds keys.
    """

    model: str
    deployment: str = ""
    candidate: Candidate | None = None
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of a call, and their price; None where nobody knows it."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it came.

    Attributes
    ----------
    response : litellm's ModelResponse, untouched.
    text, finish_reason, usage : read from it.
    latency_s, ttft_s : seconds from the call to the end, and to the first part of a stream.
    """

    response: Any
    text: str
    finish_reason: str
    usage: Usage
    latency_s: float
    ttft_s: float | None = None

    @property
    def message(self) -> Any:
        """The assistant's message, with tool calls."""
        return self.response.choices[0].message


class CallFailedError(Exception):
    """A call failed; its own text is ``error``. Inside this package only: plans turn it into an attempt.

    Attributes
    ----------
    rule : what follows.
    error, detail : see :class:`arbiter.execution.Attempt`.
    retry_after_s : how long the provider asks to wait, or None.
    usage : of an answer that came and is none, or that broke off; None where nothing is billed.
    """

    def __init__(self, rule: Rule, error: str, detail: str = "") -> None:
        super().__init__(error)
        self.rule = rule
        self.error = error
        self.detail = detail
        self.retry_after_s: float | None = None
        self.usage: Usage | None = None


async def call(target: Target, body: Mapping[str, Any], limit_s: float) -> Reply:
    """Call once and wait for the whole answer, at most ``limit_s`` seconds.

    Parameters
    ----------
    target : who is called.
    body : messages and what else the request asks for, in OpenAI's names.
    limit_s : after which the connection is closed.

    Raises
    ------
    CallFailedError
        If there is no answer. Whoever is cancelled meanwhile leaves no connection behind.
    """
    started = time.monotonic()
    response = await _within(limit_s, _litellm_call(target, body), target)
    latency_s = time.monotonic() - started
    usage = _usage(target, response)
    if not response.choices:
        raise _spoilt(BROKEN, "no choices", usage)
    choice = response.choices[0]
    text = choice.message.content or ""
    if not _says(choice.message) and choice.finish_reason != "length":
        filtered = choice.finish_reason == "content_filter"
        raise _spoilt(UNSAFE, "content_filter", usage) if filtered else _spoilt(BROKEN, "an empty answer", usage)
    return Reply(
        response=response, text=text, finish_reason=choice.finish_reason or "", usage=usage, latency_s=latency_s
    )


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
        while not self._seen or not (self._seen[-1].choices and _says(self._seen[-1].choices[0].delta)):
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
            part = await _within(self._limit_s, anext(self._chunks, None), self.target)
        except CallFailedError as failed:
            failed.usage = self.usage() if self._seen else None
            raise
        if part is not None:
            self._seen.append(part)
        return part

    def usage(self) -> Usage:
        """Give the tokens of what has come so far: the provider's count where it told one, else litellm's."""
        return _usage(self.target, self._joined())

    def reply(self) -> Reply:
        """Give what has come as a whole answer."""
        response = self._joined()
        choice = response.choices[0]
        return Reply(
            response=response,
            text=choice.message.content or "",
            finish_reason=choice.finish_reason or "",
            usage=_usage(self.target, response),
            latency_s=time.monotonic() - self._started,
            ttft_s=self.ttft_s,
        )

    async def aclose(self) -> None:
        """Close the connection."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    def _joined(self) -> Any:
        return import_litellm().stream_chunk_builder(list(self._seen), messages=list(self._body["messages"]))


async def open_stream(target: Target, body: Mapping[str, Any], limit_s: float) -> OpenStream:
    """Call once and wait for the first part of the answer, at most ``limit_s`` seconds; raises CallFailedError."""
    started = time.monotonic()
    asked = {**body, "stream": True, "stream_options": {**(body.get("stream_options") or {}), "include_usage": True}}
    chunks = await _within(limit_s, _litellm_call(target, asked), target)
    opened = OpenStream(target, body, chunks, started, limit_s)
    try:
        await opened.begin()
    except BaseException:
        await opened.aclose()
        raise
    return opened


async def _litellm_call(target: Target, body: Mapping[str, Any]) -> Any:
    own = {"model": target.model, **target.params, **body}
    model = target.params.get("model", _called(target))
    return await import_litellm().acompletion(
        **{**own, "model": model, "timeout": LITELLM_TIMEOUT_S, "max_retries": 0, "num_retries": 0}
    )


def _called(target: Target) -> str:
    return target.model if target.candidate is None else target.candidate.litellm_model or target.candidate.name


async def _within(limit_s: float, awaited: Any, target: Target) -> Any:
    failed: CallFailedError
    try:
        async with asyncio.timeout(limit_s):
            return await awaited
    except _failures() as error:
        failed = CallFailedError(rule_of(error), kind_of(error), _redacted(str(error), target))
        failed.retry_after_s = retry_after_s(error)
    raise failed  # outside of the handler: no chain to an exception that may quote the request or a key


async def close_clients() -> None:
    """Close the connections that litellm keeps open for the running loop, as must be done before the loop is closed."""
    cache = import_litellm().in_memory_llm_clients_cache
    loop = f"-{id(asyncio.get_running_loop())}"  # how litellm marks whose client it is
    for key in [key for key in cache.cache_dict if str(key).endswith(loop)]:
        client = cache.cache_dict.pop(key)
        close = getattr(client, "close", None) or getattr(client, "aclose", None)
        if close is not None and asyncio.iscoroutine(closing := close()):
            await closing


@functools.cache
def _failures() -> tuple[type[BaseException], ...]:
    """Give what litellm raises: the SDK's errors, which most of its own are, its others, and foreign ones."""
    exceptions = import_litellm().exceptions
    return (exceptions.openai.OpenAIError, *(getattr(exceptions, n) for n in RULES if hasattr(exceptions, n)), *FOREIGN)


def _spoilt(rule: Rule, error: str, usage: Usage) -> CallFailedError:
    failed = CallFailedError(rule, error)
    failed.usage = usage
    return failed


def _only_usage(part: Any) -> bool:
    if getattr(part, "usage", None) is None:
        return False
    if not part.choices:
        return True
    return not _says(part.choices[0].delta) and part.choices[0].finish_reason is None


def _says(message: Any) -> bool:
    """Tell whether a message, or a part of one, holds anything for the caller."""
    return any(getattr(message, name, None) for name in SAID)


def _usage(target: Target, response: Any) -> Usage:
    """Read tokens and price; at the catalog's prices where it knows the model, else at litellm's."""
    usage = getattr(response, "usage", None)
    tokens_in, tokens_out = (int(getattr(usage, n, 0) or 0) for n in ("prompt_tokens", "completion_tokens"))
    details = getattr(usage, "prompt_tokens_details", None)
    cached = min(int(getattr(details, "cached_tokens", 0) or 0), tokens_in)
    if (entry := target.candidate) is None:
        cost = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    else:
        in_cache = entry.usd_per_mtok_in if entry.usd_per_mtok_cached_in is None else entry.usd_per_mtok_cached_in
        plain = (tokens_in - cached) * entry.usd_per_mtok_in + tokens_out * entry.usd_per_mtok_out
        cost = (plain + cached * in_cache) / TOKENS_PER_MTOK
    return Usage(input_tokens=tokens_in, output_tokens=tokens_out, cached_input_tokens=cached, cost_usd=cost)


def _redacted(text: str, target: Target) -> str:
    """Take known keys out of a provider's text, and what looks like one."""
    known = [v for k, v in (*target.params.items(), *os.environ.items()) if isinstance(v, str) and _SECRET.search(k)]
    for value in sorted((v for v in known if len(v) >= LEAST_SECRET), key=len, reverse=True):
        text = text.replace(value, "***")
    return _LIKE_A_KEY.sub("***", text)[:DETAIL_CHARACTERS]
