"""The top of the page: the verdict, and the few numbers behind it."""

import re

from arbiter_training.evaluation.records import EvaluationReport, Measured
from arbiter_training.report.comparison import Comparison
from arbiter_training.report.drawing import escape
from arbiter_training.report.verdict import Conclusion, Kind
from arbiter_training.report.wording import count, dollars, outcome, percent, quality

KICKERS = {
    Kind.ROUTE: "Verdict: routing pays",
    Kind.TRADE: "Verdict: a trade between cost and quality",
    Kind.CONSTANT: "Verdict: use a constant model",
    Kind.CANNOT_TELL: "Verdict: this log cannot tell",
}

INTERVAL = re.compile(r"\((?:95% interval )?[+-]?[\d.]+% to [+-]?[\d.]+%\)")


def headline(report: EvaluationReport, conclusion: Conclusion, title: str) -> str:
    """Give the head of the page.

    Parameters
    ----------
    report : the evaluation.
    conclusion : drawn from it.
    title : of the page.

    Returns
    -------
    html : a ``<header>``; everything from the report is escaped.
    """
    notes = "".join(f"<li>{escape(note)}</li>" for note in conclusion.notes)
    n = len(report.log.models)
    about = f"{report.log.source} · {count(report.log.n_requests)} requests · {n} model{'s' if n != 1 else ''}"
    return (
        f"<header><h1>{escape(title)}</h1>"
        f'<p class="about">{escape(about)} · {escape(report.log.kind)}</p>'
        f'<p class="kicker">{KICKERS[conclusion.kind]}</p><p class="verdict">{_sentence(conclusion)}</p>'
        + (f'<ul class="notes">{notes}</ul>' if notes else "")
        + _figures(report, conclusion)
        + "</header>\n"
    )


def _sentence(conclusion: Conclusion) -> str:
    """Set the intervals apart, so that the sentence can be read without them."""
    return INTERVAL.sub(r'<span class="interval">\g<0></span>', escape(conclusion.sentence))


def _figures(report: EvaluationReport, conclusion: Conclusion) -> str:
    constant = report.fixed_models.get(conclusion.policy or "") if conclusion.kind is Kind.CONSTANT else None
    if constant is not None:
        cost, mean_quality = constant
        cards = [("Quality", quality(mean_quality), ""), ("Cost per 1,000 requests", dollars(cost), "")]
    elif conclusion.comparison is not None and conclusion.comparison.relative_cost is not None:
        cards = _against_baseline(report, conclusion.comparison)
    else:
        return ""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(small)}</small></dd></div>"
        for name, value, small in cards
    )
    return f'<dl class="figures">{items}</dl>'


def _against_baseline(report: EvaluationReport, found: Comparison) -> list[tuple[str, str, str]]:
    assert found.cost is not None
    saves = found.cost.value <= 0.0
    saved = _negated(found.cost) if saves else found.cost
    shown = outcome("cost_usd")
    cards = [
        ("Saved per 1,000 requests" if saves else "Extra cost per 1,000 requests", shown.value(saved), _ends(saved))
    ]
    kept = found.relative_quality
    if kept is not None:
        ends = [1.0 + end for end in (kept.low, kept.high) if end is not None]
        small = f"95% interval {percent(ends[0], *ends)} to {percent(ends[1], *ends)}" if len(ends) == 2 else ""
        cards.append(("Quality kept", percent(1.0 + kept.value, *ends), small))
    cards.append(
        ("Evidence", found.row.verdict, f"{count(found.cost.ess)} effective of {count(report.log.n_requests)} requests")
    )
    return cards


def _negated(measured: Measured) -> Measured:
    low, high = (None if end is None else -end for end in (measured.high, measured.low))
    return Measured(value=-measured.value, low=low, high=high, estimator=measured.estimator, ess=measured.ess)


def _ends(measured: Measured) -> str:
    interval = outcome("cost_usd").interval(measured)
    return f"95% interval {interval}" if interval else "no interval"
