"""Processes that spend from one budget over one ledger: loads a router once and forks servers, for tests.

``python paced_fleet.py BUNDLE`` reads JSON lines ``{"ledger", "options", "requests", "pause_s", "seed"}`` on standard
input, forks a server for each and prints its process id; a server routes so many requests, tells of each third what it
did cost, and exits. Its parent prints ``done PID STATUS`` when it is asked to wait by an empty line.
"""

import json
import os
import random
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.bundle import load_bundle
from arbiter.ledger import BufferedLedger, open_ledger
from arbiter.pacing import PacingOptions
from arbiter.records import Outcome
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.standing import StandingOptions

FOLLOW_S = 0.2
WORDS = ("theorem", "river", "proof", "colour", "integral", "capital", "deadlock", "month")


def serve(router: Router, job: dict[str, Any]) -> None:
    """Route, and report costs as they were expected."""
    rng = np.random.default_rng(job["seed"])
    standing = StandingOptions(pacing=PacingOptions(**job["options"]))
    options = ServiceOptions(seed=job["seed"], follow_s=FOLLOW_S, standing=standing)
    with Arbiter(router, BufferedLedger(open_ledger(job["ledger"])), options) as service:
        for n in range(job["requests"]):
            decision = service.route(" ".join(rng.choice(WORDS, size=5)))
            if n % 3 == 0:
                cost = decision.estimates[decision.model].cost_usd
                service.record(Outcome(decision_id=decision.id, model=decision.model, ok=True, cost_usd=cost))
            time.sleep(job["pause_s"] * random.expovariate(1.0))


def main() -> None:
    """Fork a server for each line, and wait for all at an empty one."""
    router = load_bundle(Path(sys.argv[1]))[0]
    Arbiter(router).route("theorem proof")  # what is loaded once need not be loaded by each
    children: list[int] = []
    for line in sys.stdin:
        if not line.strip():
            for child in children:
                _, status = os.waitpid(child, 0)
                say(f"done {child} {os.waitstatus_to_exitcode(status)}")
            children = []
            continue
        child = os.fork()
        if child == 0:
            try:
                serve(router, json.loads(line))
            except BaseException:  # noqa: BLE001  # whatever a server dies of is what the test must see
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
        say(str(child))


def say(line: str) -> None:
    """Tell whoever started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
