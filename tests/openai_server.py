"""A provider on loopback that speaks OpenAI's chat protocol, counts what it bills, and misbehaves as told.

::

    with openai_server.running() as server:
        server.behave = answers("Paris")              # from now on
        server.models["slow"] = stalls()              # for one model
        server.script += [rate_limited(), fails(500)] # for the next two requests, then as before
        ...  # api_base=server.url, api_key="any"
        assert server.requests == 3 and server.connections == 0

A request can also say itself what it wants, by the header ``X-Behave`` with a name of :data:`NAMED`.
"""

import contextlib
import json
import select
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler", Mapping[str, Any]], None]

POLL_S = 0.02
"""Between two looks at whether the client has hung up."""

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
            if i == cut_after:
                handler.drop()
                return
            if not (handler.waited(every_s if i else 0.0) and handler.chunk(body, {"content": word})):
                return
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


class OpenAIServer(ThreadingHTTPServer):
    """The server; its counts are its own, taken when the bytes have been handed over.

    Attributes
    ----------
    behave : what is done with a request for which nothing else is told.
    models : model to what is done with its requests.
    script : what is done with the next requests, one each, before all else; the request's own header goes first.
    bodies, authorizations : of the requests, in order of arrival; kept where ``keep_bodies``.
    answered, failed : answers that were sent whole, and everything else.
    tokens_in, tokens_out : model to the tokens billed.
    hung_up : requests whose client went away before the answer was whole.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave: Behaviour = answers()
        self.models: dict[str, Behaviour] = {}
        self.script: deque[Behaviour] = deque()
        self.keep_bodies = True
        self.bodies: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.closing = threading.Event()
        self._count = threading.Lock()
        self._open: set[socket.socket] = set()
        self.reset()

    def reset(self) -> None:
        """Forget what was counted."""
        with self._count:
            self.asked: Counter[str] = Counter()
            self.answered: Counter[str] = Counter()
            self.tokens_in: Counter[str] = Counter()
            self.tokens_out: Counter[str] = Counter()
            self.hung_up = 0
            self.busy = 0
            self.most_busy = 0
            self.bodies.clear()
            self.authorizations.clear()

    @property
    def url(self) -> str:
        """What litellm takes as ``api_base``."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def requests(self) -> int:
        """Requests that came."""
        return self.asked.total()

    @property
    def connections(self) -> int:
        """Connections that are open."""
        with self._count:
            return len(self._open)

    def cost_usd(self, prices: Mapping[str, tuple[float, float]]) -> float:
        """Give what was billed, at model to US dollars per million tokens in and out."""
        with self._count:
            spent = ((prices[m][0] * self.tokens_in[m] + prices[m][1] * self.tokens_out[m]) for m in self.tokens_in)
            return sum(spent) / 1e6

    def bill(self, model: str, tokens_in: int, tokens_out: int) -> None:
        """Count tokens."""
        with self._count:
            self.tokens_in[model] += tokens_in
            self.tokens_out[model] += tokens_out

    def began(self, body: dict[str, Any], authorization: str) -> None:
        """Count a request."""
        with self._count:
            self.asked[str(body["model"])] += 1
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
            if self.keep_bodies:
                self.bodies.append(body)
                self.authorizations.append(authorization)

    def ended(self) -> None:
        """Count that a request is over."""
        with self._count:
            self.busy -= 1

    def left(self) -> None:
        """Count a client that went away."""
        with self._count:
            self.hung_up += 1

    def delivered(self, model: str) -> None:
        """Count an answer that was sent whole."""
        with self._count:
            self.answered[model] += 1

    def chosen(self, body: Mapping[str, Any], told: str | None) -> Behaviour:
        """Give what is to be done with a request."""
        if told is not None:
            return NAMED[told]
        with self._count:
            if self.script:
                return self.script.popleft()
        return self.models.get(str(body["model"]), self.behave)

    def connected(self, connection: socket.socket, *, is_open: bool) -> None:
        """Note a connection that opens or closes."""
        with self._count:
            (self._open.add if is_open else self._open.discard)(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hung up; a test sees it by its counts."""

    def stop(self) -> None:
        """Stop listening and break what is open."""
        self.closing.set()
        self.shutdown()
        with self._count:
            left = list(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection to the server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer on a kept connection waits 40 ms for an acknowledgement
    server: OpenAIServer

    def setup(self) -> None:
        """Note the connection."""
        super().setup()
        self.server.connected(self.connection, is_open=True)

    def finish(self) -> None:
        """Note that it is gone."""
        self.server.connected(self.connection, is_open=False)
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        """Read the body, then behave."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.began(body, self.headers.get("Authorization", ""))
        try:
            self.server.chosen(body, self.headers.get("X-Behave"))(self, body)
        except OSError:
            self.server.left()
            self.close_connection = True
        finally:
            self.server.ended()

    def waited(self, seconds: float) -> bool:
        """Wait; give whether the client is still there."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.server.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], min(left, POLL_S))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                self.server.left()
                self.close_connection = True
                return False
        return True

    def drop(self) -> None:
        """Break the connection."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def reply(
        self,
        body: Mapping[str, Any],
        message: Mapping[str, Any],
        *,
        tokens: tuple[int, int] = (TOKENS_IN, TOKENS_OUT),
        finish: str = "stop",
    ) -> None:
        """Answer with a message, whole or as a stream of its words, and bill it."""
        if body.get("stream"):
            self._reply_streamed(body, message, tokens, finish)
            return
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
        self.say({**_head(body, "chat.completion"), "choices": [choice], "usage": _usage(tokens)})
        self.server.bill(str(body["model"]), *tokens)
        self.server.delivered(str(body["model"]))

    def _reply_streamed(
        self, body: Mapping[str, Any], message: Mapping[str, Any], tokens: tuple[int, int], finish: str
    ) -> None:
        self.begin_stream()
        words = str(message.get("content") or "").split(" ")
        pieces = [{"content": f" {word}" if i else word} for i, word in enumerate(words)] if words != [""] else []
        for piece in pieces or [dict(message)]:
            self.chunk(body, piece)
        self.server.bill(str(body["model"]), *tokens)
        self.end_stream(body, finish, tokens)

    def begin_stream(self) -> None:
        """Send the head of a stream."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, body: Mapping[str, Any], delta: Mapping[str, Any], finish: str | None = None) -> bool:
        """Send one piece of a stream; give True."""
        choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
        self._event({**_head(body, "chat.completion.chunk"), "choices": [choice]})
        return True

    def end_stream(self, body: Mapping[str, Any], finish: str, tokens: tuple[int, int] | None) -> None:
        """Send the end of a stream, with the usage where it was asked for."""
        self.chunk(body, {}, finish)
        if tokens is not None and (body.get("stream_options") or {}).get("include_usage"):
            self._event({**_head(body, "chat.completion.chunk"), "choices": [], "usage": _usage(tokens)})
        self._piece(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        self.server.delivered(str(body["model"]))

    def _event(self, value: Mapping[str, Any]) -> None:
        self._piece(f"data: {json.dumps(value)}\n\n".encode())

    def _piece(self, content: bytes) -> None:
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def say(self, value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send an object."""
        self.send_bytes(json.dumps(value).encode(), "application/json", status, headers)

    def send_bytes(
        self, content: bytes, kind: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send bytes in one piece."""
        self.send_response(status)
        for name, text in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _head(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-loopback", "object": kind, "created": int(time.time()), "model": body["model"]}


def _usage(tokens: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}


@contextlib.contextmanager
def running() -> Iterator[OpenAIServer]:
    """Give a server that answers well until it is told otherwise; it stops with the block."""
    server = OpenAIServer()
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True, name="openai-server")
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
