"""A block of a log to checked columns, with what the rows need to be told apart and joined later."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from arbiter_training.importing.answers import answer_text
from arbiter_training.importing.blocks import Block
from arbiter_training.importing.call_table import call_table
from arbiter_training.importing.columnar import columnar
from arbiter_training.importing.fast_json import json_reader
from arbiter_training.importing.formats.columns import MappedColumns
from arbiter_training.importing.items import (
    Call,
    Inside,
    Item,
    Judgement,
    Kind,
    Reason,
    Refused,
    SpanKey,
    UnusableError,
)
from arbiter_training.importing.languages import language_mix
from arbiter_training.importing.personal import scan_column
from arbiter_training.importing.quality import QualityRules
from arbiter_training.importing.reading import LogReader, Record
from arbiter_training.importing.tally import Tally
from arbiter_training.traffic.prompt_text import prompt_text
from arbiter_training.traffic.read_parquet import pyarrow_modules

LOOK_ROWS = 100
"""Rows of a batch that are looked at to tell its format."""

ANSWER = "answer"
"""Column of the answers' texts."""

LANGUAGE_SAMPLE = 64
"""Requests of a block whose language is looked at, spread evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingOptions:
    """How blocks are read.

    Attributes
    ----------
    reader : of the format.
    rules : how feedback is read.
    redact : whether personal data is replaced.
    joins : whether ids are kept for feedback that comes from elsewhere.
    answers : whether the texts of answers are kept, in the column ``answer``.
    """

    reader: LogReader
    rules: QualityRules = field(default_factory=QualityRules)
    redact: bool = False
    joins: bool = False
    answers: bool = False


@dataclass(slots=True, kw_only=True)
class Staged:
    """What a block came to.

    Attributes
    ----------
    table : ``pyarrow.Table`` of n rows; prompts are text, messages JSON.
    groups, requests, sessions : n hashes each: of the attempts at one request, the request id, the session or None.
    ids : hash of an id by which feedback may come, and row.
    spans : hash of a span, of its parent or None, and kind.
    places : row, hash of its span, of its parent or None.
    verdicts : hash of the target, quality, name, source, time.
    tally : counts.
    """

    table: Any
    groups: list[int]
    requests: list[int]
    sessions: list[int | None]
    ids: list[tuple[int, int]] = field(default_factory=list)
    spans: list[tuple[int, int | None, str]] = field(default_factory=list)
    places: list[tuple[int, int, int | None]] = field(default_factory=list)
    verdicts: list[tuple[int, float, str, str, float]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def hashed(text: str) -> int:
    """Give a 64-bit hash that is the same in every process, as SQLite's signed integer."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def stage(block: Block, options: StagingOptions) -> Staged:
    """Read a block.

    Parameters
    ----------
    block : of any source.
    options : how.
    """
    tally = Tally(redacted=options.redact)
    if not isinstance(block.payload, bytes | list):
        staged = _staged_batch(block, options, tally)
        if staged is not None:
            return staged
    staged = Staged(table=None, groups=[], requests=[], sessions=[], tally=tally)
    sorter = _Sorter(block.source, staged, options)
    for row, item in _items(block, options.reader, tally):
        sorter.take(item, row)
    calls = _encodable(sorter.calls, tally, block.source)
    _key(calls, staged, options)
    staged.table = _scanned(call_table(calls), options, tally)
    return staged


def first_records(block: Block) -> Iterator[Record]:
    """Give the records of a block without counting anything, for a look at them."""
    payload = block.payload.slice(0, LOOK_ROWS) if hasattr(block.payload, "slice") else block.payload
    looked_at = Block(source=block.source, first_row=block.first_row, after=block.after, payload=payload)
    yield from (record for _, record in _records(looked_at, Tally()))


def _staged_batch(block: Block, options: StagingOptions, tally: Tally) -> Staged | None:
    """Read Parquet whose columns are a traffic table's column by column; None where they are something else."""
    if not isinstance(options.reader, MappedColumns) or not options.reader.plain:
        return None
    found = columnar(block.payload)
    if found is None:
        return None
    tally.rows += block.payload.num_rows
    tally.naive += found.naive
    for row, reason, detail in found.refused:
        tally.drop(reason, f"{block.source}: row {block.first_row + row}", detail)
    requests = [hashed(text) for text in found.table.column("request_id").to_pylist()]
    sessions = [None if text is None else hashed(text) for text in found.table.column("session_id").to_pylist()]
    staged = Staged(table=None, groups=requests, requests=requests, sessions=sessions, tally=tally)
    if options.joins:
        staged.ids = [(key, row) for row, key in enumerate(requests)]
    staged.table = _scanned(found.table, options, tally)
    return staged


def _items(block: Block, reader: LogReader, tally: Tally) -> Iterator[tuple[int, Item]]:
    for row, record in _records(block, tally):
        try:
            for item in reader.read(record):
                yield row, item
        except UnusableError as error:
            yield row, Refused.of(error)
        except RecursionError:
            yield row, Refused(reason=Reason.NOT_THE_FORMAT, detail="nested too deeply")


