"""What tracing to MLflow costs the one who asks: a place in a queue."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import arbiter
from arbiter.integrations.mlflow_traces import TraceOptions, Traces
from arbiter.service import ServiceOptions

pytestmark = pytest.mark.benchmark
REQUESTS, ROUNDS, PAUSE_S = 60, 4, 0.1


def test_routing_does_not_wait_for_mlflow(migrated: Path, tmp_path: Path) -> None:
    """Ten requests a second, for each of which the writer is at work, against the same with nobody listening.

    The writer shares Python's one interpreter with the requests, so a request may wait for it for some milliseconds,
    the interpreter's switch interval; never for the store.
    """
    shutil.copy(migrated, tmp_path / "mlflow.db")
    taken: dict[str, list[float]] = {"alone": [], "traced": []}
    with Traces(f"sqlite:///{tmp_path / 'mlflow.db'}", options=TraceOptions(linger_s=0.0, leave_s=120.0)) as traces:
        bare, traced = (
            arbiter.load(options=ServiceOptions(seed=0, listeners=listeners)) for listeners in ((), (traces,))
        )
        for service in (bare, traced):
            _lasted(service, 0)
        for turn in range(ROUNDS):
            for name, service in (("alone", bare), ("traced", traced)):
                for i in range(REQUESTS // ROUNDS):
                    taken[name].append(_lasted(service, turn * REQUESTS + i))
                    time.sleep(PAUSE_S)
                assert traces.flush(120.0)
    told = {name: np.quantile(values, [0.5, 0.95]) * 1e3 for name, values in taken.items()}
    print(f"\nroute, median and 95 %: {told['alone'].round(2)} ms alone, {told['traced'].round(2)} ms traced")
    assert traces.lost == 0 and told["traced"][0] < 3.0 * told["alone"][0]  # it was 1.0 to 2.3


def _lasted(service: arbiter.Arbiter, i: int) -> float:
    started = time.perf_counter()
    service.route(f"Prove that {i} is not prime, or find its factors.")
    return time.perf_counter() - started
