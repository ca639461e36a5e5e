"""Laws of splitting: nothing on one side gives away the other, and the seed decides alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from arbiter.errors import InvalidInputError
from arbiter_training.split import Split, fold_numbers, folds, forward_split, group_split, groups_of
from arbiter_training.traffic import pivot, read_traffic, traffic_from_records

SAMPLE = Path(__file__).resolve().parents[2] / "datasets" / "sample_traffic" / "sample.jsonl"
GROUPS = st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda codes: len(set(codes)) >= 2)


def parts_of(split: Split, n: int) -> None:
    everything = np.concatenate([split.train, split.test, split.left_out])
    assert sorted(everything.tolist()) == list(range(n))


@settings(max_examples=60, deadline=None)
@given(GROUPS, st.floats(0.05, 0.95), st.integers(0, 5))
def test_no_group_is_on_both_sides(codes: list[int], share: float, seed: int) -> None:
    """Every request is in one part, no group in two, neither part is empty, and the seed repeats it."""
    groups = np.array(codes)
    split = group_split(groups, share, seed)
    parts_of(split, groups.size)
    assert not set(groups[split.train]) & set(groups[split.test])
    assert split.train.size and split.test.size
    np.testing.assert_array_equal(split.test, group_split(groups, share, seed).test)


@settings(max_examples=60, deadline=None)
@given(GROUPS, st.integers(0, 5))
def test_folds_cover_everything_once(codes: list[int], seed: int) -> None:
    """Test parts are disjoint and together all requests; sizes differ by no more than the largest group."""
    groups = np.array(codes)
    k = min(3, np.unique(groups).size)
    splits = folds(groups, k, seed)
    tested = np.concatenate([split.test for split in splits])
    assert sorted(tested.tolist()) == list(range(groups.size))
    for split in splits:
        assert split.test.size and not set(groups[split.train]) & set(groups[split.test])
    sizes = np.bincount(fold_numbers(groups, k, seed), minlength=k)
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()


def test_single_groups_meet_the_share() -> None:
    """With a thousand groups of one the share is exact, and other seeds give other splits."""
    groups = np.arange(1000)
    assert group_split(groups, 0.2, 0).test.size == 200
    assert set(group_split(groups, 0.2, 0).test) != set(group_split(groups, 0.2, 1).test)


def test_groups_are_sessions_else_twins() -> None:
    """Requests of a session stay together, sessionless twins stay together, and a shared greeting joins no sessions."""
    prompts = {"a": ("s1", "hello there"), "b": ("s1", "what is a monad?"), "c": ("s2", "hello there")}
    prompts |= {"d": (None, "Hello there"), "e": (None, "hello  there"), "f": (None, "prove the lemma of Zorn")}
    rows = [{"request_id": r, "session_id": s, "prompt": p, "model": "m"} for r, (s, p) in prompts.items()]
    assert groups_of(pivot(traffic_from_records(rows))).tolist() == [0, 0, 1, 2, 2, 3]


def test_all_requests_may_have_sessions() -> None:
    """Where no prompt is left to compare, the sessions alone are the groups."""
    rows = [{"request_id": str(i), "session_id": "ab"[i % 2], "prompt": "x", "model": "m"} for i in range(4)]
    assert groups_of(pivot(traffic_from_records(rows))).tolist() == [0, 1, 0, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), min_size=5, max_size=60), st.floats(0.1, 0.9))
def test_forward_split_learns_from_the_past_only(pairs: list[tuple[int, int]], share: float) -> None:
    """Every training request is earlier than every test request, and no group is in both."""
    groups = np.array([group for group, _ in pairs])
    times = np.array([f"2026-01-01T00:{minute:02d}" for _, minute in pairs], dtype="datetime64[us]")
    try:
        split = forward_split(groups, times, share)
    except InvalidInputError:
        reject()  # it cannot be split so; the tests below say when
    parts_of(split, groups.size)
    assert times[split.train].max() < times[split.test].min()
    assert not set(groups[split.train]) & set(groups[split.test])


def test_forward_split_by_hand() -> None:
    """The late request of an early session is left out, and so is one without a time."""
    times = np.array(["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "NaT"], dtype="datetime64[us]")
    split = forward_split(np.array([0, 1, 0, 2, 3]), times, 0.5)
    assert (split.train.tolist(), split.test.tolist(), split.left_out.tolist()) == ([0, 1], [3], [2, 4])


def test_what_cannot_be_split_is_refused() -> None:
    """One group, a share of nothing, and equal times have no answer."""
    same = np.array(["2026-01-01"] * 3, dtype="datetime64[us]")
    with pytest.raises(InvalidInputError, match="2 folds of 1 groups"):
        group_split(np.zeros(5, dtype=np.int64), 0.2, 0)
    with pytest.raises(InvalidInputError, match=r"test_share is 1\.0"):
        group_split(np.arange(5), 1.0, 0)
    with pytest.raises(InvalidInputError, match="two or more different timestamps"):
        forward_split(np.arange(3), same, 0.5)
    with pytest.raises(InvalidInputError, match="no request after the cut"):
        forward_split(np.zeros(2, dtype=np.int64), np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[us]"), 0.5)


def test_the_sample_splits_by_time() -> None:
    """The sample's conversations stay on their side of the cut."""
    matrix = pivot(read_traffic(SAMPLE))
    split = forward_split(groups_of(matrix), matrix.timestamps, 0.3)
    assert split.train.size == 42 and split.test.size > 10
