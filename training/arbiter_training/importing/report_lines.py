"""The report of an import for the terminal."""

from collections.abc import Mapping

from arbiter_training.importing.report import ImportReport, ModelCoverage

MOST = 12
"""Models, names or languages that are listed; the JSON has all."""

LIMITS = "by patterns and checksums: names and postal addresses are not found"


def lines(report: ImportReport) -> list[str]:
    """Give the report, a finding a line."""
    told = [
        f"format        {report.format}",
        f"rows          {report.rows_read:,} read, {report.kept:,} kept, {report.rows_read - report.kept:,} left out",
    ]
    for reason, dropped in report.dropped.items():
        told.append(f"  left out    {dropped.rows:>9,}  {reason}")
        told += [f"                         {example}" for example in dropped.examples]
    told += [
        f"judged        {_share(report.judged, report.kept)} of rows{_sources(report)}",
        *_feedback(report),
        f"propensities  {report.propensities:,} logged, {report.by_design:,} are 1 by design (several models scored), "
        f"{report.missing:,} missing{_evaluable(report)}",
        f"sessions      {report.sessions:,}",
        f"time          {_span(report)}",
        f"known         cost {_share(report.priced, report.kept)}, latency {_share(report.timed, report.kept)} of rows"
        + (f"; {report.cached:,} answers from a cache have neither" if report.cached else ""),
    ]
    width = max(len(name) for name in list(report.models)[:MOST])
    told += [f"model         {name:<{width}}  {_model(m)}" for name, m in list(report.models.items())[:MOST]]
    if len(report.models) > MOST:
        told.append(f"              and {len(report.models) - MOST} more")
    if report.lacking_prices:
        told.append(f"no price      {_listed(report.lacking_prices)}: give one in a catalog (arbiter train --catalog)")
    told.append(f"languages     {_mix(report.languages)}")
    found = ", ".join(f"{kind} {count:,}" for kind, count in report.personal.items()) or "none found"
    how = "replaced" if report.redacted else "left as it is; --redact replaces it" if report.personal else ""
    told.append(f"personal data {found}" + (f" ({how})" if how else "") + f"; {LIMITS}")
    return told + [f"warning       {text}" for text in report.warnings]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _sources(report: ImportReport) -> str:
    named = ", ".join(f"{source} {count:,}" for source, count in report.quality_sources.items())
    return f" ({named})" if named else ""


def _feedback(report: ImportReport) -> list[str]:
    if not report.feedback:
        return []
    joined = f"{report.feedback:,} judgements read, {report.feedback_joined:,} joined with a row"
    return [f"feedback      {joined}; {_mix(report.feedback_names)}"]


def _evaluable(report: ImportReport) -> str:
    if report.missing and report.propensities + report.by_design:
        return ": an evaluation needs them on all rows"
    return ": policies can be evaluated as far as they can be estimated" if report.missing else ""


def _span(report: ImportReport) -> str:
    if report.first is None:
        return "no times"
    naive = f"; {report.naive_times:,} without a zone" if report.naive_times else ""
    return f"{report.first} to {report.last}, on {_share(report.dated, report.kept)} of rows{naive}"


def _model(model: ModelCoverage) -> str:
    cost = "cost unknown" if model.mean_cost_usd is None else f"${model.mean_cost_usd:.3g} a request"
    partly = f" ({_share(model.priced, model.rows)} priced)" if 0 < model.priced < model.rows else ""
    errors = f", {model.errors:,} errors" if model.errors else ""
    return f"{model.rows:>9,} rows, {_share(model.judged, model.rows)} judged, {cost}{partly}{errors}"


def _mix(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    named = ", ".join(f"{name} {_share(count, total)}" for name, count in list(counts.items())[:MOST])
    return f"{named} of {total:,}" if named else "none"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
