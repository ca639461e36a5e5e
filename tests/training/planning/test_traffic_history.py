"""Traffic as the history of use cases: cut by segment, in order, under the catalog's names."""

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import CHEAP, DEAR, small_truth, write_jsonl

from arbiter.catalog import Catalog
from arbiter.errors import PlanError
from arbiter.intake import read_request
from arbiter.planning import plan_file
from arbiter.planning.history import weighed_mean
from arbiter_training.planning.repetition import repetition
from arbiter_training.planning.traffic_history import HistorySource
from arbiter_training.traffic import write_traffic

TODAY = datetime.date(2026, 12, 1)
RECORDS = [
    {
        "request_id": f"r{i}",
        "prompt": f"question {i} of its own kind " + "abcdefghij"[i % 10] * i,
        "model": model,
        "quality": 0.9 if model == "openai/gpt-4o" else 0.8,
        "cost_usd": 0.002 + 0.00001 * i,
        "input_tokens": 100 + i,
        "output_tokens": 50 + i % 7,
        "latency_s": 1.0,
        "timestamp": f"2026-11-{30 - i // 10:02d}T00:00:00Z",
        "task": "hard" if i % 4 == 0 else "easy",
    }
    for i in range(200)
    for model in ("openai/gpt-4o", "claude-haiku-4-5-20251001", "gpt-unknown-9")
]
FILE = """
[[use_case]]
name = "hard"
workload = "batch"
requests_per_day = 100
segment = { task = "hard" }
[[use_case]]
name = "all"
workload = "batch"
requests_per_day = 100
"""


@pytest.fixture
def source(tmp_path: Path) -> HistorySource:
    """Give a log of two known models and a strange one."""
    write_jsonl(tmp_path / "log.jsonl", RECORDS)
    (tmp_path / "plan.toml").write_text(FILE)
    return HistorySource([tmp_path / "log.jsonl"])


def test_segments_names_and_order(tmp_path: Path, source: HistorySource) -> None:
    """A quarter of the requests is hard; names are the catalog's; costs come in order of time."""
    seen = []

    def read(*arguments):  # type: ignore[no-untyped-def]  # tests
        seen.append(source.read(*arguments))
        return seen[0]

    plan = plan_file(tmp_path / "plan.toml", Catalog.default(), TODAY, read)
    history = seen[0]
    hard, everything = history.of("hard"), history.of("all")
    assert (hard.requests, everything.requests) == (50, 200)
    assert set(hard.models) == {"gpt-4o", "claude-haiku-4-5", "gpt-unknown-9"}
    assert hard.models["gpt-4o"].quality.size == 50 and everything.comparable
    costs = everything.models["gpt-4o"].cost_usd
    assert costs[0] == pytest.approx(0.0039) and costs[-1] == pytest.approx(0.00209)  # the last days come first
    assert any("gpt-unknown-9 of the traffic is not in the catalog" in note for note in plan.notes)
    assert {each.model for each in plan.backtests} == {"gpt-4o", "claude-haiku-4-5", "gpt-unknown-9"}
    assert any("was billed" in note for note in plan.notes)
    assert everything.repetition is not None and everything.routing is None
    assert {each.use_case for each in plan.recommendations} == {"hard", "all"}


def test_models_that_the_catalog_lacks_are_priced_by_litellms_table(tmp_path: Path) -> None:
    """And told; what nobody knows stays out."""
    models = ("gpt-4.1-nano", "gpt-4o", "gpt-unknown-9")
    write_jsonl(tmp_path / "log.jsonl", [{**RECORDS[0], "model": model} for model in models])
    catalog, notes = HistorySource([tmp_path / "log.jsonl"]).extended(Catalog.default())
    assert set(catalog.names) - set(Catalog.default().names) == {"gpt-4.1-nano"}
    assert catalog["gpt-4.1-nano"].usd_per_mtok_in > 0 and len(notes) == 1


