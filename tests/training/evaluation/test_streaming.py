"""Evaluation of Parquet in parts: the same answer as in memory, wherever the parts are cut."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.errors import NotEvaluableError, TrafficError
from arbiter.ope import LoggedFeedback, evaluate, evaluate_difference, evaluate_difference_sums, evaluate_sums
from arbiter_training.evaluation.row_groups import Reading, parts_of, read_requests, row_groups
from arbiter_training.evaluation.streaming import Scored, StreamSettings, sum_traffic

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

MODELS = ("a", "b", "c")


def by_kind(batch):
    """Score by the column `kind`: the first policy leans to model `kind`, the second is uniform; a simple model."""
    kind = batch.columns["kind"]
    leaning = 0.7 * np.eye(3)[kind] + 0.1
    q_hat = 0.4 + 0.2 * np.eye(3)[kind]
    names = batch.log.outcomes
    return Scored(policies=(leaning, np.full((len(kind), 3), 1 / 3)), q_hat=dict.fromkeys(names, q_hat))


SETTINGS = StreamSettings(models=MODELS, columns=("kind",), has_model=True, batch_rows=64)


def bandit_rows(n=1500, gaps=False, sessions=False):
    """Give the columns of a log with one model per request."""
    rng = np.random.default_rng(0)
    kind, action = rng.integers(0, 3, n), rng.integers(0, 3, n)
    quality = (rng.random(n) < 0.4 + 0.3 * (kind == action)).astype(float)
    unknown = (rng.random(n) < 0.3) if gaps else np.zeros(n, dtype=bool)
    rows = {
        "request_id": [f"r{i}" for i in range(n)],
        "model": [MODELS[a] for a in action],
        "propensity": np.full(n, 1 / 3),
        "quality": pa.array(quality, mask=unknown),
        "cost_usd": 0.001 * (1 + action),
        "kind": kind,
    }
    if sessions:
        rows["session_id"] = [f"s{i // 4}" if i % 40 else None for i in range(n)]
    return rows, np.where(unknown, np.nan, quality)


def scored_rows(n=700):
    """Give the columns of a log where one to three models were scored by design, and the (n, 3) quality."""
    rng = np.random.default_rng(1)
    kind, quality = rng.integers(0, 3, n), rng.random((n, 3))
    chance = np.tile([1.0, 0.6, 0.6], (n, 1))
    seen = rng.random((n, 3)) < chance
    row, column = np.nonzero(seen)
    rows = {
        "request_id": [f"r{i}" for i in row],
        "model": pa.array([MODELS[k] for k in column]).dictionary_encode(),
        "propensity": chance[row, column],
        "quality": quality[row, column],
        "cost_usd": 0.001 * (1 + column + quality[row, column]),
        "kind": kind[row],
    }
    return rows, np.where(seen, quality, np.nan), chance, kind


def write(path, rows, group=100):
    """Write columns with small row groups."""
    pq.write_table(pa.table(rows), path, row_group_size=group)
    return path


def assert_same(ours, theirs, rel=1e-9):
    """Compare estimates, intervals, ESS and verdicts of every outcome."""
    for outcome, expected in theirs.items():
        found = ours[outcome]
        assert found.judgement.verdict == expected.judgement.verdict
        assert found.estimates.keys() == expected.estimates.keys()
        for name, estimate in expected.estimates.items():
            assert found.estimates[name].value == pytest.approx(estimate.value, rel=rel, abs=1e-12)
            if estimate.interval is not None:
                assert found.estimates[name].interval == pytest.approx(estimate.interval, rel=rel, abs=1e-12)
        for one, other in zip(found.diagnostics, expected.diagnostics, strict=True):
            assert one.ess == pytest.approx(other.ess, rel=rel)


@pytest.mark.parametrize("gaps", [False, True])
def test_streamed_equals_in_memory(tmp_path, gaps):
    """One model per request, with and without gaps in the quality: estimates, intervals, verdicts, differences."""
    rows, quality = bandit_rows(gaps=gaps)
    action = np.array([MODELS.index(m) for m in rows["model"]])
    outcomes = {"quality": quality, "cost_usd": rows["cost_usd"]}
    log = LoggedFeedback.from_bandit(action, outcomes, rows["propensity"], 3)
    leaning, q = 0.7 * np.eye(3)[rows["kind"]] + 0.1, 0.4 + 0.2 * np.eye(3)[rows["kind"]]
    sums = sum_traffic(write(tmp_path / "t.parquet", rows), by_kind, SETTINGS)
    q_hat = {"quality": q, "cost_usd": q}
    assert_same(evaluate_sums(sums), evaluate(log, leaning, q_hat))
    assert_same(evaluate_difference_sums(sums), evaluate_difference(log, leaning, np.full((log.n, 3), 1 / 3), q_hat))


@pytest.mark.parametrize("group", [1, 7, 100, 5000])
@pytest.mark.parametrize("parts", [1, 5])
def test_requests_that_straddle_are_kept_whole(tmp_path, group, parts):
    """Several rows per request, cut anywhere by batches, row groups and parts: as in memory."""
    rows, quality, chance, kind = scored_rows(120 if group == 1 else 700)
    cost = 0.001 * (1 + np.arange(3) + quality)
    log = LoggedFeedback.from_matrix({"quality": quality, "cost_usd": cost}, chance)
    q = 0.4 + 0.2 * np.eye(3)[kind]
    settings = replace(SETTINGS, batch_rows=10, parts=parts)
    sums = sum_traffic(write(tmp_path / "t.parquet", rows, group), by_kind, settings)
    whole = evaluate(log, 0.7 * np.eye(3)[kind] + 0.1, {"quality": q, "cost_usd": q})
    assert_same(evaluate_sums(sums), whole)


@pytest.mark.parametrize(("jobs", "backend"), [(1, None), (2, "threading"), (2, "loky")])
def test_parts_and_backends_equal_one_pass(tmp_path, jobs, backend):
    """Five parts in this thread, in threads and in processes: to 1e-9, with sessions that cross the parts."""
    path = write(tmp_path / "t.parquet", bandit_rows(sessions=True)[0])
    settings = replace(SETTINGS, batch_rows=300, outcomes=("quality",))
    whole = evaluate_sums(sum_traffic(path, by_kind, settings))
    parted = sum_traffic(path, by_kind, replace(settings, parts=5, n_jobs=jobs, backend=backend))
    assert_same(evaluate_sums(parted), whole)


def test_sessions_are_clusters(tmp_path):
    """With so few sessions pooling hardly joins any: the interval is that of in-memory clusters within 3 %."""
    rows, quality = bandit_rows(sessions=True)
    action = np.array([MODELS.index(m) for m in rows["model"]])
    keys = [s if s is not None else f"alone {i}" for i, s in enumerate(rows["session_id"])]
    log = LoggedFeedback.from_bandit(action, {"quality": quality}, rows["propensity"], 3, keys)
    settings = replace(SETTINGS, outcomes=("quality",))
    found = evaluate_sums(sum_traffic(write(tmp_path / "t.parquet", rows), by_kind, settings))["quality"]
    q = 0.4 + 0.2 * np.eye(3)[rows["kind"]]
    whole = evaluate(log, 0.7 * np.eye(3)[rows["kind"]] + 0.1, q)["quality"]
    assert found.estimates["dr"].value == pytest.approx(whole.estimates["dr"].value)
    assert found.estimates["dr"].width == pytest.approx(whole.estimates["dr"].width, rel=0.03)


def test_a_folder_is_one_log(tmp_path):
    """A request that begins in one file and goes on in the next is one request."""
    rows = scored_rows()[0]
    whole = evaluate_sums(sum_traffic(write(tmp_path / "whole.parquet", rows), by_kind, SETTINGS))
    folder = tmp_path / "parts"
    folder.mkdir()
    table = pa.table(rows)
    for i, start in enumerate(range(0, table.num_rows, 101)):
        pq.write_table(table.slice(start, 101), folder / f"{i:03}.parquet", row_group_size=20)
    assert_same(evaluate_sums(sum_traffic(folder, by_kind, replace(SETTINGS, parts=4))), whole)


def test_every_row_is_read_once(tmp_path):
    """Whatever the parts, the tables hold all rows, each request whole and once."""
    rows = scored_rows(150)[0]
    groups = row_groups(write(tmp_path / "t.parquet", rows, 3))
    for count in (1, 2, 9, 100):
        seen: list[str] = []
        for part in parts_of(len(groups), count):
            for table in read_requests(groups, part, Reading(columns=("model",), batch_rows=5)):
                seen += table.column("request_id").to_pylist()
        assert sorted(seen) == sorted(rows["request_id"])


def test_one_request_longer_than_a_part(tmp_path):
    """A request over many row groups belongs to the part where it begins."""
    rows = {"request_id": ["x"] + ["y"] * 8 + ["z"], "model": [str(i) for i in range(10)]}
    groups = row_groups(write(tmp_path / "t.parquet", rows, 2))
    found = [
        [table.num_rows for table in read_requests(groups, part, Reading(columns=("model",), batch_rows=1))]
        for part in parts_of(5, 5)
    ]
    assert [sum(part) for part in found] == [9, 0, 0, 0, 1]


def test_what_cannot_be_read_is_named(tmp_path):
    """Scattered requests, unknown models, repeats, missing columns, missing propensities, damaged and absent files."""
    rows, _ = bandit_rows(30)

    def run(changes, settings=SETTINGS):
        return sum_traffic(write(tmp_path / "bad.parquet", {**rows, **changes}), by_kind, settings)

    with pytest.raises(TrafficError, match="lie apart"):
        run({"request_id": ["x", "y"] * 15})
    with pytest.raises(TrafficError, match="two rows of one model"):
        run({"request_id": ["x"] * 30})
    with pytest.raises(TrafficError, match="model 'z'"):
        run({"model": ["z"] * 30})
    with pytest.raises(TrafficError, match="lacks the columns"):
        run({}, replace(SETTINGS, columns=("kind", "nothing")))
    with pytest.raises(NotEvaluableError, match="logged answers carry no propensity"):
        run({"propensity": pa.nulls(30, "float64")})
    with pytest.raises(NotEvaluableError, match="no column 'propensity'"):
        without = {name: values for name, values in rows.items() if name != "propensity"}
        sum_traffic(write(tmp_path / "none.parquet", without), by_kind, SETTINGS)
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(TrafficError, match="not readable as Parquet"):
        sum_traffic(tmp_path / "damaged.parquet", by_kind, SETTINGS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrafficError, match="holds no"):
        sum_traffic(tmp_path / "empty", by_kind, SETTINGS)
