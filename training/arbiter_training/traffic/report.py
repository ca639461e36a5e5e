"""What a traffic table holds, for the terminal and for records."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from arbiter_training.traffic.columns import SOURCE, STATUS_OK, FloatArray, factorize
from arbiter_training.traffic.near_duplicates import near_duplicate_groups
from arbiter_training.traffic.prompt_text import prompt_text
from arbiter_training.traffic.table import TrafficTable


class Propensities(StrEnum):
    """How much of the log carries the probability of its choices."""

    PRESENT = "present"
    PARTLY = "partly"
    MISSING = "missing"


class FeedbackKind(StrEnum):
    """How many models were scored on a request."""

    FULL_INFORMATION = "full information"
    ONE_PER_REQUEST = "one model per request"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTraffic:
    """The rows of one model.

    Attributes
    ----------
    rows : how often it answered.
    judged : rows with quality.
    mean_quality : in [0, 1]; None where none is known.
    mean_cost_usd, mean_latency_s : per request; None where none is known.
    errors : rows whose status is not ``"ok"``.
    """

    rows: int
    judged: int
    mean_quality: float | None
    mean_cost_usd: float | None
    mean_latency_s: float | None
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficReport:
    """What was found in the traffic.

    Attributes
    ----------
    sources : the files.
    rows_read, rows, requests : rows in the files, rows kept, distinct requests.
    duplicates_dropped : rows that repeated another one exactly.
    models : name to its rows, alphabetical.
    share_judged, share_priced, share_timed : shares of rows with quality, cost and latency, in [0, 1].
    judged_by : who judged, as the log names them, to rows; empty where it names nobody.
    propensities : of the rows, how many say with what probability their model was chosen.
    feedback : full information, one model per request, or mixed.
    first, last : ISO 8601 in UTC; None where no row has a time.
    naive_timestamps : times without a zone, read as UTC.
    sessions : distinct session ids.
    near_duplicate_groups, near_duplicate_requests : groups of two or more requests that say nearly the same, and the
        requests in them; None where it was not asked.
    labels : label column to its values and their counts over requests.
    hints : extra columns that look like a misspelled known one.
    """

    sources: tuple[str, ...]
    rows_read: int
    rows: int
    requests: int
    duplicates_dropped: int
    models: Mapping[str, ModelTraffic]
    share_judged: float
    share_priced: float
    share_timed: float
    judged_by: Mapping[str, int]
    propensities: Propensities
    feedback: FeedbackKind
    first: str | None
    last: str | None
    naive_timestamps: int
    sessions: int
    near_duplicate_groups: int | None
    near_duplicate_requests: int | None
    labels: Mapping[str, Mapping[str, int]]
    hints: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the report as plain JSON values."""
        return asdict(self) | {"sources": list(self.sources), "hints": list(self.hints)}

    def lines(self) -> list[str]:
        """Give the report for the terminal, a finding per line."""
        dropped = f" ({self.duplicates_dropped:,} exact duplicates dropped)" if self.duplicates_dropped else ""
        lines = [
            f"requests      {self.requests:,} in {self.rows:,} rows{dropped}",
            f"feedback      {self.feedback}; propensities {self.propensities}",
            f"known         quality {self.share_judged:.1%} of rows, cost {self.share_priced:.1%}, "
            f"latency {self.share_timed:.1%}",
            *(
                [f"judged by     {', '.join(f'{n} {c:,}' for n, c in self.judged_by.items())}"]
                if self.judged_by
                else []
            ),
            f"time          {self._span()}",
            f"sessions      {self.sessions:,}" if self.sessions else "sessions      none",
        ]
        if self.near_duplicate_groups is not None:
            lines.append(
                f"near-twins    {self.near_duplicate_groups:,} groups of {self.near_duplicate_requests:,} requests"
            )
        for name, counts in self.labels.items():
            lines.append(f"{name:<13} " + ", ".join(f"{label} {count:,}" for label, count in counts.items()))
        width = max((len(name) for name in self.models), default=0)
        lines += [f"model         {name:<{width}}  {_model_line(model)}" for name, model in self.models.items()]
        return lines + [f"note          {hint}" for hint in self.hints]

    def _span(self) -> str:
        if self.first is None:
            return "no timestamps"
        naive = f"; {self.naive_timestamps:,} without a zone, read as UTC" if self.naive_timestamps else ""
        return f"{self.first} to {self.last}{naive}"


