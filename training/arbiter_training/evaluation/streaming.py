"""Evaluate policies on traffic that does not fit in memory, or on many processors: sums of parts that add."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import MissingExtraError, NotEvaluableError, TrafficError
from arbiter.ope import EstimateOptions, LoggedFeedback, PolicySums, accumulate
from arbiter_training.evaluation.row_groups import (
    ID,
    Reading,
    RowGroup,
    column_names,
    has_nulls,
    parts_of,
    read_requests,
    request_starts,
    row_groups,
)
from arbiter_training.traffic.read_parquet import pyarrow_modules

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SESSION_BUCKETS = 16_384
"""Sessions are pooled by hash into so many clusters, which keeps memory flat. Pools of independent sessions are
independent too, so clustered errors stay right; that there are not more of them costs 1 part in 30,000 of the width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBatch:
    """Some whole requests.

    Attributes
    ----------
    request_ids : (n,).
    log : their logged outcomes.
    columns : extra columns that were asked for, to (n,) values of each request's first row.
    """

    request_ids: NDArray[Any]
    log: LoggedFeedback
    columns: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What the policies would do on a batch.

    Attributes
    ----------
    policies : one (n, K) table of action probabilities each, or None for the logging policy; always the same number.
    q_hat : outcome to (n, K) predictions by models that did not see these rows; empty for none, for all batches alike.
    """

    policies: tuple[FloatArray | None, ...]
    q_hat: Mapping[str, FloatArray] = field(default_factory=dict)


class BatchScorer(Protocol):
    """Tells what policies would do; for processes as a backend it must be picklable."""

    def __call__(self, batch: RequestBatch) -> Scored:
        """Score a batch of requests."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """What to sum and where.

    Attributes
    ----------
    models : K candidates; the columns of every table.
    outcomes : columns of the traffic to evaluate.
    columns : further columns that the scorer reads, such as ``prompt``.
    has_model : whether the scorer gives predictions.
    options : estimators, level, thresholds.
    batch_rows : rows in memory at a time.
    n_jobs, backend : for joblib: 1 stays in this thread; ``"threading"``, ``"loky"``, or the name of a backend that was
        registered (``"dask"``, ``"ray"``); None takes the one of ``joblib.parallel_config``.
    parts : pieces of the traffic, at most one per row group.
    """

    models: tuple[str, ...]
    outcomes: tuple[str, ...] = ("quality", "cost_usd")
    columns: tuple[str, ...] = ()
    has_model: bool = False
    options: EstimateOptions = field(default_factory=EstimateOptions)
    batch_rows: int = 131_072
    n_jobs: int = 1
    backend: str | None = None
    parts: int = 1


def sum_traffic(source: str | Path, scorer: BatchScorer, settings: StreamSettings) -> PolicySums:
    """Sum traffic of any size for some policies, for :func:`arbiter.ope.evaluate_sums`.

    Parameters
    ----------
    source : Parquet file in the traffic format, or a folder of such; rows of one request must follow one another.
    scorer : policies and predictions of a batch.
    settings : what to sum and where.

    Returns
    -------
    sums : of the whole traffic; parts and processes change them by rounding only.

    Raises
    ------
    TrafficError
        If the files cannot be read, lack a column, name an unknown model, or a request's rows lie apart.
    NotEvaluableError
        If one model was asked on a request and its propensity is missing.
    MissingExtraError
        If pyarrow (or, for several jobs, joblib) is not installed.

    Notes
    -----
    One pass; a light one goes before it, over models and outcomes alone, where Parquet's statistics say that an outcome
    has nulls: rates of feedback are those of the whole. The inclusion probability of a cell is its propensity; several
    answers to one request without any propensity were scored by design: 1. (That of :func:`~arbiter_training.traffic
    .pivot`, save that this cannot know whether ALL requests were scored by all models, and believes the propensities.)
    """
    groups = row_groups(Path(source))
    names = column_names(groups)
    _require_columns(names, settings)
    clustered = "session_id" in names
    rates = _feedback_rates(groups, settings)
    parts = parts_of(len(groups), settings.parts)
    jobs = [_PartJob(groups=groups, part=part, settings=settings, rates=rates, clustered=clustered) for part in parts]
    found = _run(jobs, scorer, settings)
    return reduce(add, (sums for sums in found if sums is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class _PartJob:
    """One part of the work, small enough to send anywhere."""

    groups: tuple[RowGroup, ...]
    part: slice
    settings: StreamSettings
    rates: Mapping[str, FloatArray]
    clustered: bool

    def run(self, scorer: BatchScorer) -> PolicySums | None:
        """Sum the requests that begin in the part; None where none does."""
        settings, total = self.settings, None
        channels = settings.options.channels(settings.has_model)
        for table in read_requests(self.groups, self.part, _reading(settings, self.clustered)):
            batch = _to_batch(table, settings, self.clustered)
            scored = scorer(batch)
            sums = accumulate(batch.log, scored.policies, scored.q_hat, channels, self.rates)
            total = sums if total is None else total + sums
        return total


def _run(jobs: list[_PartJob], scorer: BatchScorer, settings: StreamSettings) -> list[PolicySums | None]:
    if settings.n_jobs == 1:
        return [job.run(scorer) for job in jobs]
    try:
        import joblib
    except ImportError as error:
        raise MissingExtraError.of("joblib", "train") from error
    parallel = joblib.Parallel(n_jobs=settings.n_jobs, backend=settings.backend)
    return list(parallel(joblib.delayed(job.run)(scorer) for job in jobs))


def _require_columns(names: Sequence[str], settings: StreamSettings) -> None:
    missing = sorted({ID, "model", *settings.outcomes, *settings.columns} - set(names))
    if missing:
        raise TrafficError(f"the traffic lacks the columns {missing}: it has {sorted(names)}")
    if "propensity" not in names:
        raise NotEvaluableError(
            "the traffic has no column 'propensity', so what another policy would have earned cannot be known from it; "
            "add the column, with 1 where every model was scored"
        )


def _reading(settings: StreamSettings, clustered: bool) -> Reading:
    sessions = ("session_id",) if clustered else ()
    columns = ("model", "propensity", *settings.outcomes, *settings.columns, *sessions)
    return Reading(columns=columns, batch_rows=settings.batch_rows)


def _feedback_rates(groups: tuple[RowGroup, ...], settings: StreamSettings) -> Mapping[str, FloatArray]:
    gaps = tuple(name for name in settings.outcomes if has_nulls(groups, name))
    if not gaps:
        return {}
    arrow, k = pyarrow_modules(), len(settings.models)
    logged, answered = np.zeros(k), {name: np.zeros(k) for name in gaps}
    reading = Reading(columns=("model", *gaps), batch_rows=settings.batch_rows)
    for table in read_requests(groups, slice(0, len(groups)), reading):
        action = _actions(arrow, table, settings.models)
        logged += np.bincount(action, minlength=k)
        for name in gaps:
            answered[name] += np.bincount(action, weights=~np.isnan(_numbers(table, name)), minlength=k)
    return {name: counts / np.maximum(logged, 1.0) for name, counts in answered.items()}


def _to_batch(table: Any, settings: StreamSettings, clustered: bool) -> RequestBatch:
    arrow = pyarrow_modules()
    starts = request_starts(arrow, table)
    action = _actions(arrow, table, settings.models)
    bounds = np.append(starts, table.num_rows)
    ids = table.column(ID).take(arrow.array(starts)).to_numpy()
    index = _buckets(table, starts, ids) if clustered else None
    log = LoggedFeedback(
        n_actions=len(settings.models),
        row_start=bounds,
        action=action,
        inclusion=_inclusion(_numbers(table, "propensity"), starts, bounds),
        outcomes={name: _numbers(table, name) for name in settings.outcomes},
        cluster_index=index,
        cluster_labels=np.arange(SESSION_BUCKETS) if clustered else None,
    )
    _refuse_repeats(log, ids)
    first = table.select(list(settings.columns)).take(arrow.array(starts))
    columns = {name: first.column(name).to_numpy() for name in settings.columns}
    return RequestBatch(request_ids=ids, log=log, columns=columns)


def _actions(arrow: Any, table: Any, models: tuple[str, ...]) -> IntArray:
    names = table.column("model").combine_chunks()
    names = names.dictionary_decode() if arrow.types.is_dictionary(names.type) else names
    found = arrow.compute.index_in(names, value_set=arrow.array(list(models), type=names.type))
    if found.null_count:
        unknown = names.filter(arrow.compute.is_null(found))[0].as_py()
        raise TrafficError(f"model {unknown!r} is not among the candidates {list(models)}: add it to them")
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def _numbers(table: Any, name: str) -> FloatArray:
    column = table.column(name).cast("float64").combine_chunks()
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _inclusion(logged: FloatArray, starts: IntArray, bounds: IntArray) -> FloatArray:
    unknown = np.isnan(logged)
    if not unknown.any():
        return logged
    counts = np.diff(bounds)
    by_design = np.repeat((counts > 1) & (np.add.reduceat(unknown, starts) == counts), counts)
    if (unknown & ~by_design).any():
        raise NotEvaluableError(
            f"{int((unknown & ~by_design).sum())} logged answers carry no propensity, so what another policy would "
            "have earned cannot be known; log the probability of each choice, or score every model on a sample"
        )
    return np.where(by_design, 1.0, logged)


def _buckets(table: Any, starts: IntArray, ids: NDArray[Any]) -> IntArray:
    """Return the pool of each request's session; a request without one is a session of its own."""
    sessions = table.column("session_id").take(starts).to_pylist()
    keys = (f"s{s}" if s is not None else f"r{r}" for s, r in zip(sessions, ids.tolist(), strict=True))
    return np.fromiter((zlib.crc32(key.encode()) % SESSION_BUCKETS for key in keys), dtype=np.int64, count=len(ids))


def _refuse_repeats(log: LoggedFeedback, ids: NDArray[Any]) -> None:
    if log.cells_per_row == 1:
        return
    row = np.repeat(np.arange(log.n), np.diff(log.row_start))
    cells = np.bincount(row * log.n_actions + log.action)
    if cells.max() > 1:
        repeated = ids[int(np.argmax(cells)) // log.n_actions]
        raise TrafficError(f"request {repeated!r} has two rows of one model: keep one of them")
