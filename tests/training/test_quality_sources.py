"""How much a quality counts by who gave it: read from the column, told by the recipe, felt by the fits."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter.judgements import PRECISION, source_named
from arbiter.vocabulary import FeedbackSource
from arbiter_training.quality_sources import SourceWeights, counted, judged_only, shares_told
from arbiter_training.recipe import read_recipe
from arbiter_training.traffic import OutcomeMatrix, describe, pivot, traffic_from_records

NAMED = ("human", "judge:gpt-4o", "implicit:rephrase", "reference", None, "some tool")


def matrix(sources: tuple[str | None, ...] = NAMED, **more: Any) -> OutcomeMatrix:
    """Give one request for each source, all answered by one of two models and judged at .5."""
    rows = [
        {
            "request_id": f"r{i}",
            "prompt": f"request {i}",
            "model": "ab"[i % 2],
            "quality": 0.5,
            "quality_source": source,
        }
        for i, source in enumerate(sources)
    ]
    return pivot(traffic_from_records([{**row, **more} for row in rows]))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("human", FeedbackSource.HUMAN), ("judge:gpt-4o", FeedbackSource.JUDGE), ("judge", FeedbackSource.JUDGE),
        ("implicit:edit", FeedbackSource.IMPLICIT), ("reference", FeedbackSource.CODE), ("code", FeedbackSource.CODE),
        ("unknown", None), (None, None), ("", None), (3, None),
    ],
)  # fmt: skip
def test_a_sources_name_is_what_stands_before_the_colon(name: object, source: FeedbackSource | None) -> None:
    """A reference is a check by code."""
    assert source_named(name) is source


def test_a_log_without_sources_trusts_all_alike() -> None:
    """So that nothing changes for who names none."""
    table = traffic_from_records([{"request_id": "r", "prompt": "p", "model": "m", "quality": 0.5}])
    assert (SourceWeights().trust(pivot(table)) == 1.0).all() and describe(table).judged_by == {}


def test_the_weights_are_those_of_learning_online() -> None:
    """One home: a judge's outcome counts for half of a person's, here as there."""
    outcomes = matrix()
    trust = SourceWeights().trust(outcomes)[outcomes.observed]
    wanted = [PRECISION[source] for source in (FeedbackSource.HUMAN, FeedbackSource.JUDGE, FeedbackSource.IMPLICIT)]
    assert trust.tolist() == [*wanted, 1.0, 1.0, 1.0]
    told = " Judged by unknown 33%, human 17%, judge 17%, implicit 17%, code 17%."
    assert shares_told(outcomes) == told and shares_told(matrix((None,))) == ""
    assert counted(outcomes) == {"unknown": 2, "human": 1, "judge": 1, "implicit": 1, "code": 1}


def test_a_weight_of_0_leaves_a_source_out() -> None:
    """And a recipe that leaves nothing is refused with what there was."""
    outcomes = matrix()
    assert np.isnan(SourceWeights(implicit=0.0).heard(outcomes)).sum() == np.isnan(outcomes.quality).sum() + 1
    with pytest.raises(InvalidInputError, match=r"leaves no quality to learn from; the log has judge 2"):
        SourceWeights(judge=0.0).heard(matrix(("judge", "judge:x")))
    with pytest.raises(InvalidInputError, match="judge must be a number from 0 up, got -1"):
        SourceWeights(judge=-1.0)


def test_sources_survive_the_way_back_to_a_table() -> None:
    """Also of requests that several models were scored on, by different sources."""
    rows = [
        {"request_id": "r", "prompt": "p", "model": model, "quality": 0.5, "quality_source": source}
        for model, source in (("a", "human"), ("b", "judge:x"))
    ]
    outcomes = pivot(traffic_from_records(rows))
    again = pivot(outcomes.to_table())
    assert (again.quality_source == outcomes.quality_source).all() and counted(again) == {"human": 1, "judge": 1}


def test_a_recipe_tells_the_weights(tmp_path: Path) -> None:
    """By their names; a wrong one is told with the nearest."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[learn.quality_sources]\njudge = 0.25\nimplicit = 0\n")
    found = read_recipe(recipe).learn.quality_sources
    assert found == dataclasses.replace(SourceWeights(), judge=0.25, implicit=0.0)
    recipe.write_text("[learn.quality_sources]\njudges = 0.25\n")
    with pytest.raises(InvalidInputError, match="did you mean 'judge'"):
        read_recipe(recipe)


def test_the_report_says_who_judged() -> None:
    """By the log's own names."""
    rows = [
        {"request_id": f"r{i}", "prompt": f"p{i}", "model": "m", "quality": q, "quality_source": source}
        for i, (q, source) in enumerate([(0.1, "human"), (0.2, "judge:x"), (0.3, "judge:x"), (None, "human")])
    ]
    told = describe(traffic_from_records(rows))
    assert told.judged_by == {"judge:x": 2, "human": 1} and "judged by     judge:x 2, human 1" in told.lines()


def test_an_evaluation_may_count_some_sources_only() -> None:
    """The others' qualities are unknown then; a name that is none, and one that has judged nothing, are refused."""
    rows = [
        {"request_id": f"r{i}", "prompt": f"p{i}", "model": "m", "quality": i / 4, "quality_source": source}
        for i, source in enumerate(("human", "judge:x", "reference", None))
    ]
    table = traffic_from_records(rows)
    np.testing.assert_equal(judged_only(table, ("human", "code")).quality, [0.0, np.nan, 0.5, np.nan])
    np.testing.assert_equal(judged_only(table, ("unknown",)).quality, [np.nan, np.nan, np.nan, 0.75])
    assert judged_only(table, ()) is table
    with pytest.raises(InvalidInputError, match="no source of quality is called 'people'; there are human"):
        judged_only(table, ("people",))
    with pytest.raises(InvalidInputError, match="no row is judged by implicit"):
        judged_only(table, ("implicit",))
