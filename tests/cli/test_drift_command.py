"""Drift of a ledger, sent to MLflow by `arbiter status --track`."""

import json
from pathlib import Path

import pytest
from command_runs import Run
from drift_streams import World, stream

from arbiter.integrations.quiet_mlflow import calm
from arbiter.ledger import SqliteLedger
from arbiter_training.mlflow_connection import connect

pytest.importorskip("mlflow", reason="mlflow is not installed (extra [train])")


def test_drift_goes_to_mlflow(installed: Run, tmp_path: Path) -> None:
    """A run with the number of changes by kind and block, what changed, and whether an evaluation still holds."""
    with SqliteLedger(tmp_path / "l.db") as ledger:
        ledger.append_many(stream(2, [(1000, World()), (1000, World(drop=0.25))]))
    within = ("--judged-within-s", 300)
    done = installed("status", "--ledger", "l.db", "--track", "store", *within, "--json")
    assert done.status == 0 and "no longer hold" in done.err
    client = connect(tmp_path / "store").client
    with calm():
        found = client.get_run(json.loads(done.out)["mlflow"].split()[1].rstrip(","))
        history = client.get_metric_history(found.info.run_id, "drift/quality")
    assert found.data.tags["evaluation_holds"] == "false"
    assert [point.value for point in sorted(history, key=lambda point: point.step)] == [0.0, 1.0]
    assert found.data.metrics["drift/traffic"] == 0.0
    assert found.data.metrics["drift/quality/a"] < -0.15


def test_it_says_what_it_looked_at(run: Run, tmp_path: Path) -> None:
    """How many blocks, in words; which judgements came too late to count; and what a block is can be told."""
    with SqliteLedger(tmp_path / "l.db") as ledger:
        ledger.append_many(stream(3, [(300, World())], lambda rng: 50.0))
    said = run("status", "--ledger", "l.db", "--drift-block", 100, "--judged-within-s", 60).out
    assert "drift: none that chance does not explain, in 3 blocks, 2 of them judged" in said and "count" not in said
    late = run("status", "--ledger", "l.db", "--drift-block", 100, "--judged-within-s", 10).out
    assert "judgements do not count, as those that come later than --judged-within-s" in late
    wrong = run("status", "--ledger", "l.db", "--drift-block", 10)
    assert wrong.status == 2 and "block must be 40" in wrong.err


def test_drift_is_that_of_a_ledger(run: Run) -> None:
    """Without one there is nothing to send."""
    wrong = run("status", "--track", "store")
    assert (wrong.status, wrong.out) == (2, "") and "give --ledger with --track" in wrong.err
