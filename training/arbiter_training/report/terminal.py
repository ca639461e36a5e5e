"""The report as lines of plain text for those who stay in the terminal."""

import textwrap
from collections.abc import Collection, Sequence

from arbiter_training.evaluation.evidence import LogEvidence
from arbiter_training.evaluation.records import EvaluationReport, Measured, PolicyRow
from arbiter_training.report.coverage import checks, coverage_sentence
from arbiter_training.report.tables import LEAST_SHARE, TOP_SHARES, worst_first
from arbiter_training.report.verdict import conclude, describe_baseline
from arbiter_training.report.wording import (
    OUTCOMES,
    count,
    factor,
    feedback_sentence,
    outcome,
    percent,
    points,
    printable,
    shortened,
    weight,
    without_prefixes,
)
from arbiter_training.report.wording import quality as quality_text

WIDTH = 100
NAME_WIDTH = 26
LEAST_NAME = 10
GAP = "  "
ABSENT = "-"
MOST_SEGMENTS, MOST_MOVES = 10, 12
TRAFFIC = "traffic to"


def lines(report: EvaluationReport) -> list[str]:
    """Write a report as text.

    Parameters
    ----------
    report : the evaluation.

    Returns
    -------
    lines : at most 100 columns wide, without line ends; ASCII save for names. The first paragraph is the verdict, in
        the page's words.
    """
    conclusion = conclude(report)
    log = report.log
    about = f"{log.source}: {count(log.n_requests)} requests, {len(log.models)} models, {log.kind}"
    out = [*wrapped(conclusion.sentence), *(line for note in conclusion.notes for line in wrapped(note, "  "))]
    out += ["", *wrapped(about), *wrapped(log.protocol), *wrapped(f"fingerprint {log.fingerprint}"), ""]
    out += [*_policies(report), *_reasons(report.rows), *_shares(report.rows), *_moves(report), *_segments(report)]
    out += [*_truth(report), *_ranking(report), *_scores(report), *_evidence(report), *_sensitivity(report)]
    return out + [line for sentence in report.exploration for line in wrapped(sentence)]


def _policies(report: EvaluationReport) -> list[str]:
    shown = [name for name in OUTCOMES if any(row.outcomes.get(name) for row in report.rows)]
    head, body = ["policy", *(_heading(name) for name in shown), "estimator", "ESS"], []
    for row in report.rows:
        lead = next((row.outcomes[name] for name in shown if row.outcomes.get(name)), None)
        evidence = [lead.estimator, count(lead.ess)] if lead else [ABSENT, ABSENT]
        body.append([_name(row.name), *(_value(name, row.outcomes.get(name)) for name in shown), *evidence])
        body.append([f"  {row.verdict}", *(_interval(name, row.outcomes.get(name)) for name in shown), "", ""])
    table = aligned(head, body, right={len(shown) + 2})
    note = "Under each number: its 95% interval. Costs are dollars per 1,000 requests."
    return [*table, *wrapped(note), "", *_differences(report)]


def _heading(name: str) -> str:
    return {"cost_usd": "cost/1,000"}.get(name, outcome(name).title.lower())


def _differences(report: EvaluationReport) -> list[str]:
    body = []
    for row in report.rows:
        if row.name == report.baseline or not any(row.differences.get(name) for name in ("quality", "cost_usd")):
            continue
        cells = [_name(row.name)]
        for name in ("quality", "cost_usd"):
            measured = row.differences.get(name)
            cells += [_value(name, measured), _interval(name, measured) or ABSENT]
        body.append(cells)
    if not body:
        return []
    head = ["minus the baseline", "quality", "95% interval", "cost/1,000", "95% interval"]
    return [*aligned(head, body), *wrapped(f"The baseline is {describe_baseline(report)}."), ""]


def _reasons(rows: Sequence[PolicyRow]) -> list[str]:
    out = []
    for row in rows:
        if row.reasons:
            out += wrapped(f"{printable(row.name)}, {row.verdict}: {'; '.join(row.reasons)}", indent="  ")
    return [*out, ""] if out else []


