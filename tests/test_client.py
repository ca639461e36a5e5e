"""The client is a drop-in for OpenAI's SDK: the same code runs against both. And it says what arbiter did."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import openai
import openai_server
import provider_world
import pytest
from openai_server import Behaviour
from provider_world import CHEAP, DEAR, KEY, MIDDLE, NAMES, World

import arbiter
from arbiter.errors import AllCandidatesFailedError, ArbiterError, StreamBrokenError, UnknownDecisionError
from arbiter.openai_errors import BY_STATUS, openai_error
from arbiter.vocabulary import Capability

pytestmark = [
    *provider_world.QUIET,
    # Connections that OpenAI's own client and litellm keep beyond the loop that they were made on.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of France?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "capital",
        "description": "The capital of a country.",
        "parameters": {"type": "object", "properties": {"country": {"type": "string"}}, "required": ["country"]},
    },
}


@dataclass(frozen=True)
class Either:
    """A client, either OpenAI's or arbiter's, and a way to tell all its providers what to do."""

    client: Any
    aclient: Any
    behave: Callable[[Behaviour], None]


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """Let OpenAI's SDK import what it imports at first use before litellm's threads do, which then meet half of it."""
    openai.OpenAI(api_key=KEY).close()


@pytest.fixture
def world() -> Iterator[World]:
    with provider_world.running(time_limit_s=20.0, most_wait_s=0.1) as found:
        yield found


@pytest.fixture(params=["openai", "arbiter"])
def either(request: pytest.FixtureRequest, world: World) -> Iterator[Either]:
    def behave(behaviour: Behaviour) -> None:
        for server in servers:
            server.behave = behaviour

    if request.param == "arbiter":
        servers = list(world.servers.values())
        yield Either(arbiter.Client(world.service), arbiter.AsyncClient(world.service), behave)
        return
    servers = [world.servers[CHEAP]]
    more: dict[str, Any] = {"base_url": servers[0].url, "api_key": KEY, "max_retries": 0, "timeout": 20.0}
    with openai.OpenAI(**more) as client:
        yield Either(client, openai.AsyncOpenAI(**more), behave)


# the same code against both


def test_a_conversation(either: Either) -> None:
    """Answer, finish, usage, roles, and an answer that goes back in as it came."""
    messages: list[Any] = list(MESSAGES)
    response = either.client.chat.completions.create(model="auto", messages=messages, temperature=0.5, user="ada")
    assert response.choices[0].message.content == "Paris" and response.choices[0].finish_reason == "stop"
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (10, 5)
    assert response.object == "chat.completion" and response.id.startswith("chatcmpl-")
    messages += [response.choices[0].message, {"role": "user", "content": "And of Spain?"}]
    again = either.client.chat.completions.create(model="auto", messages=messages, tools=openai.NOT_GIVEN)
    assert again.choices[0].message.content == "Paris"
    assert json.loads(response.model_dump_json())["choices"][0]["message"]["content"] == "Paris"


def test_a_stream(either: Either) -> None:
    """Parts in order, by iteration and as a context manager, and left early."""
    either.behave(openai_server.answers("one two three"))
    stream = either.client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
    parts = list(stream)
    assert "".join(part.choices[0].delta.content or "" for part in parts) == "one two three"
    assert parts[-1].choices[0].finish_reason == "stop" and {part.object for part in parts} == {"chat.completion.chunk"}
    assert len({part.id for part in parts}) == 1
    with either.client.chat.completions.create(model="auto", messages=MESSAGES, stream=True) as stream:
        assert next(iter(stream)).choices[0].delta.content == "one"


def test_the_usage_of_a_stream_comes_where_it_is_asked_for(either: Either) -> None:
    """As a last part, and otherwise not."""
    for options in ({"include_usage": True}, None):
        more = {} if options is None else {"stream_options": options}
        parts = list(either.client.chat.completions.create(model="auto", messages=MESSAGES, stream=True, **more))
        told = [part.usage.completion_tokens for part in parts if getattr(part, "usage", None)]
        assert told == ([] if options is None else [5])


def test_a_tool_is_called(either: Either) -> None:
    """The loop that every user of tools writes."""
    messages: list[Any] = list(MESSAGES)
    either.behave(openai_server.calls_tool("capital", {"country": "France"}))
    asked = either.client.chat.completions.create(model="auto", messages=messages, tools=[TOOL], tool_choice="auto")
    message = asked.choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "capital" and json.loads(call.function.arguments) == {"country": "France"}
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "Paris"}]
    either.behave(openai_server.answers("It is Paris."))
    told = either.client.chat.completions.create(model="auto", messages=messages, tools=[TOOL])
    assert told.choices[0].message.content == "It is Paris."


def test_json_is_given(either: Either) -> None:
    """JSON mode reaches the provider."""
    either.behave(openai_server.answers_json({"capital": "Paris"}))
    form = {"type": "json_object"}
    response = either.client.chat.completions.create(model="auto", messages=MESSAGES, response_format=form)
    assert json.loads(response.choices[0].message.content) == {"capital": "Paris"}


@pytest.mark.parametrize(
    ("behaviour", "error", "status"),
    [
        (openai_server.rate_limited(None), openai.RateLimitError, 429),
        (openai_server.fails(500), openai.InternalServerError, 500),
        (openai_server.fails(503), openai.InternalServerError, 503),
        (openai_server.fails(401, "invalid_api_key", "Incorrect API key provided"), openai.AuthenticationError, 401),
        (openai_server.fails(404, "model_not_found"), openai.NotFoundError, 404),
        (openai_server.filtered, openai.BadRequestError, 400),
        (openai_server.too_long, openai.BadRequestError, 400),
    ],
)
def test_errors_are_those_that_callers_catch(
    either: Either, behaviour: Behaviour, error: type[openai.APIStatusError], status: int
) -> None:
    """By class and status, from a call and from the begin of a stream."""
    either.behave(behaviour)
    for stream in (False, True):
        with pytest.raises(error) as caught:
            either.client.chat.completions.create(model="auto", messages=MESSAGES, stream=stream)
        assert caught.value.status_code == caught.value.response.status_code == status and caught.value.message


def test_a_slow_provider_is_a_timeout(either: Either) -> None:
    """The caller's own limit."""
    either.behave(openai_server.stalls())
    with pytest.raises(openai.APITimeoutError):
        either.client.chat.completions.create(model="auto", messages=MESSAGES, timeout=0.3)


