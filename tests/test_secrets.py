"""A key that is planted wherever keys can be is found nowhere else; and what people write stays out of logs."""

import asyncio
import io
import logging
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import openai_server
import provider_world
import pytest
from openai_server import Handler
from provider_world import KEY, NAMES, World

import arbiter
from arbiter.explain import explanation
from arbiter.gatekeeper.function import FunctionAssessor
from arbiter.gatekeeper.llm import LlmAssessor, LlmOptions
from arbiter.governance import Allowance, BudgetLimits, Governance, Owner, SqliteAudit, SqliteBudget
from arbiter.integrations.litellm_log import litellm_callback
from arbiter.integrations.litellm_routing import route_with
from arbiter.ledger import SqliteLedger
from arbiter.metrics import measure
from arbiter.quiet_litellm import import_litellm
from arbiter.records import Query
from arbiter.service import Arbiter
from arbiter.serving_log import serving_log

# litellm itself leaves connections and event loops open.
pytestmark = [
    *provider_world.QUIET,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PROMPT = "Aurelia Quint has a rare disease; what is it?"
MESSAGES = [{"role": "user", "content": PROMPT}]


def tells_all(handler: Handler, body: Mapping[str, Any]) -> None:
    """Refuse the key as badly as a provider can: with the key and the request in the text."""
    message = f"Incorrect API key provided: {handler.headers['Authorization']} for {body['messages']}"
    openai_server.fails(401, "invalid_api_key", message)(handler, body)


def breaks(query: Query) -> str:
    """Assess nothing, and say in the error what was asked."""
    raise RuntimeError(f"{KEY} cannot assess {query.text}")


class Heard:
    """Everything that is logged meanwhile: arbiter's own at every level, others' from info up."""

    def __init__(self) -> None:
        self._all, self._quiet = io.StringIO(), io.StringIO()
        self._handlers = [logging.StreamHandler(self._all), logging.StreamHandler(self._quiet)]
        self._handlers[0].addFilter(lambda r: r.name.startswith("arbiter") or r.levelno >= logging.INFO)
        self._handlers[1].addFilter(lambda r: r.name.startswith("arbiter") and r.levelno >= logging.INFO)
        self._level = logging.getLogger("arbiter").level

    def __enter__(self) -> "Heard":
        logging.getLogger("arbiter").setLevel(logging.DEBUG)
        for handler in self._handlers:
            logging.getLogger().addHandler(handler)
        return self

    def __exit__(self, *exc_info: object) -> None:
        logging.getLogger("arbiter").setLevel(self._level)
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)

    @property
    def logs(self) -> str:
        """What arbiter logs at any level."""
        return self._all.getvalue()

    @property
    def above_debug(self) -> str:
        """What arbiter logs from info up."""
        return self._quiet.getvalue()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with provider_world.running(SqliteLedger(tmp_path / "ledger.db"), time_limit_s=20.0, most_wait_s=0.1) as found:
        yield found


def failed(call: Any) -> str:
    """Give all that an error of a call shows: texts, attempts, and the traceback with its causes."""
    with pytest.raises(Exception) as caught:  # of whatever kind
        call()
    error = caught.value
    chain = [error, error.__cause__, error.__context__]
    shown = [f"{e} {e!r} {vars(e)} {getattr(e, 'attempts', '')}" for e in chain if e is not None]
    details = [a.detail for e in chain for a in getattr(e, "attempts", ())]
    return "".join([*shown, *details, *traceback.format_exception(error)])


def used(service: Arbiter, world: World) -> str:
    """Use a service in every way there is, well and badly; give all that comes back but the answers themselves."""
    client, asynchronous = arbiter.Client(service), arbiter.AsyncClient(service)
    shown = [str(client.chat.completions.create(messages=MESSAGES).arbiter.decision)]  # type: ignore[attr-defined]
    for behaviour in (tells_all, openai_server.fails(500), openai_server.cuts, openai_server.malformed):
        for server in world.servers.values():
            server.behave = behaviour
        shown.append(failed(lambda: service.complete(MESSAGES)))
        shown.append(failed(lambda: client.chat.completions.create(messages=MESSAGES)))
        shown.append(failed(lambda: client.chat.completions.create(messages=MESSAGES, stream=True)))
        shown.append(failed(lambda: asyncio.run(asynchronous.chat.completions.create(messages=MESSAGES))))
    for server in world.servers.values():
        server.behave = openai_server.streams(["a ", "b "], every_s=0.1, cut_after=1)
    shown.append(failed(lambda: list(client.chat.completions.create(messages=MESSAGES, stream=True))))
    decision = service.route(MESSAGES)
    shown += [decision.explain(), str(explanation(decision)), repr(service.options), repr(vars(service.executor))]
    shown += [str(measure(service.ledger)), repr(serving_log(service.ledger).rows)]
    return "".join(shown)


