"""Laws of the pivot: each cell in its place, and inclusion probabilities by their rule."""

from pathlib import Path

import numpy as np
import pytest

from arbiter_training.traffic import pivot, read_traffic, traffic_from_records

SAMPLE = Path(__file__).resolve().parents[2] / "datasets" / "sample_traffic" / "sample.jsonl"


def row(request: str, model: str, quality: float | None = 0.5, **more: object) -> dict[str, object]:
    return {"request_id": request, "prompt": f"text {request}", "model": model, "quality": quality, **more}


def test_cells_by_hand() -> None:
    """Three rows of two requests and two models land where they belong; the rest is unknown."""
    matrix = pivot(traffic_from_records([row("x", "b", 0.1), row("y", "a", 0.2, cost_usd=3), row("x", "a", None)]))
    assert matrix.models == ("a", "b")
    assert matrix.request_ids.tolist() == ["x", "y"]
    np.testing.assert_array_equal(matrix.observed, [[True, True], [True, False]])
    np.testing.assert_array_equal(matrix.quality, [[np.nan, 0.1], [0.2, np.nan]])
    np.testing.assert_array_equal(matrix.cost_usd, [[np.nan, np.nan], [3, np.nan]])
    assert not matrix.full_information and not matrix.one_per_request
    assert [query.text for query in matrix.queries] == ["text x", "text y"]


def test_inclusion_follows_the_rule() -> None:
    """Logged where logged; 1 where several were scored without one; unknown where one was logged without one."""
    rows = [row("x", "a"), row("x", "b"), row("y", "a"), row("z", "b", propensity=0.3), row("w", "a"), row("w", "c")]
    rows[4]["propensity"] = 0.4
    nan = np.nan
    expected = [[1, 1, nan], [nan, nan, nan], [nan, 0.3, nan], [0.4, nan, nan]]
    np.testing.assert_array_equal(pivot(traffic_from_records(rows)).propensity, expected)


def test_full_information_is_always_included() -> None:
    """Where every cell was scored nothing was left to chance, even if choice probabilities are logged."""
    matrix = pivot(traffic_from_records([row("x", "a", propensity=0.3), row("x", "b", propensity=0.7)]))
    np.testing.assert_array_equal(matrix.propensity, [[1.0, 1.0]])
    assert matrix.full_information


def test_one_model_alone_needs_its_propensity() -> None:
    """A log of a single model is a serving log, not full information by design: its inclusion is not known."""
    matrix = pivot(traffic_from_records([row("x", "a"), row("y", "a")]))
    assert matrix.one_per_request and np.isnan(matrix.propensity).all()


def test_clusters_and_times() -> None:
    """Requests of a session share a code, others stand alone; a request's time is its earliest."""
    rows = [
        row("x", "a", session_id="s", timestamp="2026-01-02T00:00:00Z"),
        row("x", "b", session_id="s", timestamp="2026-01-01T00:00:00Z"),
        row("s", "a"),
        row("z", "a", session_id="s"),
    ]
    matrix = pivot(traffic_from_records(rows))
    assert matrix.clusters.tolist() == [0, 1, 0]
    assert matrix.timestamps[0] == np.datetime64("2026-01-01") and np.isnat(matrix.timestamps[1])
    assert [query.session_id for query in matrix.queries] == ["s", None, "s"]


def test_labels_and_extras_are_per_request() -> None:
    """A label is the first that is known; an extra column that varies within a request is left to the table."""
    rows = [row("x", "a", team="t", line=1), row("x", "b", risk="high", team="t", line=2), row("y", "a", team="u")]
    matrix = pivot(traffic_from_records(rows))
    assert matrix.labels["risk"].tolist() == ["high", None]
    assert list(matrix.extras) == ["team"] and matrix.extras["team"].tolist() == ["t", "u"]


def test_subset_and_table_invert() -> None:
    """Back to a table and pivoted again is the same matrix; a subset is the rows of the whole."""
    matrix = pivot(read_traffic(SAMPLE))
    again = pivot(matrix.to_table())
    for name in ("quality", "cost_usd", "latency_s", "output_tokens", "input_tokens", "observed", "ok", "propensity"):
        np.testing.assert_array_equal(getattr(again, name), getattr(matrix, name))
    assert again.queries == matrix.queries
    part = matrix.subset(np.array([5, 2]))
    np.testing.assert_array_equal(part.cost_usd, matrix.cost_usd[[5, 2]])
    assert part.queries == (matrix.queries[5], matrix.queries[2]) and part.models == matrix.models


def test_an_error_is_not_ok_and_not_zero() -> None:
    """A timeout was asked but is not ok, and its quality is unknown."""
    matrix = pivot(read_traffic(SAMPLE))
    cell = (matrix.request_ids.tolist().index("sample-034"), matrix.models.index("gpt-4o-mini"))
    assert matrix.observed[cell] and not matrix.ok[cell] and np.isnan(matrix.quality[cell])


def test_the_record_is_frozen() -> None:
    """A matrix is not changed in place."""
    with pytest.raises(AttributeError):
        pivot(traffic_from_records([row("x", "a")])).models = ()  # type: ignore[misc]
