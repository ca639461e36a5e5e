"""Requests served through arbiter's plugin in a real litellm Router, and what litellm's own loggers wrote of them.

The provider fails, streams, calls tools and answers from litellm's cache; people judge. The ledger and the two logs of
litellm then tell of the same requests.
"""

import asyncio
import importlib.util
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai_server
import provider_world
from openai_server import OpenAIServer
from small_world import QUALITY, small_records

from arbiter.bundle import load_bundle
from arbiter.integrations.litellm_log import litellm_callback
from arbiter.integrations.litellm_routing import route_with
from arbiter.ledger import open_ledger
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.quiet_litellm import import_litellm
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions

PATIENCE_S = 30.0

CACHES = importlib.util.find_spec("soundfile") is not None
"""Whether litellm's cache can answer: 1.106.2 imports a module of its proxy for that, which needs soundfile."""

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


@dataclass(slots=True, kw_only=True)
class Trip:
    """What was served.

    Attributes
    ----------
    ledger : file of the ledger.
    requests : that were sent.
    answered, failed, retried, cached : of these; retried ones were answered.
    feedback : records of what people said, by the answer's id.
    payloads : what litellm told its loggers, in its own order.
    spend : rows of its table, of calls that answered: its proxy writes none of an attempt that failed.
    """

    ledger: Path
    requests: int = 0
    answered: int = 0
    failed: int = 0
    retried: int = 0
    cached: int = 0
    feedback: list[dict[str, Any]] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    spend: list[dict[str, Any]] = field(default_factory=list)

    def written(self, folder: Path) -> tuple[Path, Path, Path]:
        """Write payloads, spend table and feedback as JSONL."""
        paths = tuple(folder / f"{name}.jsonl" for name in ("payloads", "spend", "said"))
        for path, records in zip(paths, (self.payloads, self.spend, self.feedback), strict=True):
            path.write_text("".join(json.dumps(r, default=str) + "\n" for r in records), encoding="utf-8")
        return paths[0], paths[1], paths[2]


def exploring(bundle: Path) -> Router:
    """Give a bundle's router with a bandit that tries everybody, so that propensities say something."""
    router = load_bundle(bundle)[0]
    settings = BanditSettings(gate=GateSettings.fixed(0.95), floor=0.9)
    return replace(router, policy=BanditPolicy.fresh(len(router.catalog), router.context_map.dim, settings))


