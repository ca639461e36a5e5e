"""Segments, estimated propensities, and the plan that makes knowable what a log cannot tell."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import small_learned, small_truth

from arbiter.bundle import save_bundle
from arbiter.errors import InvalidInputError, NotEvaluableError
from arbiter_training.jobs.evaluate import EvaluateJob, run
from arbiter_training.simulate import ByPromptLength, simulate_log
from arbiter_training.traffic import OutcomeMatrix, write_traffic


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a learned router."""
    folder = tmp_path_factory.mktemp("bundle") / "mine"
    save_bundle(small_learned().router, folder)
    return folder


def logged(folder: Path, outcomes: OutcomeMatrix) -> Path:
    """Write a log with a tenant on every request."""
    tenants = np.array(["red" if i % 4 < 2 else "blue" for i in range(outcomes.n)], dtype=object)
    path = folder / "log.jsonl"
    write_traffic(replace(outcomes, extras={"tenant": tenants}).to_table(), path)
    return path


def job(path: Path, bundle: Path, **options: object) -> EvaluateJob:
    return EvaluateJob(traffic=(path,), policies=(str(bundle),), **options)  # type: ignore[arg-type]


def quiet(_: str) -> None:
    """Say nothing."""


def test_segments_are_the_gatekeepers_and_those_asked_for(tmp_path: Path, bundle: Path) -> None:
    """Each dimension's segments together are all requests, and only routers are judged on them."""
    path = logged(tmp_path, small_truth(200, seed=4))
    report = run(job(path, bundle, segments=("tenant",)), quiet)
    found = {s.dimension: 0 for s in report.segments}
    for segment in report.segments:
        found[segment.dimension] += segment.n_requests
        assert segment.policy == str(bundle)
    assert found == dict.fromkeys(("domain", "complexity", "risk", "tenant"), 200)
    red = next(s for s in report.segments if (s.dimension, s.value) == ("tenant", "red"))
    whole = report.row(str(bundle)).differences["quality"]
    part = red.differences["quality"]
    assert part is not None and whole is not None
    assert part.high - part.low > whole.high - whole.low  # type: ignore[operator]  # fewer rows, wider for their number


def test_a_segment_column_that_is_not_there_is_named(tmp_path: Path, bundle: Path) -> None:
    """One line, with the columns that there are."""
    path = logged(tmp_path, small_truth(60, seed=4))
    with pytest.raises(InvalidInputError, match=r"no column 'tenent'.*tenant"):
        run(job(path, bundle, segments=("tenent",)), quiet)


def without_propensities(folder: Path) -> Path:
    log = simulate_log(small_truth(400, seed=5), ByPromptLength(exploration=0.6), 1)
    return logged(folder, replace(log, propensity=np.full(log.propensity.shape, np.nan)))


def test_a_log_without_propensities_is_refused_with_a_plan(tmp_path: Path, bundle: Path) -> None:
    """The refusal says what share of the traffic to randomise, for how long, at what price."""
    with pytest.raises(NotEvaluableError, match=r"no propensity.*at 250 requests a day: .*(randomise|widen)"):
        run(job(without_propensities(tmp_path), bundle, requests_per_day=250.0), quiet)


def test_estimated_propensities_are_called_observational(tmp_path: Path, bundle: Path) -> None:
    """With them there are numbers, and every verdict names what they rest on."""
    report = run(job(without_propensities(tmp_path), bundle, observational=True), quiet)
    for row in report.rows:
        assert row.verdict != "sound"
        assert any("observational" in reason or "estimated" in reason for reason in row.reasons), row.reasons
