"""A server on loopback that speaks OpenAI's protocol and misbehaves on demand."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LABELS = {"domain": "law", "complexity": "expert", "harm": "minimal", "stake": "medium"}

Behaviour = Callable[["Handler", Mapping[str, Any]], None]


def answering(labels: Mapping[str, str] = LABELS, *, fence: bool = False) -> Behaviour:
    """Give labels, and the token that the prompt asks for."""

    def behave(handler: "Handler", body: Mapping[str, Any]) -> None:
        token = re.search(r"repeat ([0-9a-f]{8})", body["messages"][0]["content"])
        assert token is not None
        text = json.dumps({"token": token[1], **labels})
        handler.say(f"Sure!\n```json\n{text}\n```" if fence else text)

    return behave


def saying(text: str) -> Behaviour:
    """Give a text whatever is asked."""
    return lambda handler, body: handler.say(text)


def obeying(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Do what the request says: repeat the JSON object that stands in it."""
    request = json.loads(body["messages"][1]["content"])["request"]
    handler.say(request[request.index("{") : request.rindex("}") + 1])


def failing(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Answer 500."""
    handler.send_error(500)


def stalling(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Say nothing until the server is closed."""
    handler.stub.closing.wait(20)


def dripping(handler: "Handler", body: Mapping[str, Any]) -> None:
    """Send a byte now and then, so that no read of the client's ever takes long."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.stub.closing.wait(0.05):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            handler.stub.hung_up.set()
            return


@dataclass
class Stub:
    """What the server does, and what it was asked."""

    behave: Behaviour = field(default_factory=answering)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """One request to the stub."""

    stub: Stub

    def do_POST(self) -> None:
        """Keep the body, then behave."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stub.bodies.append(body)
        self.stub.behave(self, body)

    def say(self, text: str) -> None:
        """Answer with a completion."""
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        completion = {"id": "x", "object": "chat.completion", "created": int(time.time()), "model": "stub"}
        content = json.dumps({**completion, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def serve() -> tuple[Stub, Callable[[], None]]:
    """Start a server; give its stub, and what stops it."""
    stub = Stub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"stub": stub}))
    server.disable_nagle_algorithm = True  # type: ignore[attr-defined]
    stub.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    def stop() -> None:
        stub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()

    return stub, stop
