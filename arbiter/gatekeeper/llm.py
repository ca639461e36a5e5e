"""A cheap LLM as an assessor, asked through litellm."""

import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from arbiter.background import BackgroundLoop
from arbiter.encoders.cut import cut
from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.llm_prompt import messages, read_labels, response_format
from arbiter.gatekeeper.opinion import Opinion
from arbiter.gatekeeper.recent import RecentOpinions
from arbiter.gatekeeper.waiting import gathered
from arbiter.quiet_litellm import import_litellm
from arbiter.reading import reading_text
from arbiter.records import Query
from arbiter.vocabulary import ProfileSource

logger = logging.getLogger(__name__)

MAX_ANSWER_TOKENS = 300
"""An answer has about 60; the rest is for models that think first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmOptions:
    """Which model is asked, and how long it is waited for.

    Attributes
    ----------
    model : as litellm takes it, such as ``gpt-4o-mini`` or ``ollama/llama3.2``. It should cost a small part of what the
        choice can save: every new request is one call of it.
    time_limit_s : seconds for one request, whatever the provider does.
    cache_size : answers kept, by content; 0 keeps none.
    at_once : calls at the same time; a batch takes its time limit once for so many requests.
    rest_after, rest_s : after so many failures in a row nobody is asked for so many seconds: a provider that is down
        must not cost every request the time limit.
    lowers_risk : whether it may call harm and stake lower than the base gatekeeper does. Off, since a request could try
        to talk it into that.
    extra : passed to litellm, such as ``{"api_base": "http://localhost:8000/v1", "api_key": "..."}``; not shown.
    """

    model: str
    time_limit_s: float = 2.0
    cache_size: int = 10_000
    at_once: int = 8
    rest_after: int = 5
    rest_s: float = 30.0
    lowers_risk: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.model:
            raise InvalidInputError("an LLM assessor needs a model, such as 'gpt-4o-mini'; got ''")
        for name, least in (("time_limit_s", 0.0), ("rest_s", 0.0)):
            if not getattr(self, name) > least:
                raise InvalidInputError(f"{name} must be above {least:g}, got {getattr(self, name)}")
        for name, fewest in (("cache_size", 0), ("at_once", 1), ("rest_after", 1)):
            if getattr(self, name) < fewest:
                raise InvalidInputError(f"{name} must be a whole number from {fewest} up, got {getattr(self, name)}")


class LlmAssessor:
    """Asks a model for the labels of a request, under a schema and a time limit.

    Answers are kept by content. Where the model is slow, wrong, or litellm is not installed, the base gatekeeper speaks
    and ``profile.fell_back`` says why. The text that is sent is the one that the learned gatekeeper reads, cut to about
    2,000 characters, without the application's system prompts; it leaves the process for the model's provider.

    Parameters
    ----------
    options : model and limits.
    clock : gives seconds, for the rest after failures.
    """

    def __init__(self, options: LlmOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self._clock = clock
        self._recent = RecentOpinions(options.cache_size)
        self._loop = BackgroundLoop(options.at_once)
        self._lock = threading.Lock()
        self._failures = 0
        self._rests_until = float("-inf")

    @property
    def source(self) -> ProfileSource:
        """The LLM."""
        return ProfileSource.LLM

    @property
    def lowers_risk(self) -> bool:
        """As the options say."""
        return self.options.lowers_risk

    def opinions(self, queries: Sequence[Query]) -> list[Opinion]:
        """See :meth:`arbiter.gatekeeper.opinion.Assessor.opinions`; equal requests of a batch are asked for once."""
        texts = [cut(reading_text(query)) for query in queries]
        known = {text: self._recent.get(_key(text)) for text in texts}
        new = [text for text, opinion in known.items() if opinion is None]
        found = {**known, **dict(zip(new, self._asked(new), strict=True))}
        return [found[text] or Opinion() for text in texts]

    def _asked(self, texts: Sequence[str]) -> list[Opinion]:
        if not texts:
            return []
        if self._clock() < self._rests_until:
            return [Opinion(error=f"{self.options.model} rests after {self.options.rest_after} failures")] * len(texts)
        waves = -(-len(texts) // self.options.at_once)
        until = time.monotonic() + waves * self.options.time_limit_s
        futures: list[Future[Opinion]] = [self._loop.submit(partial(self._ask, text)) for text in texts]
        opinions = gathered(futures, until, self.options.model)
        for text, opinion in zip(texts, opinions, strict=True):
            self._note(text, opinion)
        return opinions

    async def _ask(self, text: str) -> Opinion:
        litellm = import_litellm()
        token = secrets.token_hex(4)
        answer = await litellm.acompletion(
            model=self.options.model,
            messages=messages(text, token),
            response_format=response_format(),
            temperature=0.0,
            max_tokens=MAX_ANSWER_TOKENS,
            timeout=self.options.time_limit_s,
            max_retries=0,  # litellm would try twice more, and each try would have the whole time
            num_retries=0,
            drop_params=True,  # models without a JSON mode are told the form by the prompt
            **self.options.extra,
        )
        return read_labels(answer.choices[0].message.content, token)

    def _note(self, text: str, opinion: Opinion) -> None:
        """Keep an answer, or count a failure."""
        if not opinion.error:
            self._recent.put(_key(text), opinion)
        with self._lock:
            self._failures = self._failures + 1 if opinion.error else 0
            if self._failures >= self.options.rest_after:
                self._failures = 0
                self._rests_until = self._clock() + self.options.rest_s
                logger.warning("%s is not asked for %g s", self.options.model, self.options.rest_s)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