def describe(table: TrafficTable, near_duplicates: bool = True) -> TrafficReport:
    """Count what is in a table.

    Parameters
    ----------
    table : checked traffic.
    near_duplicates : whether to look for near-duplicate requests, which takes 5 to 20 s per 100,000 of them.
    """
    codes, ids = factorize(table.request_id, table.n_rows)
    first = np.unique(codes, return_index=True)[1]
    per_request = np.bincount(codes, minlength=len(ids))
    groups, grouped = _near_duplicates(table.prompt[first]) if near_duplicates else (None, None)
    times = table.timestamp[~np.isnat(table.timestamp)]
    return TrafficReport(
        sources=table.notes.sources,
        rows_read=max(table.notes.rows_read, table.n_rows),
        rows=table.n_rows,
        requests=len(ids),
        duplicates_dropped=table.notes.duplicates_dropped,
        models={model: _model(table.select(table.model == model)) for model in table.models},
        share_judged=_share_known(table.quality),
        share_priced=_share_known(table.cost_usd),
        share_timed=_share_known(table.latency_s),
        judged_by=_judged_by(table),
        propensities=_propensities(table.propensity),
        feedback=_feedback(int(per_request.min()), int(per_request.max()), len(table.models)),
        first=None if times.size == 0 else f"{times.min().astype('datetime64[s]')}Z",
        last=None if times.size == 0 else f"{times.max().astype('datetime64[s]')}Z",
        naive_timestamps=table.notes.naive_timestamps,
        sessions=len({session for session in table.session_id if session is not None}),
        near_duplicate_groups=groups,
        near_duplicate_requests=grouped,
        labels={name: _counts(values[first]) for name, values in table.labels.items()},
        hints=table.notes.hints,
    )


def _model(rows: TrafficTable) -> ModelTraffic:
    return ModelTraffic(
        rows=rows.n_rows,
        judged=int((~np.isnan(rows.quality)).sum()),
        mean_quality=_mean(rows.quality),
        mean_cost_usd=_mean(rows.cost_usd),
        mean_latency_s=_mean(rows.latency_s),
        errors=int(np.not_equal(rows.status, STATUS_OK).sum()),
    )


def _model_line(model: ModelTraffic) -> str:
    quality = "quality unknown" if model.mean_quality is None else f"quality {model.mean_quality:.3f}"
    cost = "cost unknown" if model.mean_cost_usd is None else f"${model.mean_cost_usd:.3g} per request"
    errors = f"  {model.errors:,} errors" if model.errors else ""
    return f"{model.rows:>8,} rows  {quality}  {cost}{errors}"


def _mean(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return math.fsum(known) / known.size if known.size else None


def _share_known(values: FloatArray) -> float:
    return float((~np.isnan(values)).mean()) if values.size else 0.0


def _propensities(values: FloatArray) -> Propensities:
    share = _share_known(values)
    return Propensities.PRESENT if share == 1.0 else Propensities.MISSING if share == 0.0 else Propensities.PARTLY


def _feedback(fewest: int, most: int, n_models: int) -> FeedbackKind:
    if most == 1:
        return FeedbackKind.ONE_PER_REQUEST
    return FeedbackKind.FULL_INFORMATION if fewest == n_models else FeedbackKind.MIXED


def _judged_by(table: TrafficTable) -> dict[str, int]:
    named = table.extras.get(SOURCE)
    if named is None:
        return {}
    found = Counter(str(name or "unknown") for name in named[~np.isnan(table.quality)])
    return dict(found.most_common())


def _near_duplicates(prompts: Any) -> tuple[int, int]:
    sizes = np.bincount(near_duplicate_groups([prompt_text(prompt) for prompt in prompts]))
    return int((sizes > 1).sum()), int(sizes[sizes > 1].sum())


def _counts(values: Any) -> dict[str, int]:
    codes, labels = factorize(values, len(values))
    counts = np.bincount(codes, minlength=len(labels)).tolist()
    pairs = [(str(label), count) for label, count in zip(labels, counts, strict=True) if label is not None]
    return dict(sorted(pairs, key=lambda pair: -pair[1]))
