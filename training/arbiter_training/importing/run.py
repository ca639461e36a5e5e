"""An import from its sources to its result: block by block, so that it can be killed at any time and go on."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from arbiter.errors import TrafficError
from arbiter_training.importing.blocks import Block, Source, log_files
from arbiter_training.importing.detect import LOOKED_AT, detect
from arbiter_training.importing.finish import Finisher, Part
from arbiter_training.importing.formats import Mapped, all_readers
from arbiter_training.importing.formats.feedback import FeedbackRecords
from arbiter_training.importing.index import ImportIndex, database_errors
from arbiter_training.importing.partition import check_target, write_tables
from arbiter_training.importing.quality import QualityRules
from arbiter_training.importing.reading import LogReader, Record
from arbiter_training.importing.report import ImportReport, report_of
from arbiter_training.importing.schema import known_columns, result_schema
from arbiter_training.importing.small_files import file_sources
from arbiter_training.importing.staging import Staged, StagingOptions, first_records
from arbiter_training.importing.stores import is_store, store_source
from arbiter_training.importing.tally import Tally
from arbiter_training.importing.workers import Pool
from arbiter_training.traffic.read_parquet import pyarrow_modules

Say = Callable[[str], None]

INDEX = "index.db"

VERSION = 2
"""Of what lies in the folder of a started import; one of another version is started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to import, and how.

    Attributes
    ----------
    sources : files, folders, or URLs of stores.
    out : Parquet file, or folder.
    format : name; None finds out.
    mapped : which columns are which, in flat files.
    rules : how feedback is read.
    feedback : further files of feedback.
    experiment : of an MLflow store.
    redact : whether personal data is replaced.
    answers : whether the texts of answers are kept.
    resume : whether a started import goes on.
    jobs : processes; 0 takes two for a large log.
    """

    sources: tuple[str, ...]
    out: Path
    format: str | None = None
    mapped: Mapped = field(default_factory=Mapped)
    rules: QualityRules = field(default_factory=QualityRules)
    feedback: tuple[Path, ...] = ()
    experiment: str | None = None
    redact: bool = False
    answers: bool = False
    resume: bool = True
    jobs: int = 0


def import_log(request: ImportRequest, say: Say) -> ImportReport:
    """Import a log.

    Parameters
    ----------
    request : what and how.
    say : is told what happens.

    Raises
    ------
    TrafficError
        If a source cannot be read, its format is not known or not clear, or no row of it can be used.
    InvalidInputError
        If the target cannot be written.
    MissingExtraError
        If a library is missing.
    """
    check_target(request.out)
    pyarrow_modules()
    sources = _sources(request)
    reader = _reader(request, sources)
    feedback = file_sources(log_files(request.feedback))
    options = StagingOptions(
        reader=reader,
        rules=request.rules,
        redact=request.redact,
        joins=bool(feedback) or reader.judges,
        answers=request.answers,
    )
    folder = request.out.with_name(f".{request.out.name}.import")
    with database_errors(folder / INDEX):
        started = _Started(folder, _mark(request, reader, [*sources, *feedback]), request.resume)
        try:
            started.read(sources, options, request.jobs, say)
            judging = StagingOptions(reader=FeedbackRecords(), rules=request.rules)
            started.read(feedback, judging, 1, say, skipped=len(sources))
            report = started.finish(request, reader, say)
        finally:
            started.index.close()
    shutil.rmtree(folder)
    return report


def _sources(request: ImportRequest) -> list[Source]:
    found: list[Source] = []
    for name in request.sources:
        if is_store(name):
            found.append(store_source(name, request.experiment))
        else:
            found += file_sources(log_files([name]))
    return found


def _reader(request: ImportRequest, sources: Sequence[Source]) -> LogReader:
    readers = all_readers(request.mapped)
    if request.format is not None:
        if request.format not in readers:
            raise TrafficError(f"no format {request.format!r}; there are {', '.join(readers)}")
        return readers[request.format]
    looked_at: list[Record] = []
    for source in sources[:LOOKED_AT]:
        blocks = source.blocks(0)
        looked_at += islice((record for block in islice(blocks, 1) for record in first_records(block)), 25)
        if len(looked_at) >= LOOKED_AT:
            break
    return detect(looked_at, readers, ", ".join(request.sources))


def _mark(request: ImportRequest, reader: LogReader, sources: Sequence[Source]) -> str:
    told = (
        VERSION,
        reader.name,
        repr(request.mapped),
        repr(request.rules),
        request.redact,
        request.answers,
        [s.mark for s in sources],
    )
    return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()


class _Started:
    """An import that has begun, maybe in an earlier process."""

    def __init__(self, folder: Path, mark: str, resume: bool) -> None:
        if folder.is_dir() and not (self._is_of(folder, mark) and resume):
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.index = ImportIndex(folder / INDEX)
        self.index.save("mark", mark)
        held = self.index.load("progress")
        self._progress: dict[str, Any] = held or {"source": 0, "row": 0, "parts": [], "columns": []}
        self.tally = Tally.from_state(self.index.load("tally")) if held else Tally()

    def _is_of(self, folder: Path, mark: str) -> bool:
        if not (folder / INDEX).is_file():
            return False
        index = ImportIndex(folder / INDEX)
        try:
            return bool(index.load("mark") == mark)
        finally:
            index.close()

    def read(self, sources: Sequence[Source], options: StagingOptions, jobs: int, say: Say, skipped: int = 0) -> None:
        """Stage what is not staged yet.

        Parameters
        ----------
        sources : in order.
        options : how blocks are read.
        jobs : processes.
        say : is told.
        skipped : how many sources come before these.
        """
        with Pool(jobs, options) as pool:
            for number, source in enumerate(sources, start=skipped):
                if number < self._progress["source"]:
                    continue
                done = self._progress["row"] if number == self._progress["source"] else 0
                if done:
                    say(f"{source.name}: goes on after row {done:,}")
                for block, staged in pool.staged(source.blocks(done)):
                    self._add(number, block, staged)
                    say(f"{source.name}: {block.after:,} rows")

    def _add(self, number: int, block: Block, staged: Staged) -> None:
        parts = self._progress["parts"]
        first = parts[-1][1] if parts else 0
        path = self._part(len(parts))
        arrow = pyarrow_modules()
        arrow.parquet.write_table(staged.table, path, compression="lz4")
        self.tally.add(staged.tally)
        columns = sorted({*self._progress["columns"], *known_columns(staged.table)})
        parts.append([first, first + staged.table.num_rows])
        self._progress = {"source": number, "row": block.after, "parts": parts, "columns": columns}
        self.index.add(staged, first, self._progress, self.tally)

    def _part(self, number: int) -> Path:
        return self._folder / f"part-{number:06d}.parquet"

    def finish(self, request: ImportRequest, reader: LogReader, say: Say) -> ImportReport:
        """Bring together and write."""
        say("bringing rows of one request together")
        self.index.join()
        parts = [Part(path=self._part(i), first=a, end=b) for i, (a, b) in enumerate(self._progress["parts"])]
        joined = self.index.count("joined")
        folds = self.index.has_traces() and self.index.has_attempts()
        schema = result_schema([p.path for p in parts], self._progress["columns"], joined > 0, folds)
        finisher = Finisher(self.index, parts, schema, self.tally)

        def tables() -> Iterator[Any]:
            for table in finisher.tables():
                say(f"{finisher.summary.rows:,} rows written")
                yield table
            if not finisher.summary.rows:
                raise TrafficError(_nothing_kept(request, reader, self.tally))

        write_tables(tables(), schema, request.out)
        return report_of(request.sources, reader.name, self.tally, finisher.summary, self.index)


def _nothing_kept(request: ImportRequest, reader: LogReader, tally: Tally) -> str:
    sources = ", ".join(request.sources)
    if not tally.rows:
        return f"{sources}: holds no rows in the format {reader.name}"
    reason, count = tally.dropped.most_common(1)[0]
    example = tally.examples.get(reason, [""])[0]
    return f"{sources}: none of {tally.rows:,} rows can be used, {count:,} of them: {reason} ({example})"
