"""A process that loads a router once and forks servers, so that tests can kill hundreds of them at random moments.

Reads lines ``ledger folder`` on standard input, forks a server for each and prints its process id. A server routes,
judges its own and other servers' decisions, corrects itself and keeps snapshots until it is killed. What it was told is
kept it writes to ``folder/PID``: one line ``decision key quality`` after the call returned.
"""

import contextlib
import itertools
import os
import random
import signal
import sys
import traceback
from pathlib import Path

from arbiter.bundle import load_bundle
from arbiter.ledger import BufferedLedger, open_ledger
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions

PROMPTS = ("capital river month", "theorem proof integral", "weather planet", "deadlock tensor compiler")


def serve(router: Router, source: str, folder: Path) -> None:
    """Serve and learn for ever."""
    rng = random.Random(os.getpid())
    told = os.open(folder / str(os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    known = os.open(folder / "decisions", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ledger = BufferedLedger(open_ledger(source))
    service = Arbiter(router, ledger, ServiceOptions(follow_s=0.02))
    mine: list[str] = []
    for n in itertools.count():
        decisions = service.route_batch(rng.choices(PROMPTS, k=rng.randint(1, 4)))
        mine.append(decisions[0].id)
        if n % 5 == 0:  # another process may judge what is written
            ledger.flush()
            os.write(known, f"{decisions[0].id}\n".encode())
            mine.append(rng.choice((folder / "decisions").read_text().split("\n")[:-1]))
        judged, key, quality = rng.choice(mine[-20:]), rng.choice(("", str(os.getpid()))), rng.random()
        service.feedback(judged, quality=quality, key=key)
        os.write(told, f"{judged} {key or '-'} {quality!r}\n".encode())
        if n % 17 == 16:
            service.snapshot()


def main() -> None:
    """Fork a server for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    router = load_bundle(Path(sys.argv[1]))[0]
    with contextlib.suppress(ImportError):
        import psycopg  # noqa: F401  # so that servers do not spend their lives on imports
    Arbiter(router).route(PROMPTS[0])
    say("ready")
    for line in sys.stdin:
        source, folder = line.split()
        child = os.fork()
        if child == 0:
            try:
                serve(router, source, Path(folder))
            except BaseException:  # noqa: BLE001  # whatever a server dies of, save a kill, is what the test must see
                with (Path(folder) / "errors").open("a") as errors:
                    traceback.print_exc(file=errors)
                os._exit(1)
        say(str(child))


def say(line: str) -> None:
    """Tell whoever started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
