"""The report as one self-contained page: no script, and nothing fetched from anywhere."""

import secrets
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from arbiter.errors import InvalidInputError
from arbiter_training.evaluation.records import EvaluationReport
from arbiter_training.report.coverage import checks, coverage_sentence
from arbiter_training.report.definitions import EXPLORATION, MOVES, NUMBERS, RANKING, SCORE_INTERVALS, SEGMENTS, TRUTH
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

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content security policy: the browser itself refuses whatever would leave the page."""


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
        _section("What moved where", _note(MOVES) + moves_table(report.moves)) if report.moves else "",
        _segments(report),
        _ranking(report),
        _scores(report),
        _evidence(report, conclusion),
        _decisions(routed),
        _protocol(report),
    ]
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<main>\n{''.join(sections)}</main>\n{_definitions()}</body>\n</html>\n"
    )


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
    target = Path(path)
    if target.is_dir() or not target.parent.is_dir():
        what = "is a folder" if target.is_dir() else f"lies in {target.parent}, which does not exist"
        raise InvalidInputError(f"report path {target} {what}: name a file in an existing folder")
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        unfinished.write_text(render_html(report, routed, title), encoding="utf-8", newline="\n")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _section(title: str, body: str) -> str:
    name = "".join(c if c.isalnum() else "-" for c in title.lower())
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>{body}</section>\n'


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _details(summary: str, body: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def _plane(report: EvaluationReport, plane: Plane, conclusion: Conclusion) -> str:
    if plane.empty:
        return _section("Cost and quality", _note("No policy and no constant model could be placed: see the reasons."))
    key = "".join(
        f'<li><b aria-hidden="true">{name}</b><span>{escape(mark.name)}</span></li>'
        for name, mark in short_names(plane)
    )
    drawings = draw(plane, WIDE, conclusion.policy) + draw(plane, NARROW, conclusion.policy)
    note = "Up and to the left is better. The quality axis does not start at 0."
    if plane.policies:
        note += " Bars at a diamond are 95% intervals."
    body = f'<figure>{_legend(plane)}{drawings}<ul class="key">{key}</ul><figcaption>{note}</figcaption></figure>'
    if plane.models:
        body += _details(f"The {count(len(plane.models))} constant models in numbers", models_table(plane))
    return _section("Cost and quality", body)


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
    note = _note(f"Differences are against {describe_baseline(report)}. Small print under a number: its 95% interval.")
    body = note + policies_table(report, conclusion.policy)
    if len(report.log.models) > TOP_SHARES and report.rows:
        body += _details("All traffic shares", shares_table(report))
    return _section("Policies", body)


def _truth(report: EvaluationReport) -> str:
    found = checks(report)
    if not found:
        return ""
    return _section("Estimate and truth", _note(f"{coverage_sentence(found)} {TRUTH}") + truth_table(report))


def _segments(report: EvaluationReport) -> str:
    if not report.segments:
        return ""
    ranked = worst_first(report.segments)
    body = _note(SEGMENTS) + segments_table(ranked[:MOST_SEGMENTS])
    if ranked[MOST_SEGMENTS:]:
        body += _details(f"The other {count(len(ranked) - MOST_SEGMENTS)}", segments_table(ranked[MOST_SEGMENTS:]))
    return _section("Segments, the worst first", body)


def _ranking(report: EvaluationReport) -> str:
    if all(each.lower is None for each in report.ranking):
        return ""
    return _section("What each is sure to earn", _note(RANKING) + ranking_table(report.ranking))


def _scores(report: EvaluationReport) -> str:
    traffic = [each for each in report.scores if each.name.startswith("traffic to")]
    others = [each for each in report.scores if each not in traffic]
    if not report.scores:
        return ""
    body = _note(SCORE_INTERVALS) + (scores_table(others) if others else "")
    return _section("Scores", body + (_details("Shares of traffic", scores_table(traffic)) if traffic else ""))


def _evidence(report: EvaluationReport, conclusion: Conclusion) -> str:
    out = ""
    if found := evidence(report, conclusion.policy):
        out += _section("Evidence", found)
    if report.sensitivity:
        out += _section("If a cause was not recorded", sensitivity(report.sensitivity))
    if report.exploration:
        out += _section(EXPLORATION, "".join(_note(sentence) for sentence in report.exploration))
    return out


def _decisions(routed: Routed) -> str:
    if not routed:
        return ""
    items = "".join(_details(prompt, f'<pre tabindex="0">{escape(text)}</pre>') for prompt, text in routed)
    return _section("Decisions explained", f'<div class="decisions">{items}</div>')


def _protocol(report: EvaluationReport) -> str:
    log = report.log
    facts = {
        "Source": log.source,
        "Fingerprint": log.fingerprint,
        "Requests": count(log.n_requests),
        "Kind of log": log.kind,
        "Models": ", ".join(log.models),
        "Protocol": log.protocol,
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items())
    return _section("Protocol and data", f'<dl class="facts">{items}</dl>')


def _definitions() -> str:
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in NUMBERS.items())
    return (
        '<footer><section aria-labelledby="definitions"><h2 id="definitions">What the numbers mean</h2>'
        f'<dl class="facts">{items}</dl></section></footer>\n'
    )