def _shares(rows: Sequence[PolicyRow]) -> list[str]:
    body = []
    for row in rows:
        ranked = sorted(((s, name) for name, s in row.shares.items() if s >= LEAST_SHARE), key=lambda x: (-x[0], x[1]))
        short = without_prefixes(row.shares)
        cells = [f"{shortened(short[name], 16)} {percent(share)}" for share, name in ranked[:TOP_SHARES]]
        rest = ranked[TOP_SHARES:]
        tail = f"{len(rest)} more {percent(sum(share for share, _ in rest))}" if rest else ""
        body.append([_name(row.name, 20), *cells, *[""] * (TOP_SHARES - len(cells)), tail])
    if not body:
        return []
    return [*aligned(["traffic of", *[""] * (TOP_SHARES + 1)], body), ""]


def _segments(report: EvaluationReport) -> list[str]:
    if not report.segments:
        return []
    body = []
    told = [segment for segment in worst_first(report.segments) if segment.differences.get("quality")]
    for segment in told[:MOST_SEGMENTS]:
        quality, cost = segment.differences.get("quality"), segment.differences.get("cost_usd")
        name = shortened(f"{segment.dimension} {segment.value}", NAME_WIDTH)
        cells = [name, _name(segment.policy, 16), count(segment.n_requests)]
        cells += [_value("quality", quality), _interval("quality", quality) or ABSENT, _value("cost_usd", cost)]
        body.append(cells)
    head = ["worst segments", "policy", "requests", "quality diff", "simultaneous 95%", "cost diff"]
    more, silent = len(told) - len(body), len(report.segments) - len(told)
    rest = f"Of {len(report.segments)} segments, {more} more are in the page and in --json"
    rest += f"; {silent} cannot be told from this log." if silent else "."
    return [*(aligned(head, body, right={2}) if body else []), rest, ""]


def _moves(report: EvaluationReport) -> list[str]:
    if not report.moves:
        return []
    body = []
    for each in report.moves[:MOST_MOVES]:
        quality, cost = each.differences.get("quality"), each.differences.get("cost_usd")
        cells = [_name(each.policy, 16), shortened(each.origin, 18), shortened(each.target, 18), percent(each.share)]
        body.append([*cells, _value("quality", quality), _value("cost_usd", cost)])
    head = ["moved by", "from", "to", "traffic", "adds to quality", "adds to cost/1,000"]
    return [*aligned(head, body, right={3}), ""]


def _ranking(report: EvaluationReport) -> list[str]:
    if all(each.lower is None for each in report.ranking):
        return []
    body = []
    for each in report.ranking:
        ends = (each.value, each.lower, each.sure_lower)
        body.append([_name(each.policy), *(ABSENT if end is None else quality_text(end) for end in ends)])
    head = ["ranked by lower bound", "quality", "at least (all together)", "at least, for any weights"]
    return [*aligned(head, body), ""]


def _evidence(report: EvaluationReport) -> list[str]:
    body = []
    for row in report.rows:
        found = row.evidence
        if found is None or found.exact:
            continue
        cells = [_name(row.name), count(found.ess), weight(found.max_weight), f"{found.mean_weight:.3f}"]
        body.append([*cells, percent(found.heaviest_percent), percent(found.outside), f"{found.min_propensity:.3g}"])
    head = ["evidence", "ESS", "max weight", "mean weight", "heaviest 1%", "outside log", "least propensity"]
    out = [*aligned(head, body, right={1, 2, 3, 4, 5, 6}), ""] if body else []
    log = report.evidence
    if log is not None:
        out += [*wrapped(feedback_sentence(log)), *_propensities(log), ""]
    return out