def kept(folder: Path) -> bytes:
    """Give every byte of the files of ledger, budget and audit."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_key_is_nowhere_but_in_the_request(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in errors, logs of any level, records, reports, representations, or on the terminal; providers got it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with Heard() as heard:
        shown = used(world.service, world)
    sent = {text for server in world.servers.values() for text in server.authorizations}
    assert sent == {f"Bearer {KEY}"}
    assert KEY not in shown and "Bearer ***" in shown  # the provider's text arrived, and was cleaned
    assert KEY not in heard.logs
    assert KEY.encode() not in kept(tmp_path) and b"Aurelia" in kept(tmp_path)
    assert KEY not in "".join(capfd.readouterr())


def test_budget_and_audit_keep_no_key(world: World, tmp_path: Path) -> None:
    """Nor does the refusal of a budget that is used up; the client tells it as OpenAI would."""
    budget = SqliteBudget(tmp_path / "budget.db", BudgetLimits(each_user=Allowance(day_usd=0.01)))
    audit = SqliteAudit(tmp_path / "audit.db")
    options = replace(world.service.options, governance=Governance(budget=budget, audit=audit))
    service = Arbiter(world.service.router, world.service.ledger, options)
    with Heard() as heard:
        shown = used(service, world)
        budget.reserve(Owner(user="ada"), 0.01)
        with pytest.raises(openai.RateLimitError) as refused:
            arbiter.Client(service).chat.completions.create(messages=MESSAGES, user="ada")
    assert refused.value.code == "insufficient_quota" and KEY not in str(vars(refused.value))
    assert KEY not in shown + heard.logs and "Aurelia" not in heard.above_debug
    assert KEY.encode() not in kept(tmp_path) and (tmp_path / "audit.db").stat().st_size > 0


@pytest.mark.parametrize("kind", ["function", "llm"])
def test_an_assessors_error_tells_no_key_and_no_prompt(world: World, tmp_path: Path, kind: str) -> None:
    """What the user's function or the provider says stays out of decision, ledger and log."""
    server = world.servers[NAMES[0]]
    server.behave = tells_all
    asking = LlmOptions(model="openai/judge", extra={"api_base": server.url, "api_key": KEY})
    assessor = FunctionAssessor(function=breaks) if kind == "function" else LlmAssessor(asking)
    options = replace(world.service.options, assessor=assessor)
    service = Arbiter(world.service.router, world.service.ledger, options)
    with Heard() as heard:
        decision = service.route("Hello")
        broken = service.route(MESSAGES)
    assert decision.profile.fell_back and broken.degraded
    assert KEY not in heard.logs and KEY not in repr((decision, broken, assessor, options))
    assert KEY.encode() not in kept(tmp_path) and "Aurelia" not in heard.above_debug
    assert "Aurelia" not in repr(broken)


def test_what_people_write_is_logged_at_debug_at_most(world: World) -> None:
    """Whatever fails: providers, an observer, the ledger, the router itself."""

    def broken(run: Any) -> None:
        raise RuntimeError(f"{KEY} {PROMPT}")

    service = Arbiter(world.service.router, world.service.ledger, replace(world.service.options, observers=(broken,)))
    with Heard() as heard:
        used(service, world)
        service.change(lambda router: replace(router, features=None))  # type: ignore[arg-type]
        assert service.route(MESSAGES).degraded
        service.ledger.close()
        assert service.route(MESSAGES).degraded
    assert "an observer failed" in heard.above_debug and "routing failed" in heard.above_debug
    assert "Aurelia" not in heard.above_debug and KEY not in heard.logs


def test_litellms_own_router_and_callback_leak_nothing(world: World, tmp_path: Path) -> None:
    """What arbiter logs, keeps and adds to the call's metadata."""
    server = world.servers[NAMES[0]]
    where = {"model": f"openai/{NAMES[0]}", "api_base": server.url, "api_key": KEY}
    litellm = import_litellm()
    router = litellm.Router(model_list=[{"model_name": "auto", "litellm_params": where}], num_retries=0)
    callback = litellm_callback(world.service)
    litellm.callbacks.append(callback)
    try:
        with Heard() as heard:
            route_with(router, world.service)
            router.completion(model="auto", messages=MESSAGES)
            server.behave = tells_all
            with pytest.raises(litellm.AuthenticationError):
                router.completion(model="auto", messages=MESSAGES)
            for _ in range(100):
                if len(world.outcomes()) == 2:
                    break
                asyncio.run(asyncio.sleep(0.05))
        assert len(world.outcomes()) == 2
    finally:
        litellm.logging_callback_manager.remove_callback_from_all_lists(callback)
    assert KEY not in heard.logs and "Aurelia" not in heard.above_debug
    assert KEY.encode() not in kept(tmp_path)