def _records(block: Block, tally: Tally) -> Iterator[tuple[int, Record]]:
    payload = block.payload
    if not isinstance(payload, bytes):
        records = payload if isinstance(payload, list) else payload.to_pylist()
        yield from enumerate(records, start=block.first_row)
        return
    read = json_reader()
    for row, line in enumerate(payload.split(b"\n"), start=block.first_row):
        if not line or line.isspace():
            continue
        try:
            record = read(line)
        except (ValueError, RecursionError) as error:
            record = error
        if isinstance(record, dict):
            yield row, record
        else:
            tally.rows += 1
            tally.drop(Reason.NOT_JSON, f"{block.source}: row {row}", str(record)[:80])


class _Sorter:
    """Puts the items of a block where they belong, and counts them."""

    def __init__(self, source: str, staged: Staged, options: StagingOptions) -> None:
        self._source, self._staged, self._options = source, staged, options
        self.calls: list[Call] = []

    def take(self, item: Item, row: int) -> None:
        """Take an item of a row."""
        tally, staged = self._staged.tally, self._staged
        if isinstance(item, Judgement):
            tally.feedback += 1
            _judge(item, staged, self._options.rules)
            return
        tally.rows += 1
        if item.span is not None:
            staged.spans.append(_span(item.span, _kind(item)))
        if isinstance(item, Call):
            self._call(item, row)
        elif isinstance(item, Inside):
            tally.drop(Reason.NOT_A_CALL, f"{self._source}: row {row}", item.name)
        else:
            tally.drop(item.reason, f"{self._source}: row {row}", item.detail)

    def _call(self, call: Call, row: int) -> None:
        call.request_id = call.request_id or f"{self._source}:{row}"
        self._staged.tally.cached += bool(call.extras.get("cache_hit"))
        self._staged.tally.naive += call.naive
        if self._options.answers and (answer := answer_text(call.answer)) is not None:
            call.extras[ANSWER] = answer
        self.calls.append(call)


def _kind(item: Call | Inside | Refused) -> Kind:
    return Kind.CALL if isinstance(item, Call) else item.kind if isinstance(item, Inside) else Kind.OTHER


def _judge(item: Judgement, staged: Staged, rules: QualityRules) -> None:
    quality = rules.quality(item.name, item.value)
    known = "other name" if not rules.wants(item.name) else "not a quality" if quality is None else "read"
    name = item.name.encode("utf-8", "replace").decode()[:80]
    staged.tally.feedback_names[f"{name}: {known}"] += 1
    if known == "read" and quality is not None:
        voice = f"{name} by {item.by}".encode("utf-8", "replace").decode() if item.by else name
        staged.verdicts.append((hashed(item.target), quality, voice, item.source, item.at or 0.0))


def _span(span: SpanKey, kind: Kind) -> tuple[int, int | None, str]:
    return hashed(span.own), None if span.parent is None else hashed(span.parent), str(kind)


def _encodable(calls: list[Call], tally: Tally, source: str) -> list[Call]:
    """Leave out calls with half a surrogate pair: a logger cut an emoji in two, and nothing can write it."""
    kept = []
    for call in calls:
        try:
            _texts(call).encode()
        except UnicodeEncodeError:
            tally.drop(Reason.HALF_CHARACTER, source, ascii(call.request_id)[:60])
        else:
            kept.append(call)
    return kept


def _texts(call: Call) -> str:
    """Give all that is written of a call; the request becomes the text that it is kept as."""
    if call.request is not None and not isinstance(call.request, str):
        call.body = json.dumps(call.request, ensure_ascii=False, default=str)
    held = [call.request_id, call.model or "", call.session_id or "", call.status, *call.extras]
    held += [value for value in call.extras.values() if isinstance(value, str)]
    return "".join([*held, call.body or (call.request if isinstance(call.request, str) else "")])


def _key(calls: Sequence[Call], staged: Staged, options: StagingOptions) -> None:
    for row, call in enumerate(calls):
        request = hashed(call.request_id)
        staged.requests.append(request)
        staged.groups.append(request if call.trace is None else hashed(f"{call.trace}\0{call.body or call.request}"))
        staged.sessions.append(None if call.session_id is None else hashed(call.session_id))
        if call.span is not None:
            own, parent, _ = _span(call.span, Kind.CALL)
            staged.places.append((row, own, parent))
        if options.joins or options.reader.judges:
            staged.ids += [(key, row) for key in {request, *map(hashed, call.ids)}]


def _scanned(table: Any, options: StagingOptions, tally: Tally) -> Any:
    kinds = {field.name: field.type for field in table.schema}
    held = {ANSWER} if kinds.get(ANSWER) == pyarrow_modules().string() else set()
    for name in ("prompt", "messages", *held):
        position = table.schema.get_field_index(name)
        column = table.column(name).combine_chunks()
        clean, found = scan_column(column, options.redact)
        tally.personal.update(found)
        if options.redact:
            table = table.set_column(position, name, clean)
    step = max(1, table.num_rows // LANGUAGE_SAMPLE)
    rows = range(0, table.num_rows, step)
    prompts, messages = table.column("prompt"), table.column("messages")
    texts = [prompts[i].as_py() or prompt_text(json.loads(messages[i].as_py() or '[{"role":"user"}]')) for i in rows]
    tally.languages.update(language_mix(texts))
    return table
