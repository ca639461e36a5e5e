"""What an import read, kept and left out; what the log can be used for, and what it lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from arbiter.catalog import Catalog, litellm_entry
from arbiter_training.importing.index import ImportIndex
from arbiter_training.importing.items import Reason
from arbiter_training.importing.personal import KINDS
from arbiter_training.importing.summary import Summary
from arbiter_training.importing.tally import Tally

DUPLICATES = (Reason.REPEATED, Reason.CONTRADICTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Rows left out for one reason, and where the first few were."""

    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCoverage:
    """The rows of one model.

    Attributes
    ----------
    rows, judged, priced, errors : all; with a quality; with a cost; failed.
    tokens : with both counts of tokens.
    mean_cost_usd : over those with a cost; None where there are none.
    price_known : whether the shipped catalog or litellm's table has its price, for the rows that lack a cost.
    """

    rows: int
    judged: int
    priced: int
    errors: int
    tokens: int
    mean_cost_usd: float | None
    price_known: bool

    @property
    def lacks_price(self) -> bool:
        """Whether some of its rows have no cost and nothing is known that would give one."""
        return self.priced < self.rows and not self.price_known


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What was found.

    Attributes
    ----------
    sources, format : as named or found out.
    rows_read, kept : rows of the log, rows of the table; what lies between is in ``dropped``.
    dropped : reason to rows and examples; their rows and ``kept`` add up to ``rows_read``.
    duplicates : dropped rows that repeat or contradict another one.
    judged, priced, timed, dated : kept rows with quality, cost, latency, time.
    quality_sources : whose judgement the joined qualities are.
    feedback, feedback_joined : judgements read, and those joined with a row.
    feedback_names : name and what became of it, to judgements.
    propensities, by_design : kept rows with a logged propensity; those without whose request several models were scored
        on, so that the probability is 1. The rest is missing: it can be estimated at best.
    sessions : distinct sessions in the log.
    cached : answers from a cache; their cost and latency are left unknown.
    naive_times : times without a zone.
    first, last : ISO 8601; None where no row has a time.
    models : name to its rows.
    languages : of the requests looked at.
    personal : kind to finds, in all rows that were read.
    redacted : whether these were replaced.
    warnings : doubts about units.
    """

    sources: tuple[str, ...]
    format: str
    rows_read: int
    kept: int
    dropped: Mapping[str, Dropped]
    duplicates: int
    judged: int
    priced: int
    timed: int
    dated: int
    quality_sources: Mapping[str, int]
    feedback: int
    feedback_joined: int
    feedback_names: Mapping[str, int]
    propensities: int
    by_design: int
    sessions: int
    cached: int
    naive_times: int
    first: str | None
    last: str | None
    models: Mapping[str, ModelCoverage]
    languages: Mapping[str, int]
    personal: Mapping[str, int]
    redacted: bool
    warnings: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Kept rows of which nothing tells the probability of the choice."""
        return self.kept - self.propensities - self.by_design

    @property
    def lacking_prices(self) -> tuple[str, ...]:
        """Models of which neither log, catalog nor litellm's table tells a price."""
        return tuple(name for name, model in self.models.items() if model.lacks_price)

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON values."""
        return asdict(self) | {"propensities_missing": self.missing, "models_lacking_price": list(self.lacking_prices)}


def report_of(sources: Sequence[str], reader: str, tally: Tally, summary: Summary, index: ImportIndex) -> ImportReport:
    """Put together what was counted.

    Parameters
    ----------
    sources, reader : as named.
    tally : of what was read.
    summary : of what was kept.
    index : joined.
    """
    dropped = {
        reason: Dropped(rows=count, examples=tuple(tally.examples.get(reason, ())))
        for reason, count in tally.dropped.most_common()
    }
    return ImportReport(
        sources=tuple(sources),
        format=reader,
        rows_read=tally.rows,
        kept=summary.rows,
        dropped=dropped,
        duplicates=sum(tally.dropped[reason] for reason in DUPLICATES),
        judged=summary.judged,
        priced=summary.priced,
        timed=summary.timed,
        dated=summary.dated,
        quality_sources=dict(summary.sources.most_common()),
        feedback=tally.feedback,
        feedback_joined=index.count("joined"),
        feedback_names=dict(tally.feedback_names.most_common()),
        propensities=summary.propensities,
        by_design=summary.by_design,
        sessions=index.count("sessions"),
        cached=tally.cached,
        naive_times=tally.naive,
        first=_time(summary.first),
        last=_time(summary.last),
        models=_models(summary),
        languages=dict(tally.languages.most_common()),
        personal={kind: tally.personal[kind] for kind in KINDS if tally.personal[kind]},
        redacted=tally.redacted,
        warnings=tuple(_warnings(summary)),
    )


def _models(summary: Summary) -> dict[str, ModelCoverage]:
    catalog = Catalog.default()
    return {
        name: ModelCoverage(
            rows=rows.rows,
            judged=rows.judged,
            priced=rows.priced,
            errors=rows.errors,
            tokens=rows.counted,
            mean_cost_usd=rows.cost_usd / rows.priced if rows.priced else None,
            price_known=catalog.resolve(name) is not None or litellm_entry(name) is not None,
        )
        for name, rows in sorted(summary.models.items(), key=lambda pair: -pair[1].rows)
    }


def _time(micros: int | None) -> str | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _warnings(summary: Summary) -> list[str]:
    found = []
    if summary.timed and summary.long * 2 > summary.timed:
        found.append("most latencies are above ten minutes: are they milliseconds? (--unit latency_s=0.001)")
    if summary.priced and summary.dear * 2 > summary.priced:
        found.append("most costs are above five dollars a request: are they cents? (--unit cost_usd=0.01)")
    return found
