"""The page's part on what the log can and cannot show."""

from collections.abc import Iterable

from arbiter_training.evaluation.evidence import PolicyEvidence, Sensitivity
from arbiter_training.evaluation.records import EvaluationReport, PolicyRow
from arbiter_training.report.charts import calibration_chart, overlap_chart, reliability_chart
from arbiter_training.report.definitions import CALIBRATION, ESTIMATED, OVERLAP, SENSITIVITY
from arbiter_training.report.drawing import escape
from arbiter_training.report.tables import table
from arbiter_training.report.wording import count, factor, feedback_sentence, percent, quality, weight

MOST_CHARTS = 4
"""Policies whose weights are drawn; of the rest the table tells enough."""


def evidence(report: EvaluationReport, accented: str | None) -> str:
    """Give tables and drawings of the evidence; empty where it was not looked at.

    Parameters
    ----------
    report : the evaluation.
    accented : name of the policy that the verdict is about; its weights are drawn first.
    """
    rows = [row for row in report.rows if row.evidence is not None]
    if not rows:
        return ""
    parts = [_policies(rows), _overlap(sorted(rows, key=lambda row: row.name != accented)), _log(report)]
    return "".join(parts)


def sensitivity(found: Iterable[Sensitivity]) -> str:
    """Give what unrecorded causes could do to each policy's quality."""
    rows = []
    for each in found:
        tipping = f"{each.tipping:.2f}" if each.tipping < float("inf") else "above 64"
        for i, bound in enumerate(each.bounds):
            name = f'<th scope="row" rowspan="{len(each.bounds)}">{escape(each.policy)}' if i == 0 else ""
            name += (
                f'<span class="evidence">could equal the log\'s own {quality(each.reference)} from odds x {tipping} on'
                "</span></th>"
                if i == 0
                else ""
            )
            rows.append(
                f'<tr>{name}<td class="number">{factor(bound.gamma)}</td>'
                f'<td class="number">{quality(bound.low)} to {quality(bound.high)}</td>'
                f'<td class="number">{quality(bound.interval_low)} to {quality(bound.interval_high)}</td></tr>'
            )
    head = ["Policy", "Odds off by up to", "Quality may be", "With sampling error"]
    return f'<p class="note">{escape(SENSITIVITY)}</p>' + table("Sensitivity", head, rows)


def _policies(rows: list[PolicyRow]) -> str:
    head = ["Policy", "ESS", "Largest weight", "Mean weight", "Heaviest 1%", "Outside the log", "Least propensity"]
    return table("Evidence", head, (_policy(row.name, row.evidence) for row in rows if row.evidence))


def _policy(name: str, found: PolicyEvidence) -> str:
    of = f"of {count(found.n)}" + (f" ({count(found.units)} sessions)" if found.units < found.n else "")
    ess = f'<td class="number">{count(found.ess)}<small>{of}</small></td>'
    if found.exact:
        rest = '<td class="quiet" colspan="5">exact: every choice was scored, nothing is weighted</td>'
    else:
        z = f"<small>{round(found.mean_weight_z, 1) + 0.0:+.1f} errors from 1</small>".replace("-", "\N{MINUS SIGN}")
        rest = (
            f'<td class="number">{weight(found.max_weight)}</td><td class="number">{found.mean_weight:.3f}{z}</td>'
            f'<td class="number">{percent(found.heaviest_percent)}<small>of all weight</small></td>'
            f'<td class="number">{percent(found.outside)}</td><td class="number">{found.min_propensity:.3g}</td>'
        )
    return f'<tr><th scope="row">{escape(name)}</th>{ess}{rest}</tr>'


def _overlap(rows: list[PolicyRow]) -> str:
    drawn = [(r.name, r.evidence.weights) for r in rows if r.evidence and r.evidence.weights and not r.evidence.exact]
    if not drawn:
        return ""
    charts = "".join(
        f"<figure><figcaption>{escape(name)}</figcaption>{overlap_chart(weights)}</figure>"
        for name, weights in drawn[:MOST_CHARTS]
    )
    return (
        f'<h3>Overlap of policies and log</h3><p class="note">{escape(OVERLAP)}</p><div class="charts">{charts}</div>'
    )


def _log(report: EvaluationReport) -> str:
    found = report.evidence
    if found is None:
        return ""
    checked = [each for each in found.models if each.mean_weight is not None]
    charts, notes = "", ""
    if checked and found.estimated is None:
        charts, notes = f"<figure>{calibration_chart(checked)}</figure>", CALIBRATION
    if found.estimated is not None and found.estimated.bins:
        charts = f"<figure>{reliability_chart(found.estimated.bins)}</figure>"
        notes = (
            f"{ESTIMATED} {percent(found.estimated.foreseen)} of the choices follow from the request by a rule; "
            f"{percent(found.estimated.clipped)} had an estimate below the least one that is used."
        )
    rows = (
        f'<tr><th scope="row">{escape(m.model)}</th><td class="number">{count(m.logged)}</td>'
        f'<td class="number">{count(m.answered)}</td>'
        f'<td class="number">{percent(m.answered / max(m.logged, 1))}</td></tr>'
        for m in found.models
    )
    out = f'<h3>Feedback</h3><p class="note">{escape(feedback_sentence(found))}</p>'
    out += table("Feedback", ["Model", "Logged answers", "Judged", "Share"], rows)
    if charts:
        out += (
            f'<h3>Are the propensities right?</h3><p class="note">{escape(notes)}</p><div class="charts">{charts}</div>'
        )
    return out
