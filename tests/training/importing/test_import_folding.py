"""Attempts at a request are folded, and judgements become a quality."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.errors import InvalidInputError
from arbiter_training.importing.fold import fold
from arbiter_training.importing.items import Reason
from arbiter_training.importing.quality import QualityRules, combined

START = datetime(2026, 1, 1, tzinfo=UTC)


def attempt(number: int, model: str = "a", status: str = "ok", **more: Any) -> dict[str, Any]:
    known = {
        "cost_usd": 0.5,
        "latency_s": 2.0,
        "ttft_s": None,
        "input_tokens": 1.0,
        "output_tokens": 2.0,
        "quality": None,
    }
    row = {
        "request_id": f"c{number}",
        "model": model,
        "status": status,
        "prompt": "p",
        "messages": None,
        "session_id": None,
    }
    return {**row, **known, "timestamp": START + timedelta(seconds=10 * number), "_half": None, **more}


class TestFold:
    """What becomes of the rows of one request."""

    def test_a_retry_costs_both_and_lasts_from_first_to_last(self) -> None:
        """Worked: two attempts of 0.5 dollars, the second begins after 10 s and takes 2."""
        folded = fold([(attempt(0, status="timeout"), ()), (attempt(1), ())])
        (row,) = folded.rows
        assert (row["request_id"], row["status"], row["cost_usd"], row["latency_s"]) == ("c0", "ok", 1.0, 12.0)
        assert folded.dropped == [(Reason.FOLDED, "c1")]

    def test_a_log_out_of_order_is_folded_in_the_order_of_time(self) -> None:
        """The fallback was written before the failure."""
        (row,) = fold([(attempt(1, "b"), ()), (attempt(0, "a", "error"), ())]).rows
        assert (row["model"], row["served_by"], row["status"]) == ("a", "b", "error")

    def test_a_success_ends_a_request(self) -> None:
        """The same words asked again are another request."""
        assert [r["request_id"] for r in fold([(attempt(0), ()), (attempt(1), ())]).rows] == ["c0", "c1"]

    def test_judgements_of_any_attempt_are_of_who_answered(self) -> None:
        """On a fallback: of the other model."""
        verdict = [(0.5, "helpful", "human", 0.0)]
        (row,) = fold([(attempt(0, status="error"), verdict), (attempt(1, "b"), ())]).rows
        assert (row["quality"], row["served_quality"], row["served_cost_usd"]) == (None, 0.5, 0.5)
        (row,) = fold([(attempt(0, status="error"), verdict), (attempt(1), ())]).rows
        assert (row["quality"], row["quality_source"]) == (0.5, "human")

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["ok", "error"]), st.integers(0, 3)), max_size=6))
    def test_every_attempt_is_a_row_or_dropped(self, made: list[tuple[str, str, int]]) -> None:
        """Whatever failed, repeated or came twice."""
        members = [(attempt(n, model, status), ()) for model, status, n in made]
        folded = fold(members) if members else None
        assert folded is None or len(folded.rows) + len(folded.dropped) == len(members)
        assert folded is None or len({(r["request_id"], r["model"]) for r in folded.rows}) == len(folded.rows)


@pytest.mark.parametrize(
    ("value", "quality"),
    [
        (True, 1.0), (False, 0.0), (0.25, 0.25), ("0.5", 0.5), ("Thumbs_Up", 1.0), ("wrong", 0.0), ("👎", 0.0),
        (3, None), (-0.1, None), ("so so", None), (None, None), ([1], None), (float("nan"), None),
    ],
)  # fmt: skip
def test_values_of_feedback(value: object, quality: float | None) -> None:
    """Truth values, numbers in [0, 1] and labels that people give; the rest says nothing."""
    assert QualityRules().quality("name", value) == quality


def test_scales_and_names() -> None:
    """One to five, also upside down; a scale without length is refused."""
    rules = QualityRules(scales={"stars": (1.0, 5.0), "errors": (10.0, 0.0)})
    assert (rules.quality("stars", 4), rules.quality("errors", 0), rules.quality("errors", 10)) == (0.75, 1.0, 0.0)
    with pytest.raises(InvalidInputError, match="two different numbers"):
        QualityRules(scales={"stars": (1.0, 1.0)})


def test_judgements_are_weighed_by_who_gave_them() -> None:
    """A human before a test before a judge; the latest of each name; the mean over names."""
    judge, early, late = (0.1, "a", "judge", 9.0), (0.0, "a", "human", 1.0), (1.0, "a", "human", 2.0)
    assert combined([judge]) == (0.1, "judge")
    assert combined([judge, late, early]) == (1.0, "human")
    assert combined([late, early, (0.5, "b", "human", 0.0)]) == (0.75, "human")
