"""Traffic by request: what each model answered, as arrays of requests by models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arbiter.intake import read_request
from arbiter.judgements import source_named
from arbiter.records import Query
from arbiter.vocabulary import FeedbackSource
from arbiter_training.traffic.columns import (
    SOURCE,
    STATUS_OK,
    BoolArray,
    FloatArray,
    IntArray,
    ObjectArray,
    TimeArray,
    as_objects,
    factorize,
    is_none,
)
from arbiter_training.traffic.table import TrafficTable

QUALITY_SOURCES = tuple(FeedbackSource)
"""Who may have judged, by number."""

NOBODY = np.int8(-1)
"""The number of a source that is not named."""

ToQuery = Callable[[Any], Query]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeMatrix:
    """Outcomes of n requests and K models; the one form that learners and estimators read.

    Partial feedback (one model per request) and full information are the same record with other masks.

    Attributes
    ----------
    request_ids : (n,) str, in order of first appearance in the traffic.
    prompts : (n,) the requests as they were logged: str, or a tuple of messages.
    queries : n requests as the router reads them.
    models : K names, alphabetical.
    observed : (n, K) True where the model was asked, whether or not its answer was judged.
    ok : (n, K) True where it answered without an error.
    quality : (n, K) in [0, 1]; NaN where unknown.
    quality_source : (n, K) int8, who judged, as a position in :data:`QUALITY_SOURCES`; -1 where nobody says.
    cost_usd, latency_s, output_tokens : (n, K); NaN where unknown.
    input_tokens : (n,) mean over the models that counted; NaN where none did.
    propensity : (n, K) probability with which the observed cell came to be observed; NaN where it is not observed or
        not known. See :func:`pivot` for how it is found.
    session_ids : (n,) str, None where unknown.
    timestamps : (n,) datetime64[us], UTC, the earliest of the request's rows; NaT where unknown.
    labels : ``domain``, ``complexity``, ``risk`` where given, to (n,) str or None.
    extras : extra columns with one value per request, to (n,) objects. For reports; never features: they may name the
        outcome.
    """

    request_ids: ObjectArray
    prompts: ObjectArray
    queries: tuple[Query, ...]
    models: tuple[str, ...]
    observed: BoolArray
    ok: BoolArray
    quality: FloatArray
    quality_source: NDArray[np.int8]
    cost_usd: FloatArray
    latency_s: FloatArray
    output_tokens: FloatArray
    input_tokens: FloatArray
    propensity: FloatArray
    session_ids: ObjectArray
    timestamps: TimeArray
    labels: Mapping[str, ObjectArray] = field(default_factory=dict)
    extras: Mapping[str, ObjectArray] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of requests."""
        return int(self.request_ids.size)

    @property
    def n_models(self) -> int:
        """Number of models, K."""
        return len(self.models)

    @property
    def full_information(self) -> bool:
        """Whether every model was asked and judged on every request, so that any policy's value is exact."""
        return bool(self.observed.all() and not np.isnan(self.quality).any())

    @property
    def one_per_request(self) -> bool:
        """Whether exactly one model was asked on every request, as in a plain serving log."""
        return bool((self.observed.sum(axis=1) == 1).all())

    @property
    def action(self) -> IntArray:
        """(n,) column of the model that was asked; the first where several were."""
        columns: IntArray = self.observed.argmax(axis=1).astype(np.int64)
        return columns

    @property
    def clusters(self) -> IntArray:
        """(n,) codes for clustered intervals: requests of one session share one, each other request has its own."""
        keys = zip(self.session_ids, self.request_ids, strict=True)
        codes, _ = factorize(((True, s) if s is not None else (False, r) for s, r in keys), self.n)
        return codes

    def subset(self, rows: ArrayLike) -> "OutcomeMatrix":
        """Give the matrix of some requests; the models stay the same.

        Parameters
        ----------
        rows : (k,) positions, in the order wanted, or (n,) booleans.
        """
        index = np.arange(self.n)[np.asarray(rows)]
        arrays = {name: getattr(self, name)[index] for name in ARRAYS}
        return replace(
            self,
            **arrays,
            queries=tuple(self.queries[i] for i in index),
            labels={name: values[index] for name, values in self.labels.items()},
            extras={name: values[index] for name, values in self.extras.items()},
        )

    def to_table(self) -> TrafficTable:
        """Give the traffic table of the observed cells, row after row."""
        row, column = np.nonzero(self.observed)
        cell = (row, column)
        extras = {name: values[row] for name, values in self.extras.items()}
        judged = self.quality_source[cell]
        if SOURCE not in extras and (judged != NOBODY).any():
            names = [*map(str, QUALITY_SOURCES), None]
            extras[SOURCE] = as_objects((names[code] for code in judged), column.size)
        return TrafficTable(
            request_id=self.request_ids[row],
            prompt=self.prompts[row],
            model=as_objects((self.models[k] for k in column), column.size),
            timestamp=self.timestamps[row],
            session_id=self.session_ids[row],
            propensity=self.propensity[cell],
            quality=self.quality[cell],
            cost_usd=self.cost_usd[cell],
            latency_s=self.latency_s[cell],
            ttft_s=np.full(row.size, np.nan),
            input_tokens=self.input_tokens[row],
            output_tokens=self.output_tokens[cell],
            status=np.where(self.ok[cell], STATUS_OK, "error").astype(object),
            labels={name: values[row] for name, values in self.labels.items()},
            extras=extras,
        )


