"""A traffic table with qualities for the answers that nobody judged: batch by batch, the rest as it is.

References go before judges, judges before what askers did: the order of what a source is worth.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from arbiter.errors import InvalidInputError, TrafficError
from arbiter_training.importing.partition import check_target, write_tables
from arbiter_training.importing.staging import ANSWER
from arbiter_training.judging.behaviour import CODES, EARNED, EDITED, IMPLICIT, kept_share, next_turns
from arbiter_training.judging.exact import matches_reference
from arbiter_training.judging.judge import SELF, Judge, JudgeSettings, Question
from arbiter_training.traffic.columns import SOURCE, STATUS_OK
from arbiter_training.traffic.prompt_text import prompt_text
from arbiter_training.traffic.read_parquet import parquet_metadata, pyarrow_modules, record_batches

Say = Callable[[str], None]

BATCH_ROWS = 512
"""Rows whose questions are asked together."""

FAILED = "its model did not answer"
NOBODY = "nobody is asked who could judge it"

Row = dict[str, Any]

EXACT = "reference"
"""Source of a quality that a short reference answer gave; a judge's is ``judge:`` with its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRequest:
    """What to judge.

    Attributes
    ----------
    traffic : Parquet with a column ``answer`` (``arbiter import --answers``).
    out : Parquet file or folder.
    settings : who judges; None compares with references only.
    reference : column of reference answers: short ones are compared by their text, others by the judge.
    share : part of the unjudged rows that is judged, in (0, 1]; chosen by a hash of the request id, so that the same
        requests are chosen again, and all models' answers to one of them. What costs nothing is done for all.
    implicit : whether the asker's next turn counts where nobody else judges, see
        :func:`~arbiter_training.judging.behaviour.next_turns`.
    edited : column of answers as their askers changed them; what was kept counts where nobody else judges.
    """

    traffic: Path
    out: Path
    settings: JudgeSettings | None = None
    reference: str | None = None
    share: float = 1.0
    implicit: bool = False
    edited: str | None = None

    def __post_init__(self) -> None:
        if self.settings is None and self.reference is None and self.edited is None and not self.implicit:
            raise InvalidInputError(
                "nobody is asked: give a judge (--model gpt-4o), a column of references (--reference) or of edited "
                "answers (--edited), or take what askers did next (--implicit)"
            )
        if not 0.0 < self.share <= 1.0:
            raise InvalidInputError(f"--share must be in (0, 1], got {self.share:g}")


