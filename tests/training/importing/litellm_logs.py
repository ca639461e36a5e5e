"""Payloads as LiteLLM's own callback hands them over, from calls that it answers itself."""

import json
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from arbiter.errors import MissingExtraError
from arbiter.quiet_litellm import import_litellm

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a monad?"}]
PATIENCE_S = 20.0


def record_payloads(path: Path) -> Path:
    """Write the payloads of: a plain call, a retry and fallback, a stream, a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            litellm = import_litellm()
        except MissingExtraError as error:
            pytest.skip(str(error))
        payloads = _recorded(litellm)
    path.write_text("".join(json.dumps(payload, default=str) + "\n" for payload in payloads), encoding="utf-8")
    return path


def _recorded(litellm: Any) -> list[dict[str, Any]]:
    from litellm.integrations.custom_logger import CustomLogger

    payloads: list[dict[str, Any]] = []
    lock = threading.Lock()

    class Keeper(CustomLogger):  # type: ignore[misc]  # litellm publishes no types
        """Keeps what it is given; the arguments' names are LiteLLM's."""

        def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            with lock:
                payloads.append(dict(kwargs["standard_logging_object"]))

        log_failure_event = log_success_event

    before = litellm.callbacks
    litellm.callbacks = [Keeper()]
    try:
        for call in (_plain, _fallback, _stream, _failure):
            before_call = len(payloads)
            _wait(payloads, before_call + call(litellm))
    finally:
        litellm.callbacks = before
    return payloads


def _wait(payloads: list[dict[str, Any]], expected: int) -> None:
    """Callbacks of synchronous calls come from a thread of LiteLLM's."""
    deadline = time.monotonic() + PATIENCE_S
    while len(payloads) < expected:
        assert time.monotonic() < deadline, f"{expected} payloads expected, {len(payloads)} came"
        time.sleep(0.02)


def _plain(litellm: Any) -> int:
    choice = {"propensity": 0.25, "decision_id": "d-1", "policy_version": "p1"}
    litellm.completion(
        model="gpt-4o-mini",
        messages=ASKED,
        mock_response="A monoid.",
        metadata={"spend_logs_metadata": {"arbiter": choice}},
        litellm_trace_id="t-plain",
    )
    return 1


def _fallback(litellm: Any) -> int:
    fails = {"model": "gpt-4o", "mock_response": "litellm.RateLimitError", "api_key": "none"}
    works = {"model": "gpt-4o-mini", "mock_response": "From the second.", "api_key": "none"}
    router = litellm.Router(
        model_list=[{"model_name": "a", "litellm_params": fails}, {"model_name": "b", "litellm_params": works}],
        fallbacks=[{"a": ["b"]}], num_retries=1, retry_after=0,
    )  # fmt: skip
    router.completion(model="a", messages=[{"role": "user", "content": "Who falls back?"}])
    return 3


def _stream(litellm: Any) -> int:
    messages = [{"role": "user", "content": "Tell me slowly."}]
    for _ in litellm.completion(model="gpt-4o-mini", messages=messages, mock_response="One two three.", stream=True):
        time.sleep(0.002)
    return 1


def _failure(litellm: Any) -> int:
    messages = [{"role": "user", "content": "Too much?"}]
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(
            model="gpt-4o", messages=messages, mock_response="litellm.ContextWindowExceededError", num_retries=0
        )
    return 1
