"""The evaluation of a gatekeeper as one self-contained page."""

from collections.abc import Mapping
from dataclasses import dataclass

from arbiter.gatekeeper.heads import HEADS
from arbiter_training.gatekeeper.evaluation import GatekeeperEvaluation, HeadEvaluation
from arbiter_training.gatekeeper.risk_evaluation import RiskEvaluation, SourceRisk, wilson
from arbiter_training.report.document import definitions, details, document, facts, note, section
from arbiter_training.report.drawing import escape
from arbiter_training.report.gatekeeper_drawing import calibration_drawing, coverage_drawing
from arbiter_training.report.tables import table
from arbiter_training.report.wording import NOT_KNOWN, count, percent

TITLE = "Gatekeeper evaluation"

MOST_SHADE = 45
"""Per cent of colour behind a cell of the confusion matrix that holds its whole row; text stays readable on it."""

NUMBERS: Mapping[str, str] = {
    "Precision": "Of the requests that were called so, the share whose label it is.",
    "Recall": "Of the requests with this label, the share that was called so.",
    "Macro F1": "Mean over the labels that occur of the harmonic mean of precision and recall: rare labels count as "
    "much as common ones.",
    "Calibration error": "Mean gap between the probability of the label called and how often it is right, in 15 bins "
    "(Naeini et al., 2015). Points below the dashed line are too sure.",
    "Accuracy over coverage": "What is right among the requests of which the head is surest: what abstaining on the "
    "rest would leave.",
    "False alarms": "Of the requests labelled below high, the share called high or critical.",
    "Recall at a stated share of false alarms": "By the probability alone, with the threshold chosen on these very "
    "requests. The verdict uses the thresholds of the bundle and the keyword rules.",
    "95% interval": "Wilson's score interval, as if requests were independent. Requests of one source resemble each "
    "other, so the true interval is wider.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSummary:
    """What was judged on what.

    Attributes
    ----------
    bundle : as the user named it.
    source, fingerprint : of the labelled requests.
    n : requests.
    judges : who spoke, to the requests on which he did.
    """

    bundle: str
    source: str
    fingerprint: str
    n: int
    judges: Mapping[str, int]


def render_gatekeeper(found: GatekeeperEvaluation, about: LabelledSummary) -> str:
    """Render an evaluation as one HTML document; everything from outside is escaped.

    Parameters
    ----------
    found : the evaluation.
    about : what was judged on what.
    """
    sections = [_headline(found, about), *(_head(head, one) for head, one in found.heads.items())]
    sections += [_risks(found.risks)] if found.risks else []
    return document(TITLE, "".join([*sections, _protocol(about)]), definitions(NUMBERS))


def sentence(found: GatekeeperEvaluation) -> str:
    """Say the result in a sentence."""
    right = [f"{head} on {percent(one.accuracy)}" for head, one in found.heads.items()]
    parts = [f"Right: {', '.join(right)} of the requests."] if right else []
    for name, risk in found.risks.items():
        if risk.n_high and risk.n_other:
            parts.append(
                f"Of high {name} it calls {percent(risk.recall)}, with false alarms on {percent(risk.false_alarms)}."
            )
    return " ".join(parts)


def _headline(found: GatekeeperEvaluation, about: LabelledSummary) -> str:
    cards = "".join(
        f"<div><dt>{escape(head.capitalize())}, right</dt><dd>{percent(one.accuracy)}"
        f"<small>95% interval {_interval(one.accuracy, one.n)}; macro F1 {one.macro_f1:.2f}; calibration error "
        f"{one.ece:.3f}</small></dd></div>"
        for head, one in found.heads.items()
    )
    return (
        f'<header><h1>{TITLE}</h1><p class="about">{escape(about.source)} · {count(about.n)} requests · bundle '
        f'{escape(about.bundle)}</p><p class="kicker">On labelled requests</p>'
        f'<p class="verdict">{escape(sentence(found))}</p><dl class="figures">{cards}</dl></header>\n'
    )


def _head(head: str, found: HeadEvaluation) -> str:
    pair = "".join(
        f"<figure>{drawing}<figcaption>{caption}</figcaption></figure>"
        for drawing, caption in (
            (calibration_drawing(head, found), "Calibration: on the dashed line a head is as often right as it says."),
            (coverage_drawing(head, found), "Accuracy where it abstains on what it is least sure of."),
        )
    )
    about = (
        f"{count(found.n)} labelled requests, {percent(found.accuracy)} right ({_interval(found.accuracy, found.n)}), "
        f"macro F1 {found.macro_f1:.3f}, calibration error {found.ece:.3f}."
    )
    matrix = details("Confusion matrix: labels by what they were called", _confusion(head, found))
    return section(head.capitalize(), f'{note(about)}<div class="pair">{pair}</div>{_classes(head, found)}{matrix}')


def _classes(head: str, found: HeadEvaluation) -> str:
    rows = [
        f'<tr><th scope="row">{escape(label)}</th><td class="number">{count(one.support)}</td>'
        f"{_share(one.precision, one.called)}{_share(one.recall, one.support)}"
        f'<td class="number">{one.f1:.3f}</td></tr>'
        for label, one in found.classes.items()
    ]
    return table(f"Labels of {head}", ["Label", "Requests", "Precision", "Recall", "F1"], rows)


def _confusion(head: str, found: HeadEvaluation) -> str:
    shown = [i for i, label in enumerate(HEADS[head]) if label in found.classes]
    rows = []
    for i in shown:
        total = max(int(found.confusion[i].sum()), 1)
        cells = "".join(_cell(int(found.confusion[i, j]), total, i == j) for j in shown)
        rows.append(f'<tr><th scope="row">{escape(HEADS[head][i])}</th>{cells}</tr>')
    return table(f"Confusion matrix of {head}", ["Label", *(HEADS[head][j] for j in shown)], rows)


def _cell(n: int, total: int, diagonal: bool) -> str:
    shade = f"color-mix(in srgb, var(--{'accent' if diagonal else 'other'}) {MOST_SHADE * n / total:.0f}%, transparent)"
    return f'<td class="number cell" style="background:{shade}">{count(n) if n else ""}</td>'


def _risks(risks: Mapping[str, RiskEvaluation]) -> str:
    shares = next(iter(risks.values())).recall_at
    head = ["Source of risk", "High", "Other", "Recall of the verdict", "Its false alarms"]
    head += [f"Recall at {percent(share)}" for share in shares]
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{count(one.n_high)}</td>'
        f'<td class="number">{count(one.n_other)}</td>{_share(one.recall, one.n_high)}'
        f"{_share(one.false_alarms, one.n_other)}{''.join(_share(r, one.n_high) for r in one.recall_at.values())}</tr>"
        for name, one in risks.items()
    ]
    about = note(
        "High or critical against the rest. A missed one costs more than an alarm, so recall is read at a stated share "
        "of false alarms."
    )
    return section("Risk", about + table("Risk", head, rows) + "".join(map(_by_source, risks, risks.values())))


