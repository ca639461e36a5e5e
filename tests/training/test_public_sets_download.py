"""Downloads: whole or not at all, resumed, bounded, checked; from a server on loopback."""

import hashlib
import io
import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from http.client import HTTPMessage
from pathlib import Path

import pytest
from web_files import Answer, Web, cut_after, dribbling, endless, redirect, serving, stalled, status

from arbiter.errors import DownloadError
from arbiter_training.public_sets import Patience, RawFile, transport
from arbiter_training.public_sets.download import download
from arbiter_training.public_sets.transport import shown

DATA = bytes(range(256)) * 1000
SUM = hashlib.sha256(DATA).hexdigest()
QUICK = Patience(silence_s=0.3, total_s=20.0, tries=3, pause_s=0.0)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Serve one file, with no proxy in between."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with serving() as web:
        web.files["/a.bin"] = DATA
        yield web


def fetch(web: Web, folder: Path, sha256: str = SUM, max_bytes: int = 1_000_000, patience: Patience = QUICK) -> Path:
    url = f"{web.url}/a.bin"
    return download(RawFile(name="a.bin", url=url, max_bytes=max_bytes, sha256=sha256), url, folder, patience, print)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_file_comes_whole_and_only_once(web: Web, tmp_path: Path) -> None:
    """It has its bytes and its name, nothing lies beside it, and a second call asks nobody."""
    assert fetch(web, tmp_path / "raw").read_bytes() == DATA
    assert fetch(web, tmp_path / "raw") == tmp_path / "raw" / "a.bin"
    assert listing(tmp_path / "raw") == ["a.bin"]
    assert len(web.asked) == 1


def test_what_was_cut_short_goes_on_where_it_ended(web: Web, tmp_path: Path) -> None:
    """The second request asks for the rest alone, within one call."""
    web.answers["/a.bin"] = [cut_after(100_000)]
    assert fetch(web, tmp_path, sha256="").read_bytes() == DATA
    assert [ranged for _, ranged in web.asked] == ["", "bytes=100000-"]


def test_a_later_call_goes_on_too(web: Web, tmp_path: Path) -> None:
    """After the tries are used up the part stays, under a name that nobody takes for the file."""
    web.answers["/a.bin"] = [cut_after(50_000), cut_after(1_000), cut_after(1_000)]
    with pytest.raises(DownloadError, match=r"cut short after 52,000 of 256,000 bytes; 52,000 bytes are kept"):
        fetch(web, tmp_path)
    assert listing(tmp_path) == ["a.bin.part", "a.bin.part.json"]
    assert fetch(web, tmp_path).read_bytes() == DATA
    assert web.asked[-1][1] == "bytes=52000-"


def test_a_file_that_changed_meanwhile_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    """If-Range: the halves of two versions are never put together, even where no sum is known."""
    web.answers["/a.bin"] = [cut_after(80_000)] * 3
    with pytest.raises(DownloadError, match="240,000 bytes are kept"):
        fetch(web, tmp_path, sha256="")
    web.files["/a.bin"] = DATA[::-1]
    assert fetch(web, tmp_path, sha256="").read_bytes() == DATA[::-1]


def test_without_version_or_sum_nothing_is_built_upon(web: Web, tmp_path: Path) -> None:
    """A server without ETags and a file without sum: each try starts over."""
    web.versioned = False
    web.answers["/a.bin"] = [cut_after(100_000)]
    assert fetch(web, tmp_path, sha256="").read_bytes() == DATA
    assert [ranged for _, ranged in web.asked] == ["", ""]


def test_a_part_that_does_not_fit_is_given_up(web: Web, tmp_path: Path) -> None:
    """With a sum the rest is asked for anyway; the sum finds the mixture out, and the file comes whole."""
    web.versioned = False
    (tmp_path / "a.bin.part").write_bytes(b"?" * 1000)
    (tmp_path / "a.bin.part.json").write_text(json.dumps({"url": f"{web.url}/a.bin", "version": ""}))
    assert fetch(web, tmp_path).read_bytes() == DATA
    assert [ranged for _, ranged in web.asked] == ["bytes=1000-", ""]


