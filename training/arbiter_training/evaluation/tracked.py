"""An evaluation in MLflow: the figures of the report as metrics, figures, page and JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from arbiter_training.evaluation.records import EvaluationReport, Measured
from arbiter_training.report import frontier_figure, render_html, shares_figure
from arbiter_training.tracking import DataNote, Tracker, metric_name


def evaluation_metrics(report: EvaluationReport) -> dict[str, float]:
    """Give the numbers of an evaluation by name, for manifest and MLflow.

    Parameters
    ----------
    report : the evaluation.

    Returns
    -------
    metrics : ``POLICY/OUTCOME``, ``POLICY/OUTCOME difference``, each with ``/low`` and ``/high``; ``POLICY/ess``;
        ``POLICY/SCORE``; ``feedback share``.
    """
    found: dict[str, float] = {}
    for row in report.rows:
        for outcome, measured in row.outcomes.items():
            found |= _ends(f"{row.name}/{outcome}", measured)
        for outcome, measured in row.differences.items():
            if row.name != report.baseline:
                found |= _ends(f"{row.name}/{outcome} difference", measured)
        if row.evidence is not None:
            found[f"{row.name}/ess"] = row.evidence.ess
    for score in report.scores:
        name = f"{score.of}/{score.name}"
        found |= {name: score.value, f"{name}/low": score.low, f"{name}/high": score.high}
    if report.evidence is not None:
        found["feedback share"] = report.evidence.feedback_share
    return {metric_name(name): value for name, value in found.items()}


def log_evaluation(
    tracker: Tracker, report: EvaluationReport, routed: Sequence[tuple[str, str]] = (), title: str | None = None
) -> None:
    """Write an evaluation to a run: its data, metrics, pictures, the page, and everything as ``evaluation.json``.

    Parameters
    ----------
    tracker : of a run that goes on.
    report : the evaluation.
    routed, title : of the page.
    """
    log = report.log
    tracker.log_data(DataNote(name=log.source, fingerprint=log.fingerprint, source=log.source), "evaluation")
    tracker.log_metrics(evaluation_metrics(report))
    tracker.log_figure(frontier_figure(report), "figures/frontier.png")
    tracker.log_figure(shares_figure(report), "figures/shares.png")
    page = render_html(report, routed) if title is None else render_html(report, routed, title=title)
    tracker.log_text(page, "report.html")
    tracker.log_text(json.dumps(_plain(asdict(report)), indent=1), "evaluation.json")


def _ends(name: str, measured: Measured | None) -> dict[str, float]:
    if measured is None:
        return {}
    ends = {"": measured.value, "/low": measured.low, "/high": measured.high}
    return {f"{name}{end}": value for end, value in ends.items() if value is not None}


def _plain(value: Any) -> Any:
    """Make what JSON does not know null: NaN and infinity."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
