"""What the drift watch costs the one who asks, and the one who reads."""

import math
import time
from pathlib import Path

import numpy as np
import pytest

import arbiter
from arbiter.drift import DriftOptions, drift_of
from arbiter.ledger import SqliteLedger
from arbiter.service import ServiceOptions

pytestmark = pytest.mark.benchmark
REQUESTS, ROUNDS, PAUSE_S = 600, 6, 0.02


def test_routing_does_not_wait_for_the_watch(tmp_path: Path) -> None:
    """Some fifty requests a second, against the same with the watch off; it reads every second here, not every ten.

    The watch shares Python's one interpreter with the requests, and lets go of it after every ten events.
    """
    taken: dict[str, list[float]] = {"off": [], "on": []}
    options = {"off": DriftOptions(follow_s=math.inf), "on": DriftOptions(follow_s=1.0)}
    services = {
        name: arbiter.load(ledger=tmp_path / f"{name}.db", options=ServiceOptions(seed=0, drift=options[name]))
        for name in taken
    }
    for service in services.values():
        service.route("The first one loads what is loaded once.")
    for turn in range(ROUNDS):
        for name, service in services.items():
            for i in range(REQUESTS // ROUNDS):
                started = time.perf_counter()
                service.route(f"Prove that {turn * REQUESTS + i} is not prime, or find its factors.")
                taken[name].append(time.perf_counter() - started)
                time.sleep(PAUSE_S)
    told = {name: np.quantile(values, [0.5, 0.95]) * 1e3 for name, values in taken.items()}
    print(f"\nroute, median and 95 %: {told['off'].round(2)} ms without, {told['on'].round(2)} ms with the watch")
    assert services["on"].drift.report.blocks >= 1
    for service in services.values():
        service.close()
    assert told["on"][0] < 2.0 * told["off"][0]  # it was 1.0, once 1.5 beside four other jobs on two cores


def test_what_it_costs_is_the_reading(tmp_path: Path) -> None:
    """Against the decoding of the events, which any reader of a ledger pays."""
    with arbiter.load(ledger=tmp_path / "l.db", options=ServiceOptions(seed=0)) as service:
        service.route_batch([f"Prove that {i} is not prime." for i in range(2000)])
    with SqliteLedger(tmp_path / "l.db") as ledger:
        started = time.perf_counter()
        events = [event for _, event in ledger.events()]
        read = time.perf_counter() - started
        started = time.perf_counter()
        drift_of(events)
        folded = time.perf_counter() - started
    print(f"\nan event: {read / 2000 * 1e6:.0f} us to read, {folded / 2000 * 1e6:.0f} us to fold")
    assert folded < 0.5 * read  # it was 0.1
