"""What a provider on loopback can be told to do with a request; see :mod:`openai_server`."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai_server import Handler

Behaviour = Callable[["Handler", Mapping[str, Any]], None]

TOKENS_IN, TOKENS_OUT = 10, 5
"""What an answer is billed at unless it is told otherwise."""


def answers(
    text: str = "Paris",
    *,
    tokens: tuple[int, int] = (TOKENS_IN, TOKENS_OUT),
    after_s: float = 0.0,
    finish: str = "stop",
) -> Behaviour:
    """Answer with a text after a while, word by word if a stream is asked for; bills ``tokens`` in and out."""

    def behave(handler: "Handler", body: Mapping[str, Any]) -> None:
        if handler.waited(after_s):
            handler.reply(body, {"content": text}, tokens=tokens, finish=finish)

    return behave


def echoes(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Answer with the last message's own text; bills one token per four characters, as an intake estimates them."""
    text = str(body["messages"][-1]["content"])
    handler.reply(body, {"content": text}, tokens=(max(1, round(len(text) / 4)), max(1, len(text.split()))))


def answers_json(value: Mapping[str, Any]) -> Behaviour:
    """Answer with an object as JSON text."""
    return answers(json.dumps(value))


def calls_tool(name: str, arguments: Mapping[str, Any]) -> Behaviour:
    """Ask for a tool instead of answering."""
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}

    def behave(handler: "Handler", body: Mapping[str, Any]) -> None:
        streamed = [{"index": 0, **call}] if body.get("stream") else [call]
        handler.reply(body, {"content": None, "tool_calls": streamed}, finish="tool_calls")

    return behave


def streams(words: Sequence[str], *, every_s: float, cut_after: int | None = None, usage: bool = True) -> Behaviour:
    """Stream words slowly; ``cut_after`` so many the connection breaks. Bills the words that were sent, and 10 in."""

    def behave(handler: "Handler", body: Mapping[str, Any]) -> None:
        handler.begin_stream()
        for i, word in enumerate(words):
            if not handler.waited(every_s if i else 0.0):
                return
            if i == cut_after:
                handler.drop()
                return
            handler.chunk(body, {"content": word})
            handler.server.bill(str(body["model"]), TOKENS_IN if i == 0 else 0, 1)
        handler.end_stream(body, "stop", (TOKENS_IN, len(words)) if usage else None)

    return behave


def rate_limited(retry_after_s: float | None = 1.0) -> Behaviour:
    """Answer 429, with the header Retry-After where a number is given."""
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
    return lambda handler, body: handler.say({"error": error}, status=429, headers=headers)


def fails(status: int = 500, code: str | None = None, message: str = "The server had an error") -> Behaviour:
    """Answer with an error of OpenAI's form."""
    error = {"message": message, "type": "server_error" if status >= 500 else "invalid_request_error", "code": code}
    return lambda handler, body: handler.say({"error": error}, status=status)


def filtered(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Refuse the prompt as Azure's content filter does."""
    message = (
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
        "Please modify your prompt and retry."
    )
    fails(400, "content_filter", message)(handler, body)


def too_long(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Refuse a request that does not fit into the window."""
    message = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    fails(400, "context_length_exceeded", message)(handler, body)


def malformed(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Answer 200 with what is no JSON."""
    handler.send_bytes(b'{"id": "x", "choices": [{"mess', "application/json")


def cuts(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Break the connection before a word is said."""
    handler.drop()


def stalls(for_s: float = 30.0) -> Behaviour:
    """Say nothing until the client hangs up, the server closes, or the time is over; then break the connection."""

    def behave(handler: "Handler", body: Mapping[str, Any]) -> None:
        handler.waited(for_s)
        handler.drop()

    return behave


NAMED: Mapping[str, Behaviour] = {
    "answer": answers(),
    "echo": echoes,
    "429": rate_limited(),
    "500": fails(500),
    "503": fails(503),
    "401": fails(401, "invalid_api_key"),
    "filtered": filtered,
    "too_long": too_long,
    "malformed": malformed,
    "cut": cuts,
    "stall": stalls(),
}
