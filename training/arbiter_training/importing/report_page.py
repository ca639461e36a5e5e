"""The report of an import as one self-contained page."""

from collections.abc import Iterable, Mapping

from arbiter_training.importing.report import ImportReport, ModelCoverage
from arbiter_training.importing.report_lines import LIMITS
from arbiter_training.report.document import definitions, details, document, facts, note, section
from arbiter_training.report.drawing import escape
from arbiter_training.report.tables import table
from arbiter_training.report.wording import NOT_KNOWN, count, percent

TITLE = "Import"

MEANINGS: Mapping[str, str] = {
    "Left out": "Every row that was read is either in the table or counted here under one reason.",
    "Propensity": "The probability with which a row's model was chosen. Without it a log cannot tell what another "
    "policy would have earned, save by an estimate that rests on assumptions.",
    "By design": "Several models were scored on one request, so that nothing was left to chance.",
    "Personal data": f"Found {LIMITS}. Counted in all rows read, also those left out later.",
}


def render(report: ImportReport) -> str:
    """Render a report as one HTML document; everything from outside is escaped."""
    left_out = [_row(reason, count(one.rows), "; ".join(one.examples)) for reason, one in report.dropped.items()]
    models = [_model(name, model) for name, model in report.models.items()]
    heads = ["Model", "Rows", "Judged", "With a cost", "Mean cost, $", "Errors", "Price"]
    sections = [
        f"<header><h1>{TITLE}: {escape(', '.join(report.sources))}</h1>"
        f'<p class="verdict">{count(report.kept)} of {count(report.rows_read)} rows kept, read as '
        f"{escape(report.format)}.</p>{''.join(note(text) for text in report.warnings)}</header>\n",
        section("What is there", facts(_facts(report))),
        section("Left out", table("Left out", ["Reason", "Rows", "First examples"], left_out)) if left_out else "",
        section("Models", table("Models", heads, models)),
        section("Languages", _counts("Language", report.languages)),
        section("Personal data", _counts("Kind", report.personal) if report.personal else note("None found.")),
    ]
    if report.feedback:
        names = details("Feedback by name", _counts("Feedback", report.feedback_names))
        sections.append(section("Feedback", names))
    return document(f"{TITLE}: {', '.join(report.sources)}", "".join(sections), definitions(MEANINGS))


def _facts(report: ImportReport) -> dict[str, str]:
    kept = report.kept
    return {
        "Judged": _share(report.judged, kept),
        "With a cost": _share(report.priced, kept),
        "With a latency": _share(report.timed, kept),
        "Propensities": f"{count(report.propensities)} logged, {count(report.by_design)} by design, "
        f"{count(report.missing)} missing",
        "Sessions": count(report.sessions),
        "Time": NOT_KNOWN if report.first is None else f"{report.first} to {report.last}",
        "Duplicates": count(report.duplicates),
        "Feedback": f"{count(report.feedback)} judgements, {count(report.feedback_joined)} joined with a row",
        "From a cache": count(report.cached),
    }


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else NOT_KNOWN


def _counts(head: str, counts: Mapping[str, int]) -> str:
    return table(head, [head, "Count"], [_row(name, count(found)) for name, found in counts.items()])


def _model(name: str, model: ModelCoverage) -> str:
    mean = NOT_KNOWN if model.mean_cost_usd is None else f"{model.mean_cost_usd:.3g}"
    price = "lacking" if model.lacks_price else "catalog" if model.priced < model.rows else "logged"
    shares = _share(model.judged, model.rows), _share(model.priced, model.rows)
    return _row(name, count(model.rows), *shares, mean, count(model.errors), price)


def _row(first: str, *cells: str) -> str:
    return f'<tr><th scope="row">{escape(first)}</th>{"".join(_cells(cells))}</tr>'


def _cells(cells: Iterable[str]) -> Iterable[str]:
    return (f"<td>{escape(cell)}</td>" for cell in cells)
