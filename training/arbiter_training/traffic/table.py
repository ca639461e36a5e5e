"""The traffic table: the one form in which logged traffic is kept offline."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arbiter_training.traffic.columns import (
    LABELS,
    NUMBERS,
    FloatArray,
    ObjectArray,
    TimeArray,
    factorize,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingNotes:
    """What reading did that the rows no longer show.

    Attributes
    ----------
    sources : the files, as the user named them.
    rows_read : rows before duplicates were dropped.
    duplicates_dropped : rows that repeated another row of the same request and model in every column.
    naive_timestamps : times without a zone, read as UTC.
    hints : columns that were kept as they are but look like a misspelled known one.
    """

    sources: tuple[str, ...] = ()
    rows_read: int = 0
    duplicates_dropped: int = 0
    naive_timestamps: int = 0
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficTable:
    """Logged traffic, one row per request and model that answered it; checked, so inner code trusts it.

    Several rows of one ``request_id`` mean that several models were scored on it.

    Attributes
    ----------
    request_id, model, status : (n,) str; status is ``"ok"`` or a kind of error.
    prompt : (n,) str, or a tuple of OpenAI messages.
    timestamp : (n,) datetime64[us], UTC; NaT where unknown.
    session_id : (n,) str, None where unknown.
    propensity : (n,) in (0, 1], probability with which the logging policy chose the model; NaN where unknown.
    quality : (n,) in [0, 1]; NaN where unknown, never 0 for that.
    cost_usd, latency_s, ttft_s : (n,) US dollars, seconds, seconds to the first token; NaN where unknown.
    input_tokens, output_tokens : (n,) counts as float64; NaN where unknown.
    labels : ``domain``, ``complexity``, ``risk``, those that were in the file, to (n,) str or None.
    extras : every other column of the file by its name, to (n,) objects, None for null.
    notes : what reading did that the rows no longer show.
    """

    request_id: ObjectArray
    prompt: ObjectArray
    model: ObjectArray
    timestamp: TimeArray
    session_id: ObjectArray
    propensity: FloatArray
    quality: FloatArray
    cost_usd: FloatArray
    latency_s: FloatArray
    ttft_s: FloatArray
    input_tokens: FloatArray
    output_tokens: FloatArray
    status: ObjectArray
    labels: Mapping[str, ObjectArray] = field(default_factory=dict)
    extras: Mapping[str, ObjectArray] = field(default_factory=dict)
    notes: ReadingNotes = field(default_factory=ReadingNotes)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.request_id.size)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that answered, in alphabetical order."""
        return tuple(sorted(set(self.model)))

    @property
    def n_requests(self) -> int:
        """Number of distinct requests."""
        return len(set(self.request_id))

    def column(self, name: str) -> NDArray[Any]:
        """Give a column by the name it has in a file.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        if name in CORE:
            core: NDArray[Any] = getattr(self, name)
            return core
        return self.labels[name] if name in self.labels else self.extras[name]

    def select(self, rows: ArrayLike) -> "TrafficTable":
        """Give the table of some rows.

        Parameters
        ----------
        rows : (k,) positions, in the order wanted, or (n,) booleans.
        """
        index = np.arange(self.n_rows)[np.asarray(rows)]
        return TrafficTable(
            **{name: getattr(self, name)[index] for name in CORE},
            labels={name: values[index] for name, values in self.labels.items()},
            extras={name: values[index] for name, values in self.extras.items()},
            notes=self.notes,
        )

    def fingerprint(self) -> str:
        """Give a sha256 (64 hex digits) of what the table says: equal for Parquet, JSONL and CSV of the same rows."""
        digest = hashlib.sha256()
        for name in (*CORE, *sorted(self.labels)):
            values = self.column(name)
            digest.update(f"{name}:{self.n_rows}:".encode())
            digest.update(_object_bytes(values) if values.dtype == object else _number_bytes(values))
        return digest.hexdigest()


CORE = tuple(f.name for f in fields(TrafficTable) if f.name not in ("labels", "extras", "notes"))
"""The columns that every table has, filled with unknown where the file has none."""

assert set(NUMBERS) < set(CORE) and not set(LABELS) & set(CORE)


def _object_bytes(values: ObjectArray) -> bytes:
    """Write codes and distinct values: a prompt that sixteen models answered is hashed once."""
    texts = [value if isinstance(value, str) else json.dumps(value, sort_keys=True) for value in values]
    codes, distinct = factorize(texts, len(texts))
    return codes.tobytes() + json.dumps(distinct).encode("utf-8", "surrogatepass")


def _number_bytes(values: NDArray[Any]) -> bytes:
    """Write numbers so that equal ones have equal bytes: one kind of NaN, and no zero with a minus sign."""
    if values.dtype.kind != "f":
        return values.tobytes()
    return np.where(np.isnan(values), np.nan, values + 0.0).tobytes()
