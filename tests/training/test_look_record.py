"""What is remembered of looks at a growing log."""

import pytest

from arbiter.errors import InvalidInputError
from arbiter_training.look_record import SAMPLE, LookRecord, contest_key, sample_of
from arbiter_training.sequential import LookPlan

RECORD = LookRecord(plan=LookPlan(planned_units=1000), quality_per_usd=15.0, against="version 2")


def ids(n: int) -> list[str]:
    return [f"r{i}" for i in range(n)]


def test_a_record_comes_back_as_it_was_written() -> None:
    """Text and back, after some looks; it fits a tag of MLflow after a thousand of them."""
    record = RECORD.after((), 100, ids(100)).after((100,), 200, ids(200))
    assert LookRecord.of_text(record.to_text()) == record
    assert record.looks == (100, 200) and len(record.sample) == SAMPLE
    assert len(RECORD.after(tuple(range(1000, 1500)), 10**7, ids(100)).to_text()) < 5000


def test_the_order_of_a_log_does_not_matter() -> None:
    """The same requests give the same sample."""
    assert sample_of(ids(500)) == sample_of(reversed(ids(500))) != sample_of(ids(499)[100:])


def test_a_log_that_lost_requests_is_no_later_look() -> None:
    """Growth is accepted, loss and standstill of another content are not."""
    record = RECORD.after((), 400, ids(400))
    assert record.earlier(800, ids(800)) == (400,)
    assert record.earlier(400, ids(400)) == ()
    for units, log in ((300, ids(300)), (400, ids(500)[100:]), (800, ids(1000)[200:])):
        with pytest.raises(InvalidInputError, match="one growing log"):
            record.earlier(units, log)


def test_a_plan_is_kept() -> None:
    """What the bounds are made of may not change; a plan that is not named again is the first one."""
    assert RECORD.agreed({"alpha": 0.05, "quality_per_usd": 15.0}) is RECORD
    with pytest.raises(InvalidInputError, match=r"quality_per_usd 15\.0, now 10\.0"):
        RECORD.agreed({"alpha": 0.05, "quality_per_usd": 10.0})


def test_a_contest_is_named_by_content_and_champion() -> None:
    """Neither the order of the files nor their folder matters; another champion is another contest."""
    files = {"a": "1", "b": "2"}
    assert contest_key(files, 1) == contest_key(dict(reversed(files.items())), 1)
    assert len({contest_key(files, 1), contest_key(files, None), contest_key({"a": "1"}, 1)}) == 3