def _by_source(name: str, found: RiskEvaluation) -> str:
    if len(found.by_source) < 2:
        return ""
    ranked = worst_first(found.by_source)
    rows = [
        f'<tr><th scope="row">{escape(source)}</th><td class="number">{count(one.n_high)}</td>'
        f'{_share(one.recall, one.n_high)}<td class="number">{count(one.n_other)}</td>'
        f"{_share(one.false_alarms, one.n_other)}</tr>"
        for source, one in ranked
    ]
    head = ["Source", "High", "Recall", "Other", "False alarms"]
    return details(f"{name.capitalize()} by source, the verdict", table(f"{name} by source", head, rows))


def worst_first(by_source: Mapping[str, SourceRisk]) -> list[tuple[str, SourceRisk]]:
    """Give sources by rising recall; those without anything to find last, by falling false alarms."""

    def place(entry: tuple[str, SourceRisk]) -> tuple[float, float]:
        one = entry[1]
        return (one.recall if one.n_high else 2.0, -one.false_alarms if one.n_other else 0.0)

    return sorted(by_source.items(), key=place)


def _share(value: float, n: int) -> str:
    if n == 0 or value != value:  # NaN: nothing was there, or nothing was called
        return f'<td class="number quiet">{NOT_KNOWN}</td>'
    return f'<td class="number">{percent(value)}<small>{_interval(value, n)}</small></td>'


def _interval(value: float, n: int) -> str:
    low, high = wilson(value, n)
    return f"{percent(low, low, high)} to {percent(high, low, high)}"


def _protocol(about: LabelledSummary) -> str:
    known = {
        "Requests": about.source,
        "Fingerprint": about.fingerprint,
        "Bundle": about.bundle,
        "Judged by": ", ".join(f"{name} ({count(n)})" for name, n in about.judges.items()),
        "Protocol": "every labelled request, judged once. On requests that the bundle was trained on, or on "
        "near-duplicates of them, it looks better here than it is.",
    }
    return section("Protocol and data", facts(known))