ARRAYS = tuple(f.name for f in fields(OutcomeMatrix) if f.name not in ("queries", "models", "labels", "extras"))
"""The fields with one row per request."""


def pivot(table: TrafficTable, to_query: ToQuery = read_request) -> OutcomeMatrix:
    """Give the traffic by request.

    The inclusion probability of an observed cell is its logged propensity. Where several models were scored on a
    request and none carries a propensity, they were scored by design, not by choice: 1.0. Where all models were scored
    on all requests nothing was left to chance: 1.0, whatever is logged. One model without a propensity: NaN.

    Parameters
    ----------
    table : checked traffic.
    to_query : prompt or messages to query.
    """
    row, request_ids = factorize(table.request_id, table.n_rows)
    models = table.models
    position = {model: k for k, model in enumerate(models)}
    column = np.fromiter((position[m] for m in table.model), dtype=np.int64, count=table.n_rows)
    cell, n, shape = (row, column), len(request_ids), (len(request_ids), len(models))
    first = np.unique(row, return_index=True)[1]
    observed = _scattered(shape, cell, np.ones(table.n_rows, dtype=np.bool_), False)
    logged = _scattered(shape, cell, table.propensity, np.nan)
    sessions = table.session_id[first]
    prompts = table.prompt[first]
    return OutcomeMatrix(
        request_ids=as_objects(request_ids, n),
        prompts=prompts,
        queries=tuple(_query(to_query, p, s) for p, s in zip(prompts, sessions, strict=True)),
        models=models,
        observed=observed,
        ok=_scattered(shape, cell, np.equal(table.status, STATUS_OK).astype(np.bool_), False),
        quality=_scattered(shape, cell, table.quality, np.nan),
        quality_source=_scattered(shape, cell, sources_of(table), NOBODY),
        cost_usd=_scattered(shape, cell, table.cost_usd, np.nan),
        latency_s=_scattered(shape, cell, table.latency_s, np.nan),
        output_tokens=_scattered(shape, cell, table.output_tokens, np.nan),
        input_tokens=_mean_known(table.input_tokens, row, n),
        propensity=_inclusion(observed, logged),
        session_ids=sessions,
        timestamps=_earliest(table.timestamp, row, n),
        labels={name: _first_known(values, row, n) for name, values in table.labels.items()},
        extras={name: values[first] for name, values in table.extras.items() if _constant(values, first[row])},
    )


def _query(to_query: ToQuery, prompt: object, session_id: str | None) -> Query:
    query = to_query(prompt)
    return query if session_id is None else replace(query, session_id=session_id)


def _scattered(
    shape: tuple[int, int], cell: tuple[IntArray, IntArray], values: NDArray[Any], rest: Any
) -> NDArray[Any]:
    matrix = np.full(shape, rest, dtype=values.dtype)
    matrix[cell] = values
    return matrix


def sources_of(table: TrafficTable) -> NDArray[np.int8]:
    """Give the (rows,) sources that a table names, as positions in :data:`QUALITY_SOURCES`; -1 where it names none."""
    named = table.extras.get(SOURCE)
    if named is None:
        return np.full(table.n_rows, NOBODY)
    codes, distinct = factorize(named, table.n_rows)
    known = [source_named(name) for name in distinct]
    numbers = [NOBODY if source is None else QUALITY_SOURCES.index(source) for source in known]
    return np.asarray(numbers, dtype=np.int8)[codes]


def _inclusion(observed: BoolArray, logged: FloatArray) -> FloatArray:
    if observed.shape[1] > 1 and observed.all():
        return np.ones_like(logged)
    by_design = (observed.sum(axis=1) > 1) & np.isnan(logged).all(axis=1)
    inclusion: FloatArray = np.where(observed & by_design[:, None], 1.0, logged)
    return inclusion


def _mean_known(values: FloatArray, row: IntArray, n: int) -> FloatArray:
    known = ~np.isnan(values)
    count = np.bincount(row[known], minlength=n)
    total = np.bincount(row[known], weights=values[known], minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _earliest(times: TimeArray, row: IntArray, n: int) -> TimeArray:
    latest_possible = np.iinfo(np.int64).max
    micros = np.where(np.isnat(times), latest_possible, times.astype(np.int64))
    earliest = np.full(n, latest_possible)
    np.minimum.at(earliest, row, micros)
    earliest[earliest == latest_possible] = np.datetime64("NaT").astype(np.int64)
    return earliest.view(times.dtype)


def _first_known(values: ObjectArray, row: IntArray, n: int) -> ObjectArray:
    """Give the first label that is not None; written backwards, so that the first write is the one that stays."""
    known = np.flatnonzero(~is_none(values))[::-1]
    firsts = np.full(n, None, dtype=object)
    firsts[row[known]] = values[known]
    return firsts


def _constant(values: ObjectArray, first: IntArray) -> bool:
    return all(a is b or a == b for a, b in zip(values, values[first], strict=True))