def test_a_stream_that_breaks_off_says_so(either: Either) -> None:
    """From the iteration, as an error of the SDK or of the connection below it."""
    either.behave(openai_server.streams(["a ", "b ", "c"], every_s=0.05, cut_after=2))
    came: list[Any] = []
    with pytest.raises(Exception, match=r"(?i)broke off|incomplete|closed|peer|connection"):
        came += either.client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)


def test_the_asynchronous_client(either: Either) -> None:
    """Answers side by side, a stream, and an error."""

    async def user_code() -> tuple[list[str], str]:
        create = either.aclient.chat.completions.create
        answers = await asyncio.gather(*[create(model="auto", messages=MESSAGES) for _ in range(8)])
        stream = await create(model="auto", messages=MESSAGES, stream=True)
        text = "".join([part.choices[0].delta.content or "" async for part in stream])
        async with await create(model="auto", messages=MESSAGES, stream=True) as stream:
            await anext(aiter(stream))
        either.behave(openai_server.fails(500))
        with pytest.raises(openai.InternalServerError):
            await create(model="auto", messages=MESSAGES)
        await either.aclient.close()
        return [answer.choices[0].message.content for answer in answers], text

    assert asyncio.run(user_code()) == (["Paris"] * 8, "Paris")


# what arbiter adds


