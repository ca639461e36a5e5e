"""The tables of the page. Every text from outside is escaped here, where it meets the markup."""

from collections.abc import Iterable, Mapping, Sequence

from arbiter_training.evaluation.records import EvaluationReport, Measured, Move, PolicyRow, Ranked, Score, Segment
from arbiter_training.report.coverage import Check, checks
from arbiter_training.report.definitions import score_definition
from arbiter_training.report.drawing import escape, short_names
from arbiter_training.report.plane import Plane
from arbiter_training.report.wording import (
    NOT_KNOWN,
    OUTCOMES,
    count,
    dollars,
    outcome,
    percent,
    points,
    quality,
    without_prefixes,
)

TOP_SHARES = 3
"""Models whose share is shown in a policy's row; the rest are in the table of all shares."""

LEAST_SHARE = 0.0005

FINDING = 0.05
"""Adjusted p-value from which a segment's difference counts as shown."""

VERDICT_MARKS = {"sound": "full", "approximate": "half", "cannot be known": "none"}


def table(caption: str, head: Sequence[str], rows: Iterable[str]) -> str:
    """Give a table that scrolls inside its own box where the screen is narrow.

    Parameters
    ----------
    caption : its name, for those who cannot see it.
    head : column headings, plain text.
    rows : complete ``<tr>`` elements.
    """
    cells = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    name = escape(caption)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{name}"><table aria-label="{name}">'
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def policies_table(report: EvaluationReport, accented: str | None) -> str:
    """Give what each policy would have earned and cost, with its evidence."""
    shown = [name for name in OUTCOMES if any(row.outcomes.get(name) for row in report.rows)]
    head = ["Policy", *(OUTCOMES[name].title for name in shown)]
    head += ["Quality difference", "Cost difference", "Traffic"]
    rows = (_policy(report, row, shown, row.name == accented) for row in report.rows)
    return table("Policies", head, rows)


def _policy(report: EvaluationReport, row: PolicyRow, shown: list[str], accented: bool) -> str:
    lead = next((row.outcomes[name] for name in shown if row.outcomes.get(name)), None)
    baseline = row.name == report.baseline
    cells = [_number(name, row.outcomes.get(name)) for name in shown]
    if baseline:
        cells.append('<td class="quiet" colspan="2">the baseline</td>')
    else:
        cells += [_number(name, row.differences.get(name), signed=True) for name in ("quality", "cost_usd")]
    cells.append(f"<td>{_top_shares(row.shares)}</td>")
    style = ' class="lead"' if accented else ""
    return f'<tr{style}><th scope="row">{_title(row, lead)}</th>{"".join(cells)}</tr>'


def _title(row: PolicyRow, lead: Measured | None) -> str:
    mark = VERDICT_MARKS.get(row.verdict, "half")
    evidence = f'<span class="evidence">{escape(lead.estimator)}, ESS {count(lead.ess)}</span>' if lead else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in row.reasons)
    return (
        f'<span class="policy-name">{escape(row.name)}</span>'
        f'<span class="badge"><i class="mark {mark}" aria-hidden="true"></i>{escape(row.verdict)}</span>{evidence}'
        + (f'<ul class="reasons">{reasons}</ul>' if reasons else "")
    )


def _number(name: str, measured: Measured | None, signed: bool = False) -> str:
    if measured is None:
        return f'<td class="number quiet">{NOT_KNOWN}</td>'
    shown = outcome(name)
    value, interval = shown.value(measured), shown.interval(measured)
    if signed and measured.value > 0.0:
        value = f"+{value}"
    small = f"<small>{_minus(interval)}</small>" if interval else "<small>no interval</small>"
    return f'<td class="number">{_minus(value)}{small}</td>'


def _minus(text: str) -> str:
    return escape(text).replace("-", "\N{MINUS SIGN}")


def _top_shares(shares: Mapping[str, float]) -> str:
    ranked = sorted(((s, name) for name, s in shares.items() if s >= LEAST_SHARE), key=lambda x: (-x[0], x[1]))
    short = without_prefixes(shares)
    bars = "".join(
        f'<li><span class="share-name" title="{escape(name)}">{escape(short[name])}</span>{_bar(share)}</li>'
        for share, name in ranked[:TOP_SHARES]
    )
    rest = ranked[TOP_SHARES:]
    if rest:
        bars += f'<li class="quiet">{len(rest)} more, {percent(sum(share for share, _ in rest))}</li>'
    return f'<ul class="shares">{bars}</ul>' if bars else ""


def _bar(share: float) -> str:
    width = min(max(share, 0.0), 1.0) * 100
    return f'<i class="bar" aria-hidden="true"><b style="width:{width:.1f}%"></b></i><span>{percent(share)}</span>'


def shares_table(report: EvaluationReport) -> str:
    """Give the share of the traffic that each policy sends to each model."""
    rows = []
    for model in report.log.models:
        cells = "".join(f'<td><span class="cell-bar">{_bar(r.shares.get(model, 0.0))}</span></td>' for r in report.rows)
        rows.append(f'<tr><th scope="row">{escape(model)}</th>{cells}</tr>')
    return table("Share of the traffic per model", ["Model", *(row.name for row in report.rows)], rows)


def models_table(plane: Plane) -> str:
    """Give the constant policies by rising cost, with the numbers that the small drawing uses."""
    rows = [
        f'<tr><td class="number quiet">{key}</td><th scope="row">{escape(mark.name)}</th>'
        f'<td class="number">{quality(mark.quality)}</td><td class="number">{dollars(mark.cost_usd)}</td></tr>'
        for key, mark in short_names(plane)
        if mark.row is None
    ]
    return table("Constant models", ["No.", "One model for all requests", "Quality", "Cost per 1,000"], rows)


