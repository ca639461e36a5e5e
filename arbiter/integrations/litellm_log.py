"""A litellm callback that keeps what every call did cost and take in an arbiter ledger, whoever chose its model."""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arbiter.errors import ArbiterError, wordless
from arbiter.integrations.litellm_calls import LitellmCall, read_call
from arbiter.quiet_litellm import import_litellm
from arbiter.records import Outcome
from arbiter.service import Arbiter

if TYPE_CHECKING:
    from litellm.integrations.custom_logger import CustomLogger

logger = logging.getLogger(__name__)


def litellm_callback(service: Arbiter) -> "CustomLogger":
    """Give a callback for ``litellm.callbacks`` that records calls in the service's ledger.

    A call whose model arbiter chose becomes an outcome of that decision; any other a decision with unknown propensity
    (see :meth:`arbiter.Arbiter.observe`) and its outcome. Either way feedback may name ``response.id``. litellm
    calls back in the background: after the last call give it a moment before the process ends.

    Parameters
    ----------
    service : whose ledger, catalog and rules for what is kept of prompts are used.

    Returns
    -------
    callback : append it to ``litellm.callbacks``, or name it in a proxy's ``litellm_settings``.

    Raises
    ------
    MissingExtraError
        If litellm is not installed.
    """
    base: Any = import_litellm().integrations.custom_logger.CustomLogger

    class ArbiterCallback(base):  # type: ignore[misc]  # litellm's class is known where litellm is
        """Named and called by litellm, with arguments by keyword; it wants the object to be one of its own."""

        def __init__(self) -> None:
            super().__init__()
            self.service = id(service)  # litellm takes callbacks for one if class and plain attributes are the same

        def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            record_call(service, kwargs)

        def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            record_call(service, kwargs)

        async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            await asyncio.to_thread(record_call, service, kwargs)

        async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            await asyncio.to_thread(record_call, service, kwargs)

    return ArbiterCallback()


def record_call(service: Arbiter, kwargs: Mapping[str, Any]) -> None:
    """Record one call that litellm tells of; an error is logged, since litellm would swallow it."""
    try:
        call = read_call(kwargs, service.router.catalog)
        if call is not None:
            service.record(_outcome(call, call.decision_id or service.observe(call.query, call.model).id))
    except ArbiterError as error:
        logger.error("a call of litellm is not recorded: %s", wordless(error))


def _outcome(call: LitellmCall, decision_id: str) -> Outcome:
    return Outcome(
        decision_id=decision_id,
        model=call.model,
        ok=call.ok,
        cost_usd=call.cost_usd,
        latency_s=call.latency_s,
        fallback_reason=call.reason,
        ttft_s=call.ttft_s,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        response_id=call.response_id,
    )
