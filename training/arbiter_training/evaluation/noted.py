"""An evaluation in a few lines of Markdown: what a run of MLflow shows on top of its page."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from arbiter_training.evaluation.evaluate import RANDOM
from arbiter_training.evaluation.records import EvaluationReport, Measured, PolicyRow
from arbiter_training.report.verdict import Kind, conclude, describe_baseline
from arbiter_training.report.wording import count, dollars, outcome, quality
from arbiter_training.tracking_labels import UNITS, shown_source

HEADLINE = "headline"
"""Under this, metrics have the same names in every run, whatever the policies are called."""

MOST_ROWS = 12

TABLE_HEAD = (
    "| policy | quality | USD per 1,000 requests | quality minus the baseline's | evidence |",
    "|---|---|---|---|---|",
)


def lead(report: EvaluationReport) -> PolicyRow | None:
    """Give the first policy that was asked for besides the baselines; None where there is none."""
    return next((row for row in report.rows if row.name not in (report.baseline, RANDOM)), None)


def headline_metrics(report: EvaluationReport) -> dict[str, float]:
    """Give the figures of the lead by names that are the same in every run.

    Parameters
    ----------
    report : the evaluation.

    Returns
    -------
    metrics : ``quality``, ``cost_usd``, ``quality_difference``, ``cost_usd_difference``, with their ends; ``saving``,
        the share of the baseline's cost that is saved; ``requests``. What the log cannot tell is left out.
    """
    found = {"requests": float(report.log.n_requests)}
    row = lead(report)
    if row is not None:
        told = {**row.outcomes, **{f"{name}_difference": each for name, each in row.differences.items()}}
        for name, measured in told.items():
            if measured is not None:
                ends = {"": measured.value, "/low": measured.low, "/high": measured.high}
                found |= {f"{name}{end}": value for end, value in ends.items() if value is not None}
        base, own = report.row(report.baseline).outcomes.get("cost_usd"), row.outcomes.get("cost_usd")
        if base is not None and own is not None and base.value > 0.0:
            found["saving"] = 1.0 - own.value / base.value
    return {f"{HEADLINE}/{name}": value for name, value in found.items()}


def evaluation_note(report: EvaluationReport) -> str:
    """Write the verdict, a table of the policies and how to read it.

    Parameters
    ----------
    report : the evaluation.
    """
    conclusion, log = conclude(report), report.log
    rows = [_line(report, row) for row in report.rows[:MOST_ROWS]]
    rest = len(report.rows) - len(rows)
    constant = report.fixed_models.get(conclusion.policy or "")
    if conclusion.kind is Kind.CONSTANT and constant is not None:
        cost_usd, mean = constant
        rows.append(f"| always {conclusion.policy} | {quality(mean)} | {dollars(cost_usd)} | | |")
    about = f"{count(log.n_requests)} requests of `{log.source}`, {len(log.models)} models, {log.kind}: {log.protocol}"
    parts = [
        f"**{conclusion.sentence}**",
        "\n".join([*TABLE_HEAD, *rows]),
        f"and {rest} more." if rest > 0 else "",
        *conclusion.notes,
        f"Judged on {about}",
        f"The baseline is {describe_baseline(report)}. In brackets: 95 % intervals. {UNITS}",
        "Artifacts: `report.html` is the whole report, `figures/` its pictures, `evaluation.json` for programs.",
    ]
    return "\n\n".join(part for part in parts if part)


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Give a record in which policies have other names, wherever they stand.

    Parameters
    ----------
    value : the record, of dataclasses, mappings, tuples and texts.
    names : old to new; variants, such as ``old (greedy)``, follow.
    """
    if isinstance(value, str):
        return next((new + value[len(old) :] for old, new in names.items() if _is_of(value, old)), value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: renamed(getattr(value, each.name), names) for each in fields(value)})
    if isinstance(value, Mapping):
        return {renamed(key, names): renamed(each, names) for key, each in value.items()}
    return tuple(renamed(each, names) for each in value) if isinstance(value, tuple) else value


def shown_names(policies: Iterable[str]) -> dict[str, str]:
    """Give what policies that are paths are called in a run, where that differs: the end that tells them apart."""
    found = {name: shown_source(name) for name in policies}
    taken = list(found.values())
    return {name: short for name, short in found.items() if short != name and taken.count(short) == 1}


def _is_of(text: str, name: str) -> bool:
    return text == name or text.startswith((f"{name}, ", f"{name} ("))


def _line(report: EvaluationReport, row: PolicyRow) -> str:
    own = row.name == report.baseline
    difference = "baseline" if own else _cell("quality", row.differences.get("quality"))
    cells = (row.name, *(_cell(name, row.outcomes.get(name)) for name in ("quality", "cost_usd")), difference)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} | {row.verdict} |"


def _cell(name: str, measured: Measured | None) -> str:
    if measured is None:
        return "not known"
    shown = outcome(name)
    interval = shown.interval(measured)
    return f"{shown.value(measured)} ({interval})" if interval else shown.value(measured)
