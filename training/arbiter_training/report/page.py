"""The report as one self-contained page: no script, and nothing fetched from anywhere."""

from collections.abc import Sequence
from pathlib import Path

from arbiter_training.evaluation.records import EvaluationReport
from arbiter_training.report.coverage import checks, coverage_sentence
from arbiter_training.report.definitions import EXPLORATION, MOVES, NUMBERS, RANKING, SCORE_INTERVALS, SEGMENTS, TRUTH
from arbiter_training.report.document import definitions, details, document, facts, note, section, write_page
from arbiter_training.report.drawing import NARROW, WIDE, draw, escape, short_names
from arbiter_training.report.evidence import evidence, sensitivity
from arbiter_training.report.headline import headline
from arbiter_training.report.plane import Plane, plane_of
from arbiter_training.report.tables import (
    TOP_SHARES,
    models_table,
    moves_table,
    policies_table,
    ranking_table,
    scores_table,
    segments_table,
    shares_table,
    truth_table,
    worst_first,
)
from arbiter_training.report.verdict import Conclusion, conclude, describe_baseline
from arbiter_training.report.wording import count

MOST_SEGMENTS = 10
"""Segments that are shown at once; the rest opens on demand."""

TITLE = "Routing evaluation"

Routed = Sequence[tuple[str, str]]


def render_html(report: EvaluationReport, routed: Routed = (), title: str = TITLE) -> str:
    """Render a report as one HTML document.

    Parameters
    ----------
    report : the evaluation.
    routed : pairs of prompt and explained decision (plain text), shown as examples.
    title : of the document.

    Returns
    -------
    html : complete, in UTF-8 when written; holds styles and drawings inline. Everything from the report is escaped.
    """
    conclusion = conclude(report)
    plane = plane_of(report, conclusion.policy)
    sections = [
        headline(report, conclusion, title),
        _plane(report, plane, conclusion),
        _policies(report, conclusion),
        _truth(report),
        section("What moved where", note(MOVES) + moves_table(report.moves)) if report.moves else "",
        _segments(report),
        _ranking(report),
        _scores(report),
        _evidence(report, conclusion),
        _decisions(routed),
        _protocol(report),
    ]
    return document(title, "".join(sections), definitions(NUMBERS))


def write_html(report: EvaluationReport, path: str | Path, routed: Routed = (), title: str = TITLE) -> None:
    """Write the page; it appears under its name only when it is complete.

    Parameters
    ----------
    report, routed, title : as for `render_html`.
    path : of the file; its folder must exist.

    Raises
    ------
    InvalidInputError
        If the folder does not exist, or the path is a folder.
    """
    write_page(render_html(report, routed, title), path)


def _plane(report: EvaluationReport, plane: Plane, conclusion: Conclusion) -> str:
    if plane.empty:
        return section("Cost and quality", note("No policy and no constant model could be placed: see the reasons."))
    key = "".join(
        f'<li><b aria-hidden="true">{name}</b><span>{escape(mark.name)}</span></li>'
        for name, mark in short_names(plane)
    )
    drawings = draw(plane, WIDE, conclusion.policy) + draw(plane, NARROW, conclusion.policy)
    told = "Up and to the left is better. The quality axis does not start at 0."
    if plane.policies:
        told += " Bars at a diamond are 95% intervals."
    body = f'<figure>{_legend(plane)}{drawings}<ul class="key">{key}</ul><figcaption>{told}</figcaption></figure>'
    if plane.models:
        body += details(f"The {count(len(plane.models))} constant models in numbers", models_table(plane))
    return section("Cost and quality", body)


def _legend(plane: Plane) -> str:
    entries = [("curve", f"curve{min(i, 3)}", frontier.name) for i, frontier in enumerate(plane.frontiers)]
    entries += [("policy", "", "Policy")] if plane.policies else []
    entries += [("model", "", "Constant model")] if plane.models else []
    entries += [("hull", "", "Mixes of constant models, no router")] if plane.hull else []
    shapes = {
        "curve": '<path class="band {0}" d="M0 3H28V13H0Z"/><path class="line {0}" d="M0 8H28"/>',
        "policy": '<path class="policy" d="M14 2l6 6l-6 6l-6-6Z"/>',
        "model": '<circle class="model" cx="14" cy="8" r="5"/>',
        "hull": '<path class="hull" d="M0 8H28"/>',
    }
    items = "".join(
        f'<li><svg viewBox="0 0 28 16" width="28" height="16" aria-hidden="true">{shapes[shape].format(style)}</svg>'
        f"{escape(text)}</li>"
        for shape, style, text in entries
    )
    return f'<ul class="legend">{items}</ul>'


def _policies(report: EvaluationReport, conclusion: Conclusion) -> str:
    about = note(f"Differences are against {describe_baseline(report)}. Small print under a number: its 95% interval.")
    body = about + policies_table(report, conclusion.policy)
    if len(report.log.models) > TOP_SHARES and report.rows:
        body += details("All traffic shares", shares_table(report))
    return section("Policies", body)


def _truth(report: EvaluationReport) -> str:
    found = checks(report)
    if not found:
        return ""
    return section("Estimate and truth", note(f"{coverage_sentence(found)} {TRUTH}") + truth_table(report))


def _segments(report: EvaluationReport) -> str:
    if not report.segments:
        return ""
    ranked = worst_first(report.segments)
    body = note(SEGMENTS) + segments_table(ranked[:MOST_SEGMENTS])
    if ranked[MOST_SEGMENTS:]:
        body += details(f"The other {count(len(ranked) - MOST_SEGMENTS)}", segments_table(ranked[MOST_SEGMENTS:]))
    return section("Segments, the worst first", body)


def _ranking(report: EvaluationReport) -> str:
    if all(each.lower is None for each in report.ranking):
        return ""
    return section("What each is sure to earn", note(RANKING) + ranking_table(report.ranking))


def _scores(report: EvaluationReport) -> str:
    traffic = [each for each in report.scores if each.name.startswith("traffic to")]
    others = [each for each in report.scores if each not in traffic]
    if not report.scores:
        return ""
    body = note(SCORE_INTERVALS) + (scores_table(others) if others else "")
    return section("Scores", body + (details("Shares of traffic", scores_table(traffic)) if traffic else ""))


def _evidence(report: EvaluationReport, conclusion: Conclusion) -> str:
    out = ""
    if found := evidence(report, conclusion.policy):
        out += section("Evidence", found)
    if report.sensitivity:
        out += section("If a cause was not recorded", sensitivity(report.sensitivity))
    if report.exploration:
        out += section(EXPLORATION, "".join(note(sentence) for sentence in report.exploration))
    return out


def _decisions(routed: Routed) -> str:
    if not routed:
        return ""
    items = "".join(details(prompt, f'<pre tabindex="0">{escape(text)}</pre>') for prompt, text in routed)
    return section("Decisions explained", f'<div class="decisions">{items}</div>')


def _protocol(report: EvaluationReport) -> str:
    log = report.log
    known = {
        "Source": log.source,
        "Fingerprint": log.fingerprint,
        "Requests": count(log.n_requests),
        "Kind of log": log.kind,
        "Models": ", ".join(log.models),
        "Protocol": log.protocol,
    }
    return section("Protocol and data", facts(known))
