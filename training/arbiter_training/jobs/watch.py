"""The job of `arbiter status --track`: the drift that a ledger shows, as a run of MLflow."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from arbiter.drift import DriftKind, DriftReport
from arbiter_training.tracking import Tracker, metric_name

EXPERIMENT = "arbiter-drift"


def log_drift(report: DriftReport, policy: str, folder: Path) -> str:
    """Write a drift report to MLflow; the step of a metric is the number of a block.

    Parameters
    ----------
    report : what was found.
    policy : version of the policy that serves.
    folder : of the SQLite store, unless MLFLOW_TRACKING_URI names another.

    Returns
    -------
    where : run and store, in words.
    """
    holds = {"drift.evaluation_holds": str(report.evaluation_holds).lower(), "drift.policy": policy}
    with Tracker(folder, EXPERIMENT, run_name=f"drift of {policy}", tags=holds) as tracker:
        tracker.log_params({"blocks": report.blocks, "policy": policy})
        for block in range(1, report.blocks):
            tracker.log_metrics(_of_block(report, block), step=block)
        found = [{**asdict(drift), "text": drift.text} for drift in report.found]
        tracker.log_text(json.dumps({"blocks": report.blocks, "found": found}, indent=1), "drift.json")
        return f"run {tracker.run_id}, store {tracker.uri}"


def _of_block(report: DriftReport, block: int) -> Mapping[str, float]:
    """Give how much of each kind has drifted in a block, whether evaluations hold, and each change itself."""
    here = [drift for drift in report.found if drift.block == block]
    values = {f"{kind}/changes": float(sum(drift.kind is kind for drift in here)) for kind in DriftKind}
    values["evaluation_holds"] = float(report.held(block))
    for drift in here:
        values[metric_name(f"{drift.kind}/{drift.what}/before")] = drift.before
        values[metric_name(f"{drift.kind}/{drift.what}/after")] = drift.after
    return values
