"""A PostgreSQL server of the tests' own: in a temporary folder, on a Unix socket, run by a user that is not root."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian's packages put the programs that are not on the path."""

USER = "arbiter"
"""The database user, who has nothing to do with users of the system."""


def programs() -> Path:
    """Give the folder of initdb and postgres of the newest server; skips the test where there is none."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    named = shutil.which("initdb")
    if not found and named is None:
        pytest.skip("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'arbiter-router[postgres]'")
    return found[-1].parent if found else Path(str(named)).resolve().parent


def _unprivileged() -> dict[str, object]:
    """Give what makes a process run as another user than root, whom the server refuses; skips where nobody is there."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")


class PostgresServer:
    """A running server.

    Attributes
    ----------
    folder : holds its data and its socket.
    """

    def __init__(self, folder: Path, bin_folder: Path, who: dict[str, object]) -> None:
        self.folder = folder
        self._bin = bin_folder
        self._who = who
        self._process: subprocess.Popen[bytes]

    def url(self, database: str) -> str:
        """Give the URL of a database on this server."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Make an empty database and give its URL."""
        import psycopg

        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def start(self) -> None:
        """Start it; returns when it answers."""
        command = [str(self._bin / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        # No test takes the power away, so nothing need wait for the disk.
        command += ["-c", "listen_addresses=", "-c", "max_connections=60", "-c", "fsync=off"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self._who)  # type: ignore[call-overload]
        for _ in range(600):
            if self._answers():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the server does not start: {(self.folder / 'log').read_text()[-500:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it, whoever is connected: SIGINT in good order, SIGQUIT when its data is needed no more."""
        self._process.send_signal(how)
        self._process.wait(60)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def make(self) -> None:
        """Make its data."""
        command = [str(self._bin / "initdb"), "-D", str(self.folder / "data"), "-U", USER, "-A", "trust", "-N"]
        command += ["-E", "UTF8", "--locale=C"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=120, **self._who)  # type: ignore[call-overload]


@contextlib.contextmanager
def running() -> Iterator[PostgresServer]:
    """Make and start a server, and stop it at the end."""
    bin_folder, who = programs(), _unprivileged()
    # Short, since a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="arbiter-pg-", dir="/tmp"))
    server = PostgresServer(folder, bin_folder, who)
    try:
        if who:
            os.chown(folder, int(str(who["user"])), int(str(who["group"])))
        folder.chmod(0o755)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