@dataclass(slots=True, kw_only=True)
class JudgeReport:
    """What came of it.

    Attributes
    ----------
    rows : of the table.
    known : rows that had a quality, which is kept.
    judged : source to rows that got one.
    left : reason to rows that are still without.
    cost_usd : of asking.
    quality_sum : of the qualities that were given, by source.
    """

    rows: int = 0
    known: int = 0
    judged: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    cost_usd: float = 0.0
    quality_sum: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Say it to people."""
        given = [
            f"  {source:<30} {count:>9,} rows, mean {self.quality_sum[source] / count:.3f}"
            for source, count in self.judged.most_common()
        ]
        left = [f"  {reason:<30} {count:>9,} rows" for reason, count in self.left.most_common()]
        now = f"{sum(self.judged.values()):,} now (${self.cost_usd:.4f})"
        head = f"{self.rows:,} rows, {self.known:,} judged before, {now}"
        return [head, *given, *(["still without a quality:", *left] if left else [])]

    def to_json(self) -> dict[str, Any]:
        """Say it to programs."""
        means = {source: self.quality_sum[source] / count for source, count in self.judged.items()}
        return {
            "rows": self.rows, "judged_before": self.known, "judged": dict(self.judged), "mean_quality": means,
            "left": dict(self.left), "cost_usd": self.cost_usd,
        }  # fmt: skip


def judge_traffic(request: JudgeRequest, say: Say) -> JudgeReport:
    """Judge what nobody judged, and write the table.

    Raises
    ------
    TrafficError, InvalidInputError
        If the table cannot be read or written, or lacks answers or references.
    MissingExtraError
        If a library is missing.
    """
    check_target(request.out)
    arrow = pyarrow_modules()
    columns = parquet_metadata(request.traffic).schema.to_arrow_schema()
    given_columns = [name for name in (request.reference, request.edited) if name is not None]
    for name in ([ANSWER] if given_columns or request.settings else []) + given_columns:
        if name not in columns.names:
            hint = "import it with --answers" if name == ANSWER else f"it has {', '.join(columns.names)}"
            raise TrafficError(f"{request.traffic}: no column {name!r}: {hint}")
    given = (arrow.field("quality", arrow.float64()), arrow.field(SOURCE, arrow.string()))
    schema = arrow.schema([*columns, *(field for field in given if field.name not in columns.names)])
    report = JudgeReport()
    judge = None if request.settings is None else Judge(request.settings)
    try:
        write_tables(_tables(request, judge, schema, report, say), schema, request.out)
    finally:
        if judge is not None:
            judge.close()
    return report


def _tables(request: JudgeRequest, judge: Judge | None, schema: Any, report: JudgeReport, say: Say) -> Iterator[Any]:
    arrow = pyarrow_modules()
    marks = next_turns(request.traffic) if request.implicit else None
    for batch in record_batches(request.traffic, BATCH_ROWS):
        rows = batch.to_pylist()
        here = bytes(len(rows)) if marks is None else bytes(marks[report.rows : report.rows + len(rows)])
        report.rows += len(rows)
        _fill(list(zip(rows, here, strict=True)), request, judge, report)
        say(f"{report.rows:,} rows, {sum(report.judged.values()):,} judged, ${report.cost_usd:.4f}")
        yield arrow.Table.from_pylist(rows, schema=schema)


def _fill(marked: list[tuple[Row, int]], request: JudgeRequest, judge: Judge | None, report: JudgeReport) -> None:
    """Judge rows, each with the mark of what its asker did next; what stays unjudged is counted by its reason."""
    asked: list[tuple[Row, int, Question]] = []
    for row, mark in marked:
        if row.get("quality") is not None:
            report.known += 1
            continue
        why = _left(row, request.share)
        question = None if why else _question(row, request.reference)
        matched = _matched(question)
        if matched is not None:
            _give(row, float(matched), EXACT, report)
        elif question is not None and judge is not None:
            asked.append((row, mark, question))
        else:
            _weakly(row, mark, request, report, why or NOBODY)
    verdicts = [] if judge is None else judge.verdicts([question for *_, question in asked])
    for (row, mark, _), verdict in zip(asked, verdicts, strict=True):
        report.cost_usd += verdict.cost_usd
        if verdict.quality is None:
            error = SELF.error if verdict is SELF else f"the judge failed: {verdict.error}"[:100]
            _weakly(row, mark, request, report, error)
        else:
            _give(row, verdict.quality, f"judge:{verdict.judge}", report)


def _left(row: Mapping[str, Any], share: float) -> str:
    """Say why a row's answer is not judged; empty where it is."""
    if (row.get("status") or STATUS_OK) != STATUS_OK or row.get("served_by"):
        return FAILED
    if not row.get(ANSWER):
        return "no text of the answer"
    digest = blake2b(str(row["request_id"]).encode("utf-8", "replace"), digest_size=8).digest()
    return "" if int.from_bytes(digest, "big") < share * 2**64 else "not among the share that is judged"


def _matched(question: Question | None) -> bool | None:
    if question is None or question.reference is None:
        return None
    return matches_reference(question.answer, question.reference)


def _weakly(row: Row, mark: int, request: JudgeRequest, report: JudgeReport, why: str) -> None:
    """Judge by what the asker did, where that is wanted and known; else count why the row has no quality."""
    edited = row.get(request.edited) if request.edited else None
    kind = CODES[mark]
    if why != FAILED and edited not in (None, "") and row.get(ANSWER):
        _give(row, kept_share(str(row[ANSWER]), str(edited)), f"{IMPLICIT}:{EDITED}", report)
    elif why != FAILED and kind is not None:
        _give(row, EARNED[kind], f"{IMPLICIT}:{kind}", report)
    else:
        report.left[why] += 1


def _question(row: Mapping[str, Any], reference: str | None) -> Question:
    messages = row.get("messages")
    request = prompt_text(json.loads(messages)) if messages else str(row.get("prompt") or "")
    wanted = row.get(reference) if reference else None
    text = str(wanted) if wanted not in (None, "") else None
    return Question(model=str(row["model"]), request=request, answer=str(row[ANSWER]), reference=text)


def _give(row: Row, quality: float, source: str, report: JudgeReport) -> None:
    row["quality"], row[SOURCE] = quality, source
    report.judged[source] += 1
    report.quality_sum[source] += quality  # type: ignore[assignment]  # a counter of sums
