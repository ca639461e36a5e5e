"""Drift of a ledger, sent to MLflow by `arbiter status --track`."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_runs import Run
from small_world import small_learned
from test_drift_watch import MODELS, stream

from arbiter.intake import read_request
from arbiter.integrations.quiet_mlflow import calm
from arbiter.ledger import SqliteLedger
from arbiter_training.mlflow_connection import connect

pytest.importorskip("mlflow", reason="mlflow is not installed (extra [train])")


def test_drift_goes_to_mlflow(installed: Run, tmp_path: Path) -> None:
    """A run with the number of changes by kind and block, what changed, and whether an evaluation still holds."""
    decision = small_learned().router.route(read_request("river"), np.random.default_rng(0))
    estimate = replace(next(iter(decision.estimates.values())), quality=0.7)
    pattern = replace(decision, estimates=dict.fromkeys(MODELS, estimate), context_version="c")
    with SqliteLedger(tmp_path / "l.db") as ledger:
        ledger.append_many(stream(pattern, 2, 1500, at=1000, drop=0.25))
    done = installed("status", "--ledger", "l.db", "--track", "store", "--json")
    assert done.status == 0 and "no longer hold" in done.err
    client = connect(tmp_path / "store").client
    with calm():
        found = client.get_run(json.loads(done.out)["mlflow"].split()[1].rstrip(","))
        history = client.get_metric_history(found.info.run_id, "drift/quality")
    assert found.data.tags["evaluation_holds"] == "false"
    assert [point.value for point in sorted(history, key=lambda point: point.step)] == [0.0, 1.0]
    assert found.data.metrics["drift/traffic"] == 0.0
    assert found.data.metrics["drift/quality/a"] < -0.15


def test_drift_is_that_of_a_ledger(run: Run) -> None:
    """Without one there is nothing to send."""
    wrong = run("status", "--track", "store")
    assert (wrong.status, wrong.out) == (2, "") and "give --ledger with --track" in wrong.err
