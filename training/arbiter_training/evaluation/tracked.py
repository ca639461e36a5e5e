"""An evaluation in MLflow: the figures of the report as metrics, figures, page and JSON."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from arbiter_training.evaluation.noted import headline_metrics, renamed, shown_names
from arbiter_training.evaluation.records import EvaluationReport, Measured
from arbiter_training.report import frontier_figure, render_html, shares_figure
from arbiter_training.tracking import DataNote, MetricLink, Tracker, metric_name
from arbiter_training.tracking_labels import shown_source


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
    tracker: Tracker,
    report: EvaluationReport,
    page: str | None = None,
    model_id: str | None = None,
    held_out: bool = False,
) -> None:
    """Write an evaluation to a run: its data, metrics, pictures, the page, and everything as ``evaluation.json``.

    Parameters
    ----------
    tracker : of a run that goes on.
    report : the evaluation, as :func:`as_shown` gives it.
    page : HTML; None writes the report's own.
    model_id : of the logged model that the headline tells of; None where it is not registered.
    held_out : whether the data are a part of those that the run learned from.
    """
    data = evaluation_data(report, held_out)
    tracker.log_data(data, "evaluation")
    link = None if model_id is None else MetricLink(model_id=model_id, data=data)
    tracker.log_metrics(headline_metrics(report), of=link)  # first: MLflow lists them as they come
    tracker.log_metrics(evaluation_metrics(report))
    tracker.log_figure(frontier_figure(report), "figures/frontier.png")
    tracker.log_figure(shares_figure(report), "figures/shares.png")
    tracker.log_text(render_html(report) if page is None else page, "report.html")
    tracker.log_text(json.dumps(_plain(asdict(report)), indent=1), "evaluation.json")


def as_shown(report: EvaluationReport, policies: Iterable[str] = ()) -> EvaluationReport:
    """Give a report as a run tells it: of files and folders with absolute paths, their names alone."""
    named: EvaluationReport = renamed(report, shown_names(policies))
    return replace(named, log=replace(named.log, source=shown_source(named.log.source)))


def evaluation_data(report: EvaluationReport, held_out: bool = False) -> DataNote:
    """Give the data of an evaluation; a held-out part is known by the whole's fingerprint and how it was taken."""
    log = report.log
    profile = {"requests": log.n_requests, "models": list(log.models), "kind": log.kind, "protocol": log.protocol}
    if not held_out:
        return DataNote(name=log.source, fingerprint=log.fingerprint, source=log.source, profile=profile)
    part = hashlib.sha256(f"{log.fingerprint} {log.n_requests} {log.protocol}".encode()).hexdigest()
    return DataNote(name=f"{log.source} (held out)", fingerprint=part, source=log.source, profile=profile)


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