def served(bundle: Path, folder: Path, n: int) -> Trip:
    """Serve n requests of the small world: every sixth fails at first, every fortieth for good; most are judged."""
    provider_world.require_litellm()
    trip = Trip(ledger=folder / "ledger.db")
    records = [row for row in small_records(n, seed=5) if row["model"] == "gpt-4o"]
    with (
        openai_server.running() as server,
        Arbiter(exploring(bundle), open_ledger(trip.ledger), ServiceOptions(seed=0)) as service,
        listening(service, trip),
    ):
        router = _router(server, service)
        for i, record in enumerate(records):
            _one(router, server, service, trip, (i, str(record["prompt"])))
        asyncio.run(_asynchronous(router, server, service, trip, [str(r["prompt"]) for r in records[: n // 4]]))
    return trip


def _router(server: OpenAIServer, service: Arbiter) -> Any:
    """Give litellm's Router: a group of all models, whose prices its users tell it as they should."""
    listed = []
    for candidate in service.router.catalog:
        prices = {
            "input_cost_per_token": candidate.usd_per_mtok_in / 1e6,
            "output_cost_per_token": candidate.usd_per_mtok_out / 1e6,
        }
        where = {"model": f"openai/{candidate.name}", "api_base": server.url, "api_key": provider_world.KEY}
        listed.append({"model_name": "auto", "litellm_params": {**where, **prices}})
    router = import_litellm().Router(model_list=listed, num_retries=2, retry_after=0, cooldown_time=0.001)
    route_with(router, service)
    return router


def _how(i: int) -> dict[str, Any]:
    """Give what else the i-th call asks for."""
    more: dict[str, Any] = {"metadata": {"session_id": f"s{i // 3}"}} if i % 2 else {}
    if i % 4 == 1:
        more |= {"stream": True, "stream_options": {"include_usage": True}}
    if i % 8 == 3:
        more |= {"tools": [TOOL]}
    if i % 16 == 5:
        more.pop("stream_options")  # nobody counts then, and nobody knows the cost
    return more


def _script(server: OpenAIServer, i: int, more: Mapping[str, Any]) -> bool:
    """Tell the server what to do with the i-th request; give whether it fails first and answers then."""
    if i % 40 == 20:
        server.script += [openai_server.fails(500)] * 3
    elif i % 6 == 2:
        server.script += [openai_server.fails(503)] * (1 + i % 2)
    tokens = (20 + i % 7, 10 + i % 11)
    server.behave = openai_server.answers("Paris is.", tokens=tokens)
    if "tools" in more:
        server.behave = openai_server.calls_tool("look_up", {"what": "Paris"})
    return i % 6 == 2 and i % 40 != 20


def _one(router: Any, server: OpenAIServer, service: Arbiter, trip: Trip, asked: tuple[int, str]) -> None:
    i, prompt = asked
    more = _how(i)
    retried = _script(server, i, more)
    call = {"model": "auto", "messages": [{"role": "user", "content": prompt}], **more}
    trip.requests += 1
    try:
        answer = router.completion(**call)
        first = list(answer).pop() if more.get("stream") else answer
    except import_litellm().InternalServerError:
        trip.failed += 1
        return
    trip.answered, trip.retried = trip.answered + 1, trip.retried + retried
    _judged(service, trip, i, first.id)


async def _asynchronous(router: Any, server: OpenAIServer, service: Arbiter, trip: Trip, prompts: list[str]) -> None:
    """Ask on an event loop; each request twice in a row where litellm can answer the second from its cache."""
    litellm = import_litellm()
    server.behave = openai_server.answers("Paris it is.")
    litellm.cache = litellm.Cache(type="local") if CACHES else None
    for i, prompt in enumerate(prompts):
        for _ in range(2):
            before = server.requests
            asked = [{"role": "user", "content": f"Again: {prompt}"}]
            answer = await router.acompletion(model="auto", messages=asked, caching=CACHES)
            trip.requests, trip.answered = trip.requests + 1, trip.answered + 1
            cached = server.requests == before
            trip.cached += cached
            if not cached:
                _judged(service, trip, i, answer.id)
            await asyncio.sleep(0.01)
    litellm.cache = None
    await asyncio.to_thread(all_told, service, trip)


def _judged(service: Arbiter, trip: Trip, i: int, answer_id: str) -> None:
    """Keep what a person says of an answer; the ledger is told later, when it knows the answer."""
    if i % 5:
        quality = QUALITY["hard" if i % 2 else "easy"]["gpt-4o"] if i % 3 else float(i % 2)
        trip.feedback.append({"request_id": answer_id, "value": quality, "source": "human"})


def all_told(service: Arbiter, trip: Trip) -> None:
    """Wait until litellm has told of everything in the background, then judge."""
    until, held = time.monotonic() + PATIENCE_S, -1
    while len(trip.payloads) != held or len(trip.spend) < trip.answered:
        assert time.monotonic() < until, f"{len(trip.spend)} of {trip.answered} answers were told of"
        held = len(trip.payloads)
        time.sleep(0.3)
    for said in trip.feedback:
        service.feedback(said["request_id"], quality=said["value"])


@contextmanager
def listening(service: Arbiter, trip: Trip) -> Iterator[None]:
    """Let arbiter's callback and one that writes litellm's own logs listen."""
    litellm = import_litellm()
    lock = threading.Lock()

    class Logger(litellm.integrations.custom_logger.CustomLogger):  # type: ignore[misc,name-defined]  # untyped
        """Keeps what it is given; the arguments' names are LiteLLM's."""

        def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            with lock:
                trip.payloads.append(json.loads(json.dumps(kwargs["standard_logging_object"], default=str)))
                trip.spend.append(spend_row(kwargs, response_obj, start_time, end_time))

        def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            with lock:
                trip.payloads.append(json.loads(json.dumps(kwargs["standard_logging_object"], default=str)))

        async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            self.log_success_event(kwargs, response_obj, start_time, end_time)

        async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
            self.log_failure_event(kwargs, response_obj, start_time, end_time)

    mine = [litellm_callback(service), Logger()]
    litellm.callbacks += mine
    try:
        yield
    finally:
        for callback in mine:
            litellm.logging_callback_manager.remove_callback_from_all_lists(callback)


def spend_row(kwargs: Mapping[str, Any], response: Any, start: Any, end: Any) -> dict[str, Any]:
    """Give the row of the spend table: by the proxy's own function where it is installed, else as it derives it.

    The request of a proxy's client, which the table keeps where it is told to, is put in as the proxy does.
    """
    said = kwargs["standard_logging_object"]
    body = json.dumps({"model": "auto", "messages": kwargs["messages"]})
    try:
        from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload

        row = dict(get_logging_payload(dict(kwargs), response, start, end))
    except ImportError:
        kept = {name: said["metadata"].get(name) for name in ("spend_logs_metadata", "usage_object")}
        row = {
            "request_id": said["id"], "call_type": said["call_type"], "api_key": "", "spend": said["response_cost"],
            "prompt_tokens": said["prompt_tokens"], "completion_tokens": said["completion_tokens"],
            "startTime": datetime.fromtimestamp(said["startTime"], UTC),
            "endTime": datetime.fromtimestamp(said["endTime"], UTC),
            "completionStartTime": datetime.fromtimestamp(said["completionStartTime"], UTC),
            "model": said["model"], "model_group": said["model_group"], "cache_hit": str(said["cache_hit"]),
            "metadata": json.dumps(kept, default=str), "messages": "{}", "response": "{}",
            "session_id": said["trace_id"], "status": said["status"], "litellm_call_id": said["litellm_call_id"],
        }  # fmt: skip
    return {**row, "proxy_server_request": body}