def _propensities(log: LogEvidence) -> list[str]:
    """Say whether the propensities are what they claim to be."""
    if log.estimated is not None:
        share = percent(log.estimated.clipped)
        return wrapped(f"Propensities were estimated from the log; {share} were raised to the least one that is used.")
    checked = [m for m in log.models if m.mean_weight is not None]
    if not checked:
        return []
    off = [m for m in checked if m.low is not None and m.high is not None and not m.low <= 1.0 <= m.high]
    shown = ", ".join(f"{printable(m.model)} {m.mean_weight:.3f} ({m.low:.3f} .. {m.high:.3f})" for m in off or checked)
    said = "leave out 1, where it is if the propensities are right" if off else "take in 1, as they should"
    return wrapped(f"Mean weight per model and its 95% interval: {shown}; these {said}.")


def _sensitivity(report: EvaluationReport) -> list[str]:
    body = []
    for each in report.sensitivity:
        for i, bound in enumerate(each.bounds):
            cells = [_name(each.policy) if i == 0 else "", factor(bound.gamma)]
            cells.append(f"{quality_text(bound.low)} .. {quality_text(bound.high)}")
            body.append([*cells, f"{quality_text(bound.interval_low)} .. {quality_text(bound.interval_high)}"])
    head = ["if a cause was not recorded", "odds off by", "quality may be", "with sampling error"]
    return [*aligned(head, body), *_tipping(report), ""] if body else []


def _tipping(report: EvaluationReport) -> list[str]:
    out = []
    for each in report.sensitivity:
        told = f"{each.tipping:.2f}" if each.tipping < float("inf") else "above 64"
        out += wrapped(
            f"{printable(each.policy)} could be worth the log's own {quality_text(each.reference)} from odds x {told} "
            "on.",
            "  ",
        )
    return out


def _truth(report: EvaluationReport) -> list[str]:
    found = checks(report)
    if not found:
        return []
    body = []
    for check in found:
        told = ABSENT if check.covers is None else "yes" if check.covers else "NO"
        measured, shown = check.measured, outcome(check.outcome)
        cells = [_name(check.policy), _heading(check.outcome), shown.value(measured)]
        truth = shown.write(check.truth, measured.value)
        cells += [_interval(check.outcome, measured) or ABSENT, truth, told]
        body.append(cells)
    head = ["estimate and truth", "outcome", "estimate", "95% interval", "truth", "covered"]
    return [*aligned(head, body), coverage_sentence(found), ""]


def _scores(report: EvaluationReport) -> list[str]:
    body = []
    for each in report.scores:
        if not each.name.startswith(TRAFFIC):  # these stand in the table of traffic, without their intervals
            interval = f"{points(each.low)} .. {points(each.high)}"
            body.append([shortened(each.name, 32), _name(each.of), points(each.value), interval])
    return [*aligned(["score", "of", "value", "95% interval"], body), ""] if body else []


def _value(name: str, measured: Measured | None) -> str:
    return ABSENT if measured is None else outcome(name).value(measured)


def _interval(name: str, measured: Measured | None) -> str:
    return outcome(name).interval(measured).replace(" to ", " .. ")


def _name(name: str, width: int = NAME_WIDTH) -> str:
    return shortened(name, width)


def aligned(head: Sequence[str], body: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Align columns, those in ``right`` to the right; the first gives way where the table would be too wide."""
    widths = [max(len(row[i]) for row in (head, *body)) for i in range(len(head))]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - WIDTH
    widths[0] = max(widths[0] - max(excess, 0), LEAST_NAME)
    rows = [head, ["-" * width for width in widths], *body]
    return [_line(row, widths, right) for row in rows]


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    first = row[0] if len(row[0]) <= widths[0] else shortened(row[0], widths[0])
    cells = [
        cell.rjust(width) if i in right else cell.ljust(width)
        for i, (cell, width) in enumerate(zip((first, *row[1:]), widths, strict=True))
    ]
    return GAP.join(cells).rstrip()


def wrapped(text: str, indent: str = "") -> list[str]:
    """Break a text into lines of at most 100 columns."""
    return textwrap.wrap(printable(text), WIDTH, initial_indent=indent, subsequent_indent=indent)