def test_the_response_says_what_was_decided(world: World) -> None:
    """Beside its fields: dumped, it is what litellm gave."""
    client = arbiter.Client(world.service)
    response = client.chat.completions.create(model=CHEAP, messages=MESSAGES, user="ada", metadata={"session_id": "s"})
    told = response.arbiter  # type: ignore[attr-defined]  # beside litellm's fields
    assert told.decision == world.service.ledger.decision(told.decision.id)
    assert (told.decision.user, told.decision.session_id) == ("ada", "s")
    assert told.model in told.decision.action_probs and told.cost_usd == pytest.approx(world.billed_usd)
    assert "arbiter" not in response.model_dump() and "arbiter" not in response.model_dump_json()
    (body,) = world.servers[told.model].bodies
    assert body["user"] == "ada" and set(body) <= {"model", "messages", "user", "metadata", "stream"}


def test_feedback_goes_by_the_answers_id(world: World) -> None:
    """Of a whole answer, of a stream's parts, or by the decision's; from another client on the same ledger, too."""
    client = arbiter.Client(world.service)
    response = client.chat.completions.create(messages=MESSAGES)
    stream = client.chat.completions.create(messages=MESSAGES, stream=True)
    parts = list(stream)
    third = client.chat.completions.create(messages=MESSAGES)
    other = arbiter.Client(arbiter.Arbiter(world.service.router, world.service.ledger))
    client.feedback(response.id, quality=0.25)
    other.feedback(parts[0].id, quality=0.5, source="judge")
    asyncio.run(arbiter.AsyncClient(world.service).feedback(third.arbiter.decision.id, quality=0.75))  # type: ignore[attr-defined]
    decisions = [response.arbiter.decision, stream.arbiter.decision, third.arbiter.decision]  # type: ignore[attr-defined]
    found = [world.service.ledger.feedback_for(decision.id)[0].quality for decision in decisions]
    assert found == [0.25, 0.5, 0.75] and stream.arbiter.execution.text == "Paris"
    with pytest.raises(UnknownDecisionError):
        client.feedback("chatcmpl-of-somebody-else", quality=1.0)


def test_a_model_that_is_named_is_the_only_candidate(world: World) -> None:
    """With or without its provider's prefix; one that nobody knows is a 404 before anything is called."""
    client = arbiter.Client(world.service)
    for name in (MIDDLE, f"anthropic/{MIDDLE}"):
        response = client.chat.completions.create(model=name, messages=MESSAGES)
        assert list(response.arbiter.decision.action_probs) == [MIDDLE]  # type: ignore[attr-defined]
    with pytest.raises(openai.NotFoundError, match=r"no model 'gpt-99'.*auto.*gpt-4o-mini") as caught:
        client.chat.completions.create(model="gpt-99", messages=MESSAGES)
    assert caught.value.code == "model_not_found" and world.requests == 2


def test_capabilities_are_demanded_of_the_candidate(world: World) -> None:
    """For one call or for all of a client."""
    catalog = world.service.router.catalog
    able = [name for name in NAMES if Capability.AUDIO in catalog[name].capabilities]
    for ask in (
        lambda: arbiter.Client(world.service).chat.completions.create(messages=MESSAGES, capability="audio"),
        lambda: arbiter.Client(world.service, capability=["audio"]).chat.completions.create(messages=MESSAGES),
    ):
        decision = ask().arbiter.decision  # type: ignore[attr-defined, no-untyped-call]
        assert set(decision.excluded) == set(NAMES) - set(able)
    with pytest.raises(openai.BadRequestError, match=r"unknown capability in 'telepathy'.*reasoning"):
        arbiter.Client(world.service).chat.completions.create(messages=MESSAGES, capability="telepathy")


def test_options_of_route_are_given_under_arbiters_own_name(world: World) -> None:
    """A wrong one is a wrong argument; none of them reaches the provider."""
    client = arbiter.Client(world.service)
    for strategy, wanted in (("cost_first", CHEAP), ("quality_first", DEAR)):
        response = client.chat.completions.create(messages=MESSAGES, arbiter={"strategy": strategy})
        assert response.arbiter.decision.model == wanted  # type: ignore[attr-defined]
        assert "arbiter" not in str(world.servers[wanted].bodies)
    extra = {"arbiter": {"strategy": "cost_first"}, "top_k": 3}
    response = client.chat.completions.create(messages=MESSAGES, extra_body=extra)
    assert response.arbiter.decision.model == CHEAP  # type: ignore[attr-defined]
    assert world.servers[CHEAP].bodies[-1]["top_k"] == 3 and "arbiter" not in world.servers[CHEAP].bodies[-1]
    for wrong in ({"strateggy": "x"}, "cost_first"):
        with pytest.raises(openai.BadRequestError, match=r"strateggy|must be a mapping"):
            client.chat.completions.create(messages=MESSAGES, arbiter=wrong)


