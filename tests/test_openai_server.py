"""The loopback provider does as it is told, and counts right."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import openai_server
import pytest
from openai_server import OpenAIServer


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server.running() as found:
        yield found


def post(server: OpenAIServer, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)  # type: ignore[misc]
    asked = {"model": "m", "messages": [{"role": "user", "content": "one two three"}], **(body or {})}
    connection.request("POST", "/v1/chat/completions", json.dumps(asked), headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


def test_it_answers_and_bills(server: OpenAIServer) -> None:
    """Ten tokens in and five out, at the prices given, and no connection is left."""
    status, _, content = post(server)
    answer = json.loads(content)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "Paris")
    assert answer["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    assert server.cost_usd({"m": (2.0, 4.0)}) == pytest.approx((10 * 2 + 5 * 4) / 1e6)
    assert server.requests == server.answered["m"] == 1
    deadline = time.monotonic() + 5
    while server.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (server.connections, server.busy) == (0, 0)


def test_the_header_goes_before_the_script_the_script_before_the_model(server: OpenAIServer) -> None:
    """And all before what is done otherwise."""
    server.models["m"] = openai_server.fails(503)
    server.script += [openai_server.rate_limited(7)]
    assert post(server, **{"X-Behave": "401"})[0] == 401
    status, headers, _ = post(server)
    assert (status, headers["Retry-After"]) == (429, "7")
    assert post(server)[0] == 503
    assert post(server, {"model": "other"})[0] == 200


def test_a_stream_comes_in_words_with_its_usage(server: OpenAIServer) -> None:
    """Usage as the last event, where it was asked for."""
    server.behave = openai_server.echoes
    _, _, content = post(server, {"stream": True, "stream_options": {"include_usage": True}})
    events = [line.removeprefix("data: ") for line in content.decode().splitlines() if line]
    assert events[-1] == "[DONE]"
    values = [json.loads(event) for event in events[:-1]]
    assert "".join(v["choices"][0]["delta"].get("content", "") for v in values if v["choices"]) == "one two three"
    assert values[-1]["usage"]["completion_tokens"] == 3


def test_a_cut_connection_gives_nothing(server: OpenAIServer) -> None:
    """Neither a status nor a byte."""
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        post(server, **{"X-Behave": "cut"})


def test_a_client_that_leaves_is_counted(server: OpenAIServer) -> None:
    """While the server stalls."""
    connection = http.client.HTTPConnection(*server.server_address[:2])  # type: ignore[misc]
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({"model": "m", "messages": []}), {"X-Behave": "stall"}
    )
    while not server.busy:
        time.sleep(0.005)
    connection.close()
    deadline = time.monotonic() + 5
    while server.busy and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (server.busy, server.hung_up) == (0, 1)
