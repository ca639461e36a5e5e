"""Labels of logged requests, and where their sources disagree."""

from dataclasses import replace

import numpy as np

from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.intake import read_request
from arbiter_training.labels import (
    LEAST_OF_A_KIND,
    LabelSource,
    complexity_from_outcomes,
    conflicts_of,
    kinds_of,
    label_sources,
    labels_of,
    rule_labels,
)
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
    labels = labels_of(label_sources(outcomes(300, labelled=False)))
    assert set(labels) == {"complexity"}
    assert labels["complexity"].tolist() == [i % 5 for i in range(300)]


def test_a_label_in_the_log_goes_before_the_outcomes_and_the_conflict_is_reported() -> None:
    """The stated label is kept; how often and how far the outcomes differ is told, with the farthest first."""
    found = outcomes(250, labelled=True)
    sources = label_sources(found)
    assert "complexity" not in labels_of(sources)  # one kind only
    told = {(c.head, c.kept, c.other): c for c in conflicts_of(sources, found.request_ids.tolist())}
    conflict = told["complexity", "log", "outcomes"]
    assert (conflict.both, conflict.differ, conflict.far) == (250, 200, 150)
    assert len(conflict.request_ids) == 20
    assert conflict.request_ids[0] == "r4"
    assert str(conflict) == ("complexity: log and outcomes differ on 200 of 250 requests, by two levels or more on 150")


def test_one_source_cannot_disagree() -> None:
    """Nothing is told where only one speaks, or where all say the same."""
    alone = LabelSource(name="log", labels={"domain": np.array([1, -1])})
    other = LabelSource(name="judge", labels={"domain": np.array([-1, 2])})
    assert conflicts_of([alone], ["a", "b"]) == ()
    assert conflicts_of([alone, other], ["a", "b"]) == ()


def test_sources_are_ranked_and_never_averaged() -> None:
    """Of trivial and expert the higher ranked source's is taken, not the middle."""
    high = LabelSource(name="log", labels={"complexity": np.repeat([0, -1], 150)})
    low = LabelSource(name="judge", labels={"complexity": np.repeat([4, 3], 150)})
    assert labels_of([high, low])["complexity"].tolist() == [0] * 150 + [3] * 150


def test_nothing_is_fitted_on_the_keyword_rules() -> None:
    """They are asked for conflicts only."""
    rules = LabelSource(name="rules", labels={"domain": np.arange(300) % 2})
    assert labels_of([rules]) == {}


def test_rules_without_a_word_say_nothing() -> None:
    """Only a head that some term speaks on has a label by rule."""
    found = rule_labels([read_request("zxqv"), read_request("refactor this python class")], KeywordRules.default())
    assert found["domain"].tolist() == [-1, 0]
    assert found["stake"].tolist()[0] == -1


def test_too_few_labels_fit_no_head() -> None:
    """Below 200 labelled requests the shipped head stays."""
    assert labels_of(label_sources(outcomes(199, labelled=False))) == {}
    found = labels_of(label_sources(outcomes(200, labelled=False)))
    assert np.array_equal(found["complexity"][:5], np.arange(5))


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
