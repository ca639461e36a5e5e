"""Labels of logged requests, and where their sources disagree."""

from dataclasses import replace

import numpy as np

from arbiter_training.labels import LEAST_OF_A_KIND, complexity_from_outcomes, conflicts_of, kinds_of, labels_of
from arbiter_training.traffic import OutcomeMatrix, pivot, traffic_from_records


def outcomes(n: int, labelled: bool) -> OutcomeMatrix:
    """Give n requests, each answered by four models; request i fails on i modulo 5 of them."""
    records = []
    for i in range(n):
        for k in range(4):
            row: dict[str, object] = {"request_id": f"r{i}", "prompt": f"question {i}", "model": f"m{k}"}
            row |= {"quality": float(k >= i % 5), "domain": "math" if i % 2 else "homework"}
            if labelled:
                row["complexity"] = "trivial"
            records.append(row)
    return pivot(traffic_from_records(records))


def test_complexity_is_the_share_that_fails() -> None:
    """None, one, two, three, all of four failing are trivial to expert."""
    assert complexity_from_outcomes(outcomes(5, labelled=False)).tolist() == [0, 1, 2, 3, 4]


def test_outcomes_label_where_the_log_does_not() -> None:
    """Complexity comes from outcomes, and a domain outside the vocabulary is unknown, so too few are known."""
    labels = labels_of(outcomes(300, labelled=False))
    assert set(labels) == {"complexity"}
    assert labels["complexity"].tolist() == [i % 5 for i in range(300)]


def test_a_label_in_the_log_goes_before_the_outcomes_and_the_conflict_is_reported() -> None:
    """The stated label is kept; how often and how far the outcomes differ is told, with the farthest first."""
    found = outcomes(250, labelled=True)
    assert "complexity" not in labels_of(found)  # one kind only
    (conflict,) = conflicts_of(found)
    assert (conflict.kept, conflict.other) == ("log", "outcomes")
    assert (conflict.both, conflict.differ, conflict.far) == (250, 200, 150)
    assert len(conflict.request_ids) == 20
    assert conflict.request_ids[0] == "r4"


def test_without_stated_labels_nothing_conflicts() -> None:
    """One source cannot disagree."""
    assert conflicts_of(outcomes(10, labelled=False)) == ()


def test_too_few_labels_fit_no_head() -> None:
    """Below 200 labelled requests the shipped head stays."""
    assert labels_of(outcomes(199, labelled=False)) == {}
    assert np.array_equal(labels_of(outcomes(200, labelled=False))["complexity"][:5], np.arange(5))


def test_kinds_are_the_logs_own_names() -> None:
    """Whatever the vocabulary says of them; without such a column there are none."""
    found = outcomes(60, labelled=False)
    kinds = kinds_of(found, "domain")
    assert kinds is not None
    assert kinds.tolist() == [i % 2 for i in range(60)]  # homework, math
    assert kinds_of(found, "task") is None
    assert kinds_of(found, "") is None


def test_rare_kinds_and_unnamed_requests_have_none() -> None:
    """Too few of a kind are as if unnamed; a log that names less than half of its requests names none."""
    found = outcomes(60, labelled=False)
    names = np.array(["a"] * 25 + ["b"] * 25 + ["c"] * 5 + [None] * 5, dtype=object)
    assert LEAST_OF_A_KIND > 5
    kinds = kinds_of(replace(found, extras={"task": names}), "task")
    assert kinds is not None
    assert kinds.tolist() == [0] * 25 + [1] * 25 + [-1] * 10
    names[:40] = None
    assert kinds_of(replace(found, extras={"task": names}), "task") is None