def test_an_answer_comes_from_elsewhere_where_one_provider_fails(world: World) -> None:
    """In the same call; the response says who answered and what happened before."""
    client = arbiter.Client(world.service)
    chosen = client.chat.completions.create(messages=MESSAGES).arbiter.decision.model  # type: ignore[attr-defined]
    world.servers[chosen].behave = openai_server.fails(503)
    told = client.chat.completions.create(messages=MESSAGES).arbiter  # type: ignore[attr-defined]
    assert told.fell_back and told.text == "Paris" and told.attempts[0].model == chosen


def test_the_cause_of_an_error_is_arbiters_own(world: World) -> None:
    """With every attempt; the message names models and reasons and nothing of the request."""
    for server in world.servers.values():
        server.behave = openai_server.rate_limited(None)
    with pytest.raises(openai.RateLimitError) as caught:
        arbiter.Client(world.service).chat.completions.create(messages=MESSAGES)
    cause = caught.value.__cause__
    assert isinstance(cause, AllCandidatesFailedError) and {a.model for a in cause.attempts} == set(NAMES)
    assert "rate_limited" in caught.value.message and "France" not in caught.value.message


def test_a_broken_stream_is_the_sdks_error(world: World) -> None:
    """What came before has reached the caller."""
    for server in world.servers.values():
        server.behave = openai_server.streams(["a ", "b ", "c"], every_s=0.2, cut_after=2)
    came: list[Any] = []
    with pytest.raises(openai.APIError) as caught:
        for part in arbiter.Client(world.service).chat.completions.create(messages=MESSAGES, stream=True):
            came.append(part)
    assert came and isinstance(caught.value.__cause__, StreamBrokenError)


def test_a_budget_that_is_used_up_is_an_exhausted_quota() -> None:
    """As at OpenAI: 429 with its code."""
    provider_world.require_litellm()
    error = openai_error(arbiter.errors.BudgetError("the budget of ada leaves $0"))
    assert isinstance(error, openai.RateLimitError) and error.code == "insufficient_quota"
    assert str(error) == "the budget of ada leaves $0"


def test_every_error_of_arbiters_is_one_of_the_sdks() -> None:
    """And every class that the table names is there."""
    provider_world.require_litellm()
    assert all(issubclass(getattr(openai, name), openai.APIStatusError) for name in BY_STATUS.values())

    def below(kind: type[ArbiterError]) -> Iterator[type[ArbiterError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    for kind in below(ArbiterError):
        assert isinstance(openai_error(kind("wrong")), openai.APIError), kind


def test_a_bare_router_is_no_service(world: World) -> None:
    """It could neither call nor remember; the message says what to give."""
    for kind in (arbiter.Client, arbiter.AsyncClient):
        with pytest.raises(arbiter.errors.InvalidInputError, match=r"arbiter\.load"):
            kind(world.service.router)  # type: ignore[arg-type]


def test_closing_the_client_closes_the_router(world: World) -> None:
    """Both kinds, as context managers."""
    with arbiter.Client(world.service) as client:
        assert client.chat.completions.create(messages=MESSAGES).choices[0].message.content == "Paris"
    with pytest.raises(arbiter.errors.LedgerError, match="closed"):
        world.service.ledger.counts()

    async def closed() -> None:
        async with arbiter.AsyncClient(arbiter.Arbiter(provider_world.three_router())) as other:
            pass
        with pytest.raises(arbiter.errors.LedgerError, match="closed"):
            other.router.ledger.counts()

    asyncio.run(closed())
