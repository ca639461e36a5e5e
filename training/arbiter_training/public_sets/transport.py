"""HTTP by the standard library: proxies from the environment, http and https only, no redirect to anything else."""

import base64
import http.client
import ssl
import urllib.request
from collections.abc import Mapping
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit

from arbiter.errors import DownloadError

AGENT = "arbiter-router"
SCHEMES = ("http", "https")
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another try may better."""

PASSING = (TimeoutError, ConnectionError, http.client.HTTPException)
"""What a line, a proxy or a server does that is cut, silent or confused."""


class AbsentError(DownloadError):
    """The server has no such file."""


class InterruptedTransferError(Exception):
    """A transfer ended early; another try may go on where it ended."""


def get(url: str, headers: Mapping[str, str], silence_s: float) -> Any:
    """Open a URL.

    Proxies are those of the environment (``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY``) and certificates those of
    ``SSL_CERT_FILE`` or the system, as ``urllib`` has them.

    Parameters
    ----------
    url : http or https. User and password in it are sent by basic authentication, to that host alone.
    headers : of the request.
    silence_s : longest time without a byte, in seconds.

    Returns
    -------
    response : ``http.client.HTTPResponse``, open.

    Raises
    ------
    DownloadError
        If the URL or a redirect is of another scheme, or the answer is one that no other try betters (as an
        ``AbsentError`` where there is no such file).
    InterruptedTransferError
        If it is one that another try may better.
    HTTPError
        On status 416: the range asked for does not exist.
    """
    require_web(url)
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    plain = parts._replace(netloc=host).geturl()
    request = urllib.request.Request(plain, headers={"User-Agent": AGENT, "Accept-Encoding": "identity", **headers})
    if user:
        token = base64.b64encode(unquote(user).encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {token}")  # a redirect leads to another's server
    try:
        return _opener().open(request, timeout=silence_s)
    except HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.code in BUSY:
            raise InterruptedTransferError(f"answered {error.code} {error.reason}") from error
        absent = error.code in (http.client.NOT_FOUND, http.client.GONE)
        raise (AbsentError if absent else DownloadError)(
            f"{shown(url)}: answered {error.code} {error.reason}"
        ) from error
    except URLError as error:
        if isinstance(error.reason, PASSING) and not isinstance(error.reason, ssl.SSLError):
            raise InterruptedTransferError(_words(error.reason)) from error
        raise DownloadError(f"{shown(url)}: cannot be reached ({error.reason}); check network and proxy") from error
    except http.client.InvalidURL as error:
        raise DownloadError(f"{shown(url)}: not a URL ({error})") from error
    except (OSError, http.client.HTTPException) as error:
        raise InterruptedTransferError(_words(error)) from error


def read_some(response: Any, most: int) -> bytes:
    """Read what is there, at most so many bytes; nothing at the end.

    Raises
    ------
    InterruptedTransferError
        If the line is cut or silent.
    """
    try:
        return bytes(response.read1(most))
    except (OSError, http.client.HTTPException) as error:
        raise InterruptedTransferError(_words(error)) from error


def require_web(url: str) -> None:
    """Make sure that a URL is http or https: ``file://`` would read this machine, others would run who knows what.

    Raises
    ------
    DownloadError
        If it is not.
    """
    parts = urlsplit(url)
    try:
        _ = parts.port
    except ValueError as error:
        raise DownloadError(f"{shown(url)}: not a URL; the port is no number") from error
    if parts.scheme.lower() not in SCHEMES or not parts.hostname:
        raise DownloadError(f"{shown(url)}: only http:// and https:// are fetched")


def shown(url: str) -> str:
    """Give a URL for messages: without user, password and query, which may be secrets."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects that stay on the web, and on https where the request was."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        require_web(newurl)
        if urlsplit(req.full_url).scheme.lower() == "https" and urlsplit(newurl).scheme.lower() != "https":
            raise DownloadError(f"{shown(req.full_url)}: redirects from https to {shown(newurl)}; refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Make an opener of what is needed here: ``build_opener`` would add file, ftp and data."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "silent for too long"
    return f"cut ({error or type(error).__name__})"