def truth_table(report: EvaluationReport) -> str:
    """Give estimates beside the truth."""
    head = ["Policy", "Outcome", "Estimate", "Truth", "Interval and truth", "Covered"]
    return table("Estimate and truth", head, map(_check, checks(report)))


def _check(check: Check) -> str:
    shown = outcome(check.outcome)
    told = "no interval" if check.covers is None else "yes" if check.covers else "no, missed"
    style = "missed" if check.covers is False else "met" if check.covers else "quiet"
    truth = shown.write(check.truth, check.measured.value)
    return (
        f'<tr><th scope="row">{escape(check.policy)}</th><td>{escape(shown.title)}</td>'
        f"{_number(check.outcome, check.measured)}"
        f'<td class="number">{_minus(truth)}</td><td>{_strip(check)}</td><td class="{style}">{told}</td></tr>'
    )


def _strip(check: Check) -> str:
    """Draw interval, estimate and truth on one line, scaled to hold all three."""
    low, high = check.measured.low, check.measured.high
    if low is None or high is None:
        return ""
    start, end = min(low, check.truth), max(high, check.truth)
    width = (end - start) or 1.0
    x_low, x_high, x_truth, x_value = (
        8 + 104 * (value - start) / width for value in (low, high, check.truth, check.measured.value)
    )
    return (
        '<svg class="strip" viewBox="0 0 120 18" width="120" height="18" aria-hidden="true">'
        f'<path class="whisker" d="M{x_low:.1f} 9H{x_high:.1f}M{x_low:.1f} 5v8M{x_high:.1f} 5v8"/>'
        f'<circle class="model" cx="{x_value:.1f}" cy="9" r="3"/><path class="truth" d="M{x_truth:.1f} 1v16"/></svg>'
    )


def segments_table(segments: Sequence[Segment]) -> str:
    """Give the differences on parts of the traffic, the worst quality first."""
    head = ["Segment", "Policy", "Requests", "Quality difference", "Cost difference", "Goes to"]
    return table("Segments", head, map(_segment, segments))


def worst_first(segments: Sequence[Segment]) -> list[Segment]:
    """Order segments by the lower end of their quality difference; those that cannot be known come last."""
    return sorted(segments, key=_badness)


def _badness(segment: Segment) -> float:
    measured = segment.differences.get("quality")
    if measured is None:
        return float("inf")
    return measured.value if measured.low is None else measured.low


def _segment(segment: Segment) -> str:
    cells = "".join(_number(name, segment.differences.get(name), signed=True) for name in ("quality", "cost_usd"))
    found = '<span class="evidence">differs (p adjusted)</span>' if segment.adjusted_p_value <= FINDING else ""
    return (
        f'<tr><th scope="row"><span class="quiet">{escape(segment.dimension)}</span> {escape(segment.value)}{found}'
        "</th>"
        f'<td>{escape(segment.policy)}</td><td class="number">{count(segment.n_requests)}</td>{cells}'
        f"<td>{_top_shares(segment.shares)}</td></tr>"
    )


def scores_table(scores: Sequence[Score]) -> str:
    """Give the scores with their intervals and what they mean, those of one name together."""
    names = list(dict.fromkeys(each.name for each in scores))
    ordered = [each for name in names for each in scores if each.name == name]
    rows = []
    for i, each in enumerate(ordered):
        told = score_definition(each.name) if i == 0 or ordered[i - 1].name != each.name else ""
        rows.append(
            f'<tr><th scope="row">{escape(each.name)}</th><td>{escape(each.of)}</td>'
            f'<td class="number">{_minus(points(each.value))}'
            f"<small>{_minus(points(each.low))} to {_minus(points(each.high))}</small></td>"
            f'<td class="text">{escape(told)}</td></tr>'
        )
    return table("Scores", ["Score", "Of", "Value", "Meaning"], rows)


def ranking_table(ranking: Sequence[Ranked]) -> str:
    """Give policies by what each can be sure to earn."""
    shown = any(each.sure_lower is not None for each in ranking)
    rows = []
    for i, each in enumerate(ranking, start=1):
        ends = [each.value, each.lower] + ([each.sure_lower] if shown else [])
        cells = "".join(f'<td class="number">{NOT_KNOWN if v is None else quality(v)}</td>' for v in ends)
        rows.append(f'<tr><td class="number quiet">{i}</td><th scope="row">{escape(each.policy)}</th>{cells}</tr>')
    head = ["No.", "Policy", "Quality", "At least"] + (["At least, for any weights"] if shown else [])
    return table("Ranking by lower bound", head, rows)


def moves_table(moves: Sequence[Move]) -> str:
    """Give what moved where, policy by policy."""
    rows = []
    for each in moves:
        cells = "".join(_number(name, each.differences.get(name), signed=True) for name in ("quality", "cost_usd"))
        rows.append(
            f'<tr><th scope="row">{escape(each.policy)}</th><td>{escape(each.origin)}</td>'
            f'<td>{escape(each.target)}</td><td><span class="cell-bar">{_bar(each.share)}</span></td>{cells}</tr>'
        )
    head = ["Policy", "From", "To", "Of all traffic", "Adds to quality", "Adds to cost"]
    return table("What moved where", head, rows)
