"""What `arbiter status --track` sends to MLflow."""

import json
from pathlib import Path

import pytest

from arbiter.drift import Drift, DriftKind, DriftReport
from arbiter_training.jobs.watch import EXPERIMENT, log_drift
from arbiter_training.mlflow_connection import connect

pytest.importorskip("mlflow")


def drift(kind: DriftKind, block: int, what: str = "a") -> Drift:
    return Drift(kind=kind, what=what, block=block, before=0.5, after=0.75, p_value=1e-9, level=0.01)


def test_a_report_is_a_run_whose_steps_are_blocks(tmp_path: Path) -> None:
    """Three blocks: traffic moves in the first and is back in the second, where feedback alone has changed."""
    found = (drift(DriftKind.TRAFFIC, 1, "log of prompt tokens"), drift(DriftKind.FEEDBACK_RATE, 2))
    log_drift(DriftReport(blocks=3, found=found), "bandit-1", tmp_path)
    client = connect(tmp_path).client
    (run,) = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    steps = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "evaluation_holds")}
    assert steps == {1: 0.0, 2: 1.0}
    rates = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "feedback_rate/changes")}
    assert rates == {1: 0.0, 2: 1.0}
    assert run.data.metrics["traffic/log of prompt tokens/after"] == 0.75
    assert run.data.tags["drift.evaluation_holds"] == "true" and run.data.params["blocks"] == "3"
    path = client.download_artifacts(run.info.run_id, "drift.json", str(tmp_path))
    told = json.loads(Path(path).read_text(encoding="utf-8"))
    assert [d["what"] for d in told["found"]] == ["log of prompt tokens", "a"]