def test_a_part_of_another_place_or_too_long_is_given_up(web: Web, tmp_path: Path) -> None:
    """The note beside the part says where it is from; 416 says that it is too long."""
    (tmp_path / "a.bin.part").write_bytes(b"?" * 1000)
    (tmp_path / "a.bin.part.json").write_text(json.dumps({"url": "http://elsewhere/a.bin", "version": '"x"'}))
    assert fetch(web, tmp_path / ".").read_bytes() == DATA
    (tmp_path / "a.bin").rename(tmp_path / "a.bin.part")
    (tmp_path / "a.bin.part.json").write_text(json.dumps({"url": f"{web.url}/a.bin", "version": f'"{SUM}"'}))
    assert fetch(web, tmp_path).read_bytes() == DATA


def test_a_wrong_sum_leaves_nothing(web: Web, tmp_path: Path) -> None:
    """Found and expected sum are named, and no second try is made of a file that came whole."""
    with pytest.raises(DownloadError, match=f"sha256 is {SUM}, expected {'0' * 64}; not kept"):
        fetch(web, tmp_path, sha256="0" * 64)
    assert listing(tmp_path) == []
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(status(404), "answered 404", id="404"),
        pytest.param(status(403), "answered 403", id="403"),
        pytest.param(redirect("file:///etc/passwd"), "answered 302", id="to a file"),
        pytest.param(redirect("ftp://127.0.0.1/a.bin"), "only http:// and https:// are fetched", id="to ftp"),
    ],
)
def test_what_no_other_try_betters_is_not_tried_again(web: Web, tmp_path: Path, answer: Answer, message: str) -> None:
    """One request, one line, nothing left."""
    web.answers["/a.bin"] = [answer]
    with pytest.raises(DownloadError, match=message):
        fetch(web, tmp_path)
    assert len(web.asked) == 1
    assert not (tmp_path / "a.bin").exists()


def test_a_redirect_from_https_to_http_is_refused() -> None:
    """What was asked for over a line that nobody can write into is not taken over one that anybody can."""
    request = urllib.request.Request("https://mirror.example/a.bin")
    for place, refused in (("https://other.example/a.bin", False), ("http://mirror.example/a.bin", True)):
        with pytest.raises(DownloadError, match="from https to") if refused else nullcontext():
            transport._Redirects().redirect_request(request, io.BytesIO(), 302, "", HTTPMessage(), place)


def test_redirects_on_the_web_are_followed(web: Web, tmp_path: Path) -> None:
    """As release servers do; the sum guards what comes from there."""
    web.answers["/a.bin"] = [redirect("/b.bin")]
    web.files["/b.bin"] = DATA
    assert fetch(web, tmp_path).read_bytes() == DATA


def test_a_busy_server_is_asked_again(web: Web, tmp_path: Path) -> None:
    """503 and 429 pass."""
    web.answers["/a.bin"] = [status(503), status(429)]
    assert fetch(web, tmp_path).read_bytes() == DATA


def test_a_silent_server_has_a_time_limit(web: Web, tmp_path: Path) -> None:
    """Each try waits for the silence allowed, then the reason is said."""
    web.answers["/a.bin"] = [stalled] * 2
    started = time.monotonic()
    patience = Patience(silence_s=0.2, tries=2, pause_s=0.0)
    with pytest.raises(DownloadError, match="silent for too long"):
        fetch(web, tmp_path, patience=patience)
    assert time.monotonic() - started < 1.4


def test_a_server_that_dribbles_has_one_too(web: Web, tmp_path: Path) -> None:
    """Bytes that come now and then do not hold the command for ever."""
    web.answers["/a.bin"] = [dribbling] * 2
    patience = Patience(silence_s=5.0, total_s=0.5, tries=2, pause_s=0.1)
    with pytest.raises(DownloadError, match=r"not done within 0\.5 s"):
        fetch(web, tmp_path, patience=patience)