@pytest.mark.parametrize(
    ("segment", "told"),
    [('{ kind = "x" }', "the traffic has not; it has task"), ('{ task = "x" }', "matches no request")],
)
def test_a_segment_that_is_not_there(tmp_path: Path, source: HistorySource, segment: str, told: str) -> None:
    """Is a problem of the file, beside the others."""
    (tmp_path / "plan.toml").write_text(FILE.replace('{ task = "hard" }', segment) + "quality_floor = 0.999\n")
    with pytest.raises(PlanError) as caught:
        plan_file(tmp_path / "plan.toml", Catalog.default(), TODAY, source.read)
    assert sum(told in problem for problem in caught.value.problems) == 1
    assert sum("is reached by no model" in problem for problem in caught.value.problems) == 1
    assert len(caught.value.problems) == 2  # that no model may serve what could not be read is not told as well


def test_a_log_that_chose_by_request_is_weighed_by_its_propensities(tmp_path: Path) -> None:
    """Hard requests go to the dear model with 0.8, easy ones to the cheap one; weighed means are near those of all."""
    truth, log = _chosen_by_request()
    write_traffic(log, tmp_path / "log.jsonl")
    (tmp_path / "plan.toml").write_text('[[use_case]]\nname = "a"\nworkload = "batch"\nrequests_per_day = 10\n')
    catalog = Catalog.default()
    history = HistorySource([tmp_path / "log.jsonl"]).read(_spec_of(tmp_path / "plan.toml", catalog), catalog)
    case = history.of("a")
    assert case.weighed and not case.comparable
    for model in (CHEAP, DEAR):
        past, true = case.models[model], float(truth.quality[:, truth.models.index(model)].mean())
        error = weighed_mean(past.quality, past.quality_weight)[1] ** 0.5
        assert abs(weighed_mean(past.quality, past.quality_weight)[0] - true) < 3.0 * error
    cheap = case.models[CHEAP]
    assert cheap.quality.mean() - truth.quality[:, truth.models.index(CHEAP)].mean() > 0.1


def _chosen_by_request():  # type: ignore[no-untyped-def]  # tests
    """Give 600 requests with all outcomes, and a log that chose between the cheap and the dear model by difficulty."""
    truth, rng = small_truth(600, seed=5), np.random.default_rng(0)
    hard = np.array([i % 2 == 1 for i in range(truth.n)])
    cheap, dear = truth.models.index(CHEAP), truth.models.index(DEAR)
    to_dear = rng.random(truth.n) < np.where(hard, 0.8, 0.2)
    observed = np.zeros_like(truth.observed)
    observed[np.arange(truth.n), np.where(to_dear, dear, cheap)] = True
    chance = np.where(to_dear == hard, 0.8, 0.2)
    propensity = np.where(observed, chance[:, None], np.nan)
    return truth, replace(truth, observed=observed, propensity=propensity).to_table()


def test_repetition_by_hand() -> None:
    """Two of four share a system prompt of 5,120 characters; one is said twice; lines and spaces repeat in one."""
    system = "s" * 5120
    requests = [
        [{"role": "system", "content": system}, {"role": "user", "content": "first question here"}],
        [{"role": "system", "content": system}, {"role": "user", "content": "quite another matter"}],
        "tell me of the sea and of its ships",
        "tell me of the sea and of its ships",
    ]
    found = repetition([read_request(request) for request in requests])
    whole = 2 * (5120 + 1) + len("first question here") + len("quite another matter") + 2 * 35
    assert found.prefix == pytest.approx(5120 / whole)
    assert found.duplicates == pytest.approx(0.25)
    line = "the same line of twenty letters and more"
    redundant = repetition([read_request(f"{line}\n{line}\n{line}")])
    assert redundant.redundant == pytest.approx(2 / 3, abs=0.02)
    assert repetition([read_request("short"), read_request("short one")]).prefix == 0.0


def _spec_of(path: Path, catalog: Catalog):  # type: ignore[no-untyped-def]  # tests
    from arbiter.planning.file import parse_plan

    return parse_plan(path, catalog, TODAY)[0]
