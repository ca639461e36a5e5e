"""What drift a ledger shows, as a run of MLflow."""

import json
from dataclasses import asdict
from pathlib import Path

from arbiter.drift import DriftKind, DriftReport
from arbiter_training.tracking import Tracker, metric_name
from arbiter_training.tracking_labels import command_tags


def log_drift(report: DriftReport, ledger: str, tracking: Path) -> str:
    """Write a report as one run: the number of changes by kind and block, and what each changed to.

    Parameters
    ----------
    report : of the ledger's events.
    ledger : its identity.
    tracking : folder of the MLflow store.

    Returns
    -------
    where : run and store, in words.
    """
    tags = {**command_tags("drift"), "evaluation_holds": json.dumps(report.evaluation_holds), "ledger": ledger}
    with Tracker(tracking, run_name="drift", tags=tags) as tracker:
        tracker.describe(
            f"What changed in a ledger's traffic over {report.blocks} blocks of time: {len(report.found)} changes. "
            f"Steps are blocks. Evaluations made before still hold: {'yes' if report.evaluation_holds else 'no'}."
        )
        for block in range(1, report.blocks):
            found = [drift for drift in report.found if drift.block == block]
            # Of what waits to be judged nothing is known yet: no number, not 0.
            kinds = DriftKind if block < report.judged_blocks else (DriftKind.TRAFFIC,)
            counts = {f"drift/{kind}": float(sum(drift.kind is kind for drift in found)) for kind in kinds}
            values = {metric_name(f"drift/{drift.kind}/{drift.what}"): drift.after for drift in found}
            tracker.log_metrics({**counts, **values}, step=block)
        tracker.log_text(json.dumps([asdict(drift) for drift in report.found], indent=1), "drift.json")
        return f"run {tracker.run_id}, store {tracker.uri}"