@pytest.mark.parametrize("answers", [[], [endless]], ids=["announced", "not announced"])
def test_a_file_that_is_too_large_is_not_read_to_its_end(web: Web, tmp_path: Path, answers: list[Answer]) -> None:
    """Whether the server says its length or not, and nothing of it is kept."""
    web.answers["/a.bin"] = answers
    with pytest.raises(DownloadError, match=r"more than the 200,000 bytes that a\.bin can have"):
        fetch(web, tmp_path, max_bytes=200_000)
    assert listing(tmp_path) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "data:,x", "/etc/passwd", "http:///a"])
def test_only_the_web_is_fetched(tmp_path: Path, url: str) -> None:
    """No other scheme is opened, this machine's files least of all."""
    with pytest.raises(DownloadError, match="only http:// and https:// are fetched"):
        download(RawFile(name="a", url=url, max_bytes=10), url, tmp_path, QUICK, print)


def test_a_host_that_is_not_there_is_said_in_words(web: Web, tmp_path: Path) -> None:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.bin"
        with pytest.raises(DownloadError, match="refused"):
            download(RawFile(name="a.bin", url=url, max_bytes=10), url, tmp_path, QUICK, print)


def test_the_proxy_of_the_environment_is_asked(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request goes to the proxy with the whole URL; NO_PROXY goes past it, and then the host is not found."""
    monkeypatch.setenv("http_proxy", web.url)
    url = "http://data.invalid/a.bin"
    file = RawFile(name="a.bin", url=url, max_bytes=1_000_000, sha256=SUM)
    assert download(file, url, tmp_path / "through", QUICK, print).read_bytes() == DATA
    assert web.asked == [(url, "")]
    monkeypatch.setenv("no_proxy", "data.invalid")
    with pytest.raises(DownloadError, match="cannot be reached"):
        download(file, url, tmp_path / "past", QUICK, print)
    assert len(web.asked) == 1


def test_https_goes_through_the_proxy_by_a_tunnel(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is asked to connect; its refusal is told."""
    monkeypatch.setenv("https_proxy", web.url)
    url = "https://data.invalid/a.bin"
    with pytest.raises(DownloadError, match=r"cannot be reached \(Tunnel connection failed: 403"):
        download(RawFile(name="a.bin", url=url, max_bytes=10), url, tmp_path, QUICK, print)
    assert web.asked == [("data.invalid:443", "")]


def test_a_mirror_may_want_a_password(web: Web, tmp_path: Path) -> None:
    """It is sent to that host, not along a redirect, and is written neither into messages nor beside the part."""
    web.answers["/a.bin"] = [cut_after(1000), redirect("/b.bin")]
    web.files["/b.bin"] = DATA
    url = web.url.replace("//", "//me:se%40cret@") + "/a.bin"
    said: list[str] = []
    file = RawFile(name="a.bin", url=url, max_bytes=1_000_000, sha256=SUM)
    with pytest.raises(DownloadError) as caught:
        download(file, url, tmp_path, Patience(silence_s=0.3, tries=1, pause_s=0.0), said.append)
    note = (tmp_path / "a.bin.part.json").read_text()
    assert "cret" not in "".join([str(caught.value), note, *said])
    assert download(file, url, tmp_path, QUICK, said.append).read_bytes() == DATA
    assert web.users == ["Basic bWU6c2VAY3JldA==", "Basic bWU6c2VAY3JldA==", ""]  # me:se@cret


@pytest.mark.parametrize("url", ["http://host:port/a", "http://me:secret@host:x/a", "http://127.0.0.1:1/a b"])
def test_what_is_no_url_is_not_tried_twice(tmp_path: Path, url: str) -> None:
    """And shows no secret."""
    with pytest.raises(DownloadError, match="not a URL") as caught:
        download(RawFile(name="a", url=url, max_bytes=10), url, tmp_path, QUICK, print)
    assert "secret" not in str(caught.value)


def test_secrets_of_a_url_are_not_shown() -> None:
    """A mirror's password stays out of messages."""
    assert shown("https://me:secret@mirror.example:8443/a/b.json?token=x#y") == "https://mirror.example:8443/a/b.json"
