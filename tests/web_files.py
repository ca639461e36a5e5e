"""A server on loopback that holds files and misbehaves on demand; and a proxy that tells what went through it."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Answer = Callable[["Handler"], None]


@dataclass(slots=True)
class Web:
    """What the server holds and was asked.

    Attributes
    ----------
    url : of the server.
    files : path to bytes.
    answers : path to answers that are given first, one a request, before the file itself.
    asked : path and ``Range`` of each request.
    users : ``Authorization`` of each request to the server itself, empty where there was none.
    versioned : whether ETags are sent.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    versioned: bool = True


class Handler(BaseHTTPRequestHandler):
    """Serves files, whole or from a byte on, under an ETag of their content."""

    web: Web

    def do_GET(self) -> None:
        """Answer as the file's next answer says, or with the file."""
        path = urlsplit(self.path).path  # a proxy is asked for a whole URL
        self.web.asked.append((self.path, self.headers.get("Range", "")))
        self.web.users.append(self.headers.get("Authorization", ""))
        waiting = self.web.answers.get(path)
        if waiting:
            waiting.pop(0)(self)
        elif path in self.web.files:
            self.give(self.web.files[path])
        else:
            self.send_error(404)

    def do_CONNECT(self) -> None:
        """Refuse to be a tunnel, as a proxy; that it was asked is told."""
        self.web.asked.append((self.path, ""))
        self.send_error(403)

    def give(self, data: bytes, most: int | None = None) -> None:
        """Send a file, or the part asked for; at most so many bytes of what was announced."""
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if self.headers.get("If-Range", tag) != tag:
            start = 0
        if start and start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        if self.web.versioned:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(data[start:][:most])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def cut_after(most: int) -> Answer:
    """Announce the file and hang up after so many bytes."""
    return lambda handler: handler.give(handler.web.files[handler.path], most)


def stalled(handler: Handler) -> None:
    """Say nothing for longer than a test waits."""
    time.sleep(1.5)


def status(code: int) -> Answer:
    """Answer with an error."""
    return lambda handler: handler.send_error(code)


def redirect(place: str) -> Answer:
    """Send the client elsewhere."""

    def answer(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", place)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def endless(handler: Handler) -> None:
    """Send without announcing how much; never more than a megabyte."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"x" * 1_000_000)


def dribbling(handler: Handler) -> None:
    """Send a byte now and then, for at most three seconds."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


@contextmanager
def serving() -> Iterator[Web]:
    """Serve on loopback until the block ends."""
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"web": web}))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients hang up on purpose
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
