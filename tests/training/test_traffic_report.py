"""The report counts what is there and reads as JSON and as lines."""

import json
from pathlib import Path

import numpy as np

from arbiter_training.traffic import describe, read_traffic, traffic_from_records
from arbiter_training.traffic.report import FeedbackKind, Propensities

SAMPLE = Path(__file__).resolve().parents[2] / "datasets" / "sample_traffic" / "sample.jsonl"


def row(request: str, model: str, **more: object) -> dict[str, object]:
    return {"request_id": request, "prompt": f"an entirely own text for {request * 9}", "model": model, **more}


def test_the_sample_by_its_card() -> None:
    """The sample is what its README says: 60 requests, three models, four sessions, no propensities."""
    report = describe(read_traffic(SAMPLE))
    assert (report.requests, report.rows, len(report.models), report.sessions) == (60, 180, 3, 4)
    assert report.feedback is FeedbackKind.FULL_INFORMATION and report.propensities is Propensities.MISSING
    assert report.models["gpt-4o-mini"].errors == 1 and 0.9 < report.share_judged < 1.0
    assert report.first == "2026-03-02T08:14:12Z" and report.near_duplicate_groups == 0


def test_means_are_over_what_is_known() -> None:
    """Unknown quality does not count as 0, and a model without any has none."""
    rows = [row("a", "m", quality=1.0), row("b", "m"), row("c", "m", quality=0.0), row("d", "k", cost_usd=2.0)]
    models = describe(traffic_from_records(rows)).models
    assert (models["m"].mean_quality, models["m"].judged, models["m"].rows) == (0.5, 2, 3)
    assert models["k"].mean_quality is None and models["k"].mean_cost_usd == 2.0


def test_kinds_of_feedback_and_propensity() -> None:
    """One per request, mixed, and how far propensities reach."""
    single = describe(traffic_from_records([row("a", "m", propensity=0.5), row("b", "k", propensity=1)]))
    assert (single.feedback, single.propensities) == (FeedbackKind.ONE_PER_REQUEST, Propensities.PRESENT)
    mixed = describe(traffic_from_records([row("a", "m", propensity=0.5), row("a", "k"), row("b", "k")]))
    assert (mixed.feedback, mixed.propensities) == (FeedbackKind.MIXED, Propensities.PARTLY)


def test_twins_and_duplicates_are_counted() -> None:
    """Prompts that differ in case are a group; equal rows are dropped and said to be."""
    rows = [row("a", "m"), row("a", "m"), row("b", "m", prompt="Hello you"), row("c", "m", prompt="hello  YOU")]
    report = describe(traffic_from_records([r | {"prompt": r["prompt"]} for r in rows]))
    assert (report.near_duplicate_groups, report.near_duplicate_requests, report.duplicates_dropped) == (1, 2, 1)
    assert "1 exact duplicates dropped" in report.lines()[0]
    assert describe(traffic_from_records(rows), near_duplicates=False).near_duplicate_groups is None


def test_json_and_lines_hold() -> None:
    """The report survives JSON, and every line is one line."""
    report = describe(read_traffic(SAMPLE))
    assert json.loads(json.dumps(report.to_json()))["requests"] == 60
    assert all("\n" not in line for line in report.lines())
    naive = describe(traffic_from_records([row("a", "m", timestamp="2026-01-01T00:00:00")]))
    assert any("1 without a zone, read as UTC" in line for line in naive.lines())


def test_describe_reads_only() -> None:
    """Describing leaves the table as it is."""
    table = read_traffic(SAMPLE)
    before = table.fingerprint()
    describe(table)
    assert table.fingerprint() == before and isinstance(table.quality, np.ndarray)
