"""Langfuse's observations and scores: authored in the shapes of its API (5.0.4) and of its blob export."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from import_runs import imported, reason_of, write_lines

from arbiter_training.importing.formats.langfuse import Langfuse
from arbiter_training.importing.items import Reason

GENERATION: dict[str, Any] = {
    "id": "o-1", "traceId": "t-1", "type": "GENERATION", "name": "answer", "level": "DEFAULT", "model": "gpt-4o",
    "startTime": "2026-03-01T10:00:00.000Z", "endTime": "2026-03-01T10:00:02.500Z",
    "completionStartTime": "2026-03-01T10:00:00.400Z", "input": [{"role": "user", "content": "What is a fjord?"}],
    "output": {"role": "assistant", "content": "An inlet."}, "usageDetails": {"input": 5, "output": 3, "total": 8},
    "costDetails": {"input": 0.001, "output": 0.002, "total": 0.003}, "totalCost": 0.003, "sessionId": "s-1",
    "parentObservationId": None, "isRootObservation": True, "metadata": {"arbiter": {"propensity": 0.5}},
}  # fmt: skip
SCORE: dict[str, Any] = {
    "id": "x", "traceId": "t-1", "name": "helpful", "value": 1, "dataType": "BOOLEAN", "source": "ANNOTATION",
    "timestamp": "2026-03-01T11:00:00.000Z",
}  # fmt: skip


def snake(record: dict[str, Any]) -> dict[str, Any]:
    """Give a record with the blob export's names; its times have a space, and no zone."""
    names = {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in record.items()}
    return {
        k: v.replace("T", " ").replace("Z", "000") if "time" in k and isinstance(v, str) else v
        for k, v in names.items()
    }


def check(row: dict[str, Any]) -> None:
    assert (row["prompt"], row["model"], row["session_id"], row["status"]) == (
        "What is a fjord?",
        "gpt-4o",
        "s-1",
        "ok",
    )
    assert (row["latency_s"], row["ttft_s"], row["cost_usd"]) == (2.5, 0.4, 0.003)
    assert (row["input_tokens"], row["output_tokens"], row["propensity"]) == (5, 3, 0.5)
    assert (row["quality"], row["quality_source"]) == (1.0, "human")
    assert row["timestamp"].isoformat() == "2026-03-01T10:00:00+00:00"


def test_api_names_and_export_names_say_the_same(tmp_path: Path) -> None:
    """Camel case as JSONL, snake case as gzipped JSONL in folders, a trace with both inside."""
    check(imported(tmp_path, write_lines(tmp_path / "api.jsonl", [GENERATION, SCORE])).rows[0])
    for kind, record in (("observations_v2", snake(GENERATION)), ("scores", snake(SCORE))):
        (tmp_path / "blob" / kind).mkdir(parents=True)
        (tmp_path / "blob" / kind / "0.jsonl.gz").write_bytes(gzip.compress((json.dumps(record) + "\n").encode()))
    found = imported(tmp_path, tmp_path / "blob")
    assert found.report.format == "langfuse"
    check(found.rows[0])
    inside = {name: value for name, value in GENERATION.items() if name not in ("traceId", "sessionId")}
    trace = {"id": "t-1", "sessionId": "s-1", "observations": [inside], "scores": [SCORE]}
    (tmp_path / "trace.json").write_text(json.dumps(trace, indent=1))
    check(imported(tmp_path, tmp_path / "trace.json").rows[0])


def test_only_main_calls_are_rows(tmp_path: Path) -> None:
    """A tool's and an evaluator's own generations are left out, and so is what is no generation."""
    records = [
        GENERATION,
        {"id": "tool", "traceId": "t-1", "type": "TOOL"},
        GENERATION | {"id": "o-2", "parentObservationId": "tool"},
        {"id": "eval", "traceId": "t-1", "type": "EVALUATOR"},
        GENERATION | {"id": "o-3", "parentObservationId": "eval"},
        GENERATION | {"id": "o-4", "name": "title-generation"},
    ]
    found = imported(tmp_path, write_lines(tmp_path / "log.jsonl", records))
    assert found.report.kept == 1
    assert found.dropped() == {Reason.NOT_A_CALL: 2, Reason.SUB_AGENT: 1, Reason.INTERNAL: 1, Reason.TITLE: 1}


@pytest.mark.parametrize(
    ("score", "quality"),
    [
        ({"dataType": "NUMERIC", "value": 0.25}, 0.25),
        ({"dataType": "NUMERIC", "value": 25}, None),
        ({"dataType": "CATEGORICAL", "value": 0, "stringValue": "Good"}, 1.0),
        ({"dataType": "TEXT", "value": "well said"}, None),
        ({"traceId": None, "observationId": "o-1"}, 1.0),
        ({"traceId": None, "subject": {"kind": "observation", "id": "o-1"}}, 1.0),
        ({"traceId": None, "sessionId": "s-1"}, None),
    ],
)
def test_scores_by_kind_and_target(tmp_path: Path, score: dict[str, Any], quality: float | None) -> None:
    """Numbers in [0, 1], labels and truth values are quality; prose and other scales are not, and are counted."""
    found = imported(tmp_path, write_lines(tmp_path / "log.jsonl", [GENERATION, SCORE | score]))
    assert found.rows[0]["quality"] == quality


def test_an_error_is_a_status_and_ids_are_needed() -> None:
    """The level ERROR, with its message."""
    (call,) = Langfuse().read(GENERATION | {"level": "ERROR", "statusMessage": "Rate_limit reached"})
    assert call.status == "rate_limited"  # type: ignore[union-attr]
    assert reason_of(Langfuse(), GENERATION | {"id": None}) == Reason.NOT_THE_FORMAT
