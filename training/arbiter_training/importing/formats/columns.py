"""Flat records: arbiter's own traffic table, and any other by a mapping of its columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter_training.importing.fields import decoded, dollars, is_naive, number, propensity, seconds, text
from arbiter_training.importing.items import Call, Item, Messages, Reason, UnusableError
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages
from arbiter_training.traffic.columns import KNOWN, LABELS, STATUS_OK, nearest

UNITS = {
    "latency_s": (("_ms", 1e-3), ("_millis", 1e-3), ("_us", 1e-6), ("_ns", 1e-9), ("_minutes", 60.0)),
    "ttft_s": (("_ms", 1e-3), ("_millis", 1e-3), ("_us", 1e-6), ("_ns", 1e-9)),
    "cost_usd": (("_cents", 1e-2), ("_cent", 1e-2), ("_microdollars", 1e-6), ("_musd", 1e-6)),
    "quality": (("_percent", 1e-2), ("_pct", 1e-2)),
    "propensity": (("_percent", 1e-2), ("_pct", 1e-2)),
}  # fmt: skip
"""Column to the endings that name a unit, and what a value in it is multiplied by."""

CURRENCIES = ("eur", "gbp", "chf", "jpy", "cny", "rmb", "inr", "krw", "brl", "aud", "cad", "sek", "nok", "dkk", "pln")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """Which columns of a flat file are which of the traffic table.

    Attributes
    ----------
    columns : column of the traffic table to column of the file; unit by the latter's name, see :data:`UNITS`.
    scales : column of the traffic table to what its values are multiplied by; goes before the unit of the name.
    model : of rows without one; None refuses them.
    zone : of times that name none.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    model: str | None = None
    zone: tzinfo = UTC

    def __post_init__(self) -> None:
        for wanted, named in self.columns.items():
            if wanted not in KNOWN:
                close = nearest(wanted, KNOWN)
                hint = f"; did you mean {close}?" if close else f"; there are {', '.join(KNOWN)}"
                raise InvalidInputError(f"--map {wanted}={named}: the traffic table has no column {wanted!r}{hint}")
            if wanted == "cost_usd" and named.lower().rpartition("_")[2] in CURRENCIES:
                raise InvalidInputError(
                    f"--map {wanted}={named}: costs must be in US dollars: convert the column first"
                )

    def scale(self, name: str) -> float:
        """Give what a column's values are multiplied by."""
        if name in self.scales:
            return self.scales[name]
        named = self.columns.get(name, name).lower()
        return next((scale for end, scale in UNITS.get(name, ()) if named.endswith(end)), 1.0)


class MappedColumns:
    """Reads flat records: CSV, JSONL or Parquet.

    Parameters
    ----------
    mapped : which column is which; the traffic table's own names are found without it.
    """

    name = "columns"
    judges = False

    def __init__(self, mapped: Mapped | None = None) -> None:
        self._mapped = mapped or Mapped()
        self._scales = {name: self._mapped.scale(name) for name in KNOWN}
        named = self._mapped.columns
        self._used = {named.get(name, name) for name in KNOWN}

    @property
    def plain(self) -> bool:
        """Whether the file is a traffic table as it is, so that Parquet can be read column by column."""
        mapped = self._mapped
        return not mapped.columns and not mapped.scales and mapped.model is None and mapped.zone is UTC

    def recognises(self, record: Record) -> bool:
        """By the mapping, or by the traffic table's own columns."""

        def has(name: str) -> bool:
            return self._mapped.columns.get(name, name) in record

        asked = has("prompt") or has("messages")
        if self._mapped.columns:
            return asked and all(named in record for named in self._mapped.columns.values())
        return asked and has("request_id") and has("model") and "spend" not in record

    def read(self, record: Record) -> Iterator[Item]:
        """Give the one row."""
        model = text(self._cell(record, "model")) or self._mapped.model
        if model is None:
            raise UnusableError(Reason.NO_MODEL)
        call = Call(
            model=model,
            request=self._request(record),
            request_id=text(self._cell(record, "request_id")) or "",
            timestamp=seconds(self._cell(record, "timestamp"), self._mapped.zone),
            session_id=text(self._cell(record, "session_id")),
            propensity=propensity(self._number(record, "propensity")),
            quality=self._number(record, "quality", 1.0),
            cost_usd=dollars(self._number(record, "cost_usd"), record.get("currency")),
            latency_s=self._number(record, "latency_s"),
            ttft_s=self._number(record, "ttft_s"),
            input_tokens=self._number(record, "input_tokens"),
            output_tokens=self._number(record, "output_tokens"),
            status=text(self._cell(record, "status")) or STATUS_OK,
        )
        call.naive = is_naive(self._cell(record, "timestamp"))
        labels = {name: text(self._cell(record, name)) for name in LABELS}
        call.extras = {name: label for name, label in labels.items() if label is not None}
        others = {str(n): v for n, v in record.items() if n not in self._used and v is not None and v != ""}
        call.extras |= others
        yield call

    def _cell(self, record: Record, name: str) -> Any:
        return record.get(self._mapped.columns.get(name, name))

    def _number(self, record: Record, name: str, high: float = float("inf")) -> float | None:
        return number(self._cell(record, name), name, high, self._scales[name])

    def _request(self, record: Record) -> Messages:
        messages = decoded(self._cell(record, "messages"))
        if isinstance(messages, list) and messages:
            return as_logged(messages)
        prompt = self._cell(record, "prompt")
        if isinstance(prompt, str) and (prompt.strip() or "prompt" not in self._mapped.columns):
            return prompt
        return read_messages(prompt)


def as_logged(messages: list[Any]) -> Messages:
    """Give messages as they are where they are OpenAI's already: what was served must come back unchanged."""
    known = all(
        isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str | None)
        for m in messages
    )
    if known and any(message["role"] == "user" for message in messages):
        return messages
    return read_messages(messages)
