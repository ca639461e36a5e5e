"""What an import kept, counted table by table."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from arbiter_training.traffic.columns import SOURCE, STATUS_OK
from arbiter_training.traffic.read_parquet import pyarrow_modules

LONG_LATENCY_S, DEAR_COST_USD = 600.0, 5.0
"""Where most values are beyond, the unit is doubtful: ten minutes, five dollars a request."""


@dataclass(slots=True, kw_only=True)
class ModelRows:
    """The rows of one model: all, judged, priced, with the tokens that a price needs, failed; and the costs' sum."""

    rows: int = 0
    judged: int = 0
    priced: int = 0
    counted: int = 0
    errors: int = 0
    cost_usd: float = 0.0


@dataclass(slots=True, kw_only=True)
class Summary:
    """Counts over the rows that were kept.

    Attributes
    ----------
    rows : kept.
    by_design : rows without a propensity whose request several models were scored on, which needs none.
    propensities, judged, priced, timed, dated : rows that know theirs.
    long, dear : rows of a latency or cost that is beyond doubt too large, see :data:`LONG_LATENCY_S`.
    models : name to its rows.
    sources : whose judgement a quality is, to rows.
    first, last : microseconds since 1970 of the earliest and latest row; None where no row has a time.
    """

    rows: int = 0
    by_design: int = 0
    propensities: int = 0
    judged: int = 0
    priced: int = 0
    timed: int = 0
    dated: int = 0
    long: int = 0
    dear: int = 0
    models: dict[str, ModelRows] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None

    def add(self, table: Any) -> None:
        """Count the rows of a ``pyarrow.Table``."""
        arrow = pyarrow_modules()
        self.rows += table.num_rows
        known = {name: table.num_rows - table.column(name).null_count for name in table.column_names}
        self.propensities += known.get("propensity", 0)
        self.judged += known.get("quality", 0)
        self.priced += known.get("cost_usd", 0)
        self.timed += known.get("latency_s", 0)
        self.long += _beyond(arrow, table, "latency_s", LONG_LATENCY_S)
        self.dear += _beyond(arrow, table, "cost_usd", DEAR_COST_USD)
        if known.get("timestamp"):
            self._date(arrow, table.column("timestamp"), known["timestamp"])
        if known.get(SOURCE):
            for one in table.column(SOURCE).value_counts().to_pylist():
                if one["values"] is not None:
                    self.sources[one["values"]] += one["counts"]
        self._models(arrow, table)

    def _date(self, arrow: Any, column: Any, known: int) -> None:
        self.dated += known
        ends = arrow.compute.min_max(column.cast(arrow.timestamp("us", "UTC")).cast(arrow.int64())).as_py()
        self.first = ends["min"] if self.first is None else min(self.first, ends["min"])
        self.last = ends["max"] if self.last is None else max(self.last, ends["max"])

    def _models(self, arrow: Any, table: Any) -> None:
        coded = table.column("model").combine_chunks().dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        n = len(coded.dictionary)

        def count(rows: Any, weights: Any = None) -> list[Any]:
            return list(np.bincount(codes[rows], weights, minlength=n).tolist())

        every = np.ones(table.num_rows, dtype=np.bool_)
        valid = {name: _valid(table, name) for name in ("quality", "cost_usd", "input_tokens", "output_tokens")}
        failed = (
            arrow.compute.not_equal(table.column("status"), STATUS_OK).to_numpy()
            if "status" in table.column_names
            else ~every
        )
        priced = valid["cost_usd"]
        costs = table.column("cost_usd").to_numpy()[priced] if priced.any() else None
        counts = zip(
            coded.dictionary.to_pylist(), count(every), count(valid["quality"]), count(priced),
            count(valid["input_tokens"] & valid["output_tokens"]), count(failed.astype(np.bool_)), count(priced, costs),
            strict=True,
        )  # fmt: skip
        for model, *found in counts:
            held = self.models.setdefault(model, ModelRows())
            for name, value in zip(("rows", "judged", "priced", "counted", "errors", "cost_usd"), found, strict=True):
                setattr(held, name, getattr(held, name) + value)


def _valid(table: Any, name: str) -> Any:
    if name not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.bool_)
    return table.column(name).is_valid().to_numpy().astype(np.bool_)


def _beyond(arrow: Any, table: Any, name: str, limit: float) -> int:
    if name not in table.column_names:
        return 0
    return int(arrow.compute.sum(arrow.compute.greater(table.column(name), limit)).as_py() or 0)
