"""Served through litellm, exported from the ledger, imported from litellm's own logs: one and the same traffic."""

import json
import math
from pathlib import Path
from typing import Any

import openai_server
import provider_world
import pyarrow.parquet
import pytest
from command_runs import Workshop, run_here, run_in
from litellm_trip import CACHES, Trip, all_told, listening, served
from provider_world import DEAR

from arbiter.ledger import open_ledger

pytestmark = [
    *provider_world.QUIET,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # litellm leaves connections and event loops open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EQUAL = (
    "model", "propensity", "cost_usd", "quality", "quality_source", "served_by", "served_quality", "status",
    "policy_version",
)  # fmt: skip
"""What must be the same to the last bit."""


def table(path: Path, key: str) -> dict[str, dict[str, Any]]:
    """Give the rows by their decision."""
    rows = pyarrow.parquet.read_table(path).to_pylist()
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows) and None not in found
    return found


def asked(row: dict[str, Any]) -> object:
    """Give the text of a request, which is a lone turn here: the ledger keeps it as messages, an import as text."""
    return row.get("prompt") or json.loads(row["messages"])[0]["content"]


def command(folder: Path, *arguments: object) -> Any:
    done = run_here(folder, *arguments, "--json")
    assert done.status in (0, 1), done.err
    return json.loads(done.out)


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Compare two rows of one decision."""
    for name in EQUAL:
        assert ours.get(name) == theirs.get(name), (name, ours, theirs)
    assert asked(ours) == asked(theirs)
    if ours.get("session_id"):
        assert ours["session_id"] == theirs["session_id"]
    if ours.get("output_tokens") is not None:
        assert ours["output_tokens"] == theirs["output_tokens"]


def trip_of(workshop: Workshop, folder: Path, n: int) -> Trip:
    """Serve, export as ``export.parquet`` and import as ``payloads.parquet`` and ``spend.parquet``."""
    trip = served(workshop.bundle, folder, n)
    payloads, spend, said = trip.written(folder)
    assert command(folder, "export", "--ledger", trip.ledger, "-o", "export.parquet")["requests"] == trip.requests
    for path in (payloads, spend):
        command(folder, "import", path, "-o", path.with_suffix(".parquet"), "--feedback", said)
    return trip


def assert_agrees(folder: Path, trip: Trip) -> None:
    """Request counts, models, propensities, costs, qualities: equal, row by row and in sum."""
    ours = table(folder / "export.parquet", "request_id")
    payloads = table(folder / "payloads.parquet", "decision_id")
    spend = table(folder / "spend.parquet", "decision_id")
    assert len(ours) == trip.requests == trip.answered + trip.failed and trip.retried and trip.failed
    assert ours.keys() == payloads.keys()
    failed = {key for key, row in ours.items() if row["status"] != "ok" and not row["served_by"]}
    assert len(failed) == trip.failed and spend.keys() == ours.keys() - failed
    for key, row in ours.items():
        assert_same(row, payloads[key])
        if key in spend:
            assert_same({**row, "status": "ok" if row["status"] == "ok" else "error"}, spend[key])
    assert sum(row["served_by"] is not None for row in ours.values()) == trip.retried
    assert sum(row["cost_usd"] or 0.0 for row in ours.values()) > 0.0
    assert all(0.0 < row["propensity"] < 1.0 for row in ours.values())
    assert (trip.cached > 0) == CACHES == any(row.get("cache_hit") for row in payloads.values())


def inverse_propensity(path: Path) -> dict[str, float]:
    """Give the inverse-propensity estimate of each model's quality: a sum, which no order changes by fsum."""
    rows = pyarrow.parquet.read_table(path).to_pylist()
    models = {row["model"] for row in rows}
    return {
        m: math.fsum(r["quality"] / r["propensity"] for r in rows if r["model"] == m and r["quality"] is not None)
        for m in models
    }


def test_ledger_and_both_logs_of_litellm_tell_the_same(workshop: Workshop, tmp_path: Path) -> None:
    """Some sixty requests: whole and streamed, on threads and on an event loop, failing, retried, with tools."""
    assert_agrees(tmp_path, trip_of(workshop, tmp_path, 42))


def test_what_arbiter_calls_itself_is_told_alike_by_a_log_of_litellm(tmp_path: Path) -> None:
    """Its retries and fallbacks are calls of one decision: one row, about the choice, in the ledger and in the log."""
    trip = Trip(ledger=tmp_path / "ledger.db", requests=12)
    with (
        provider_world.running(ledger=open_ledger(trip.ledger)) as world,
        listening(world.service, trip),
    ):
        for i in range(trip.requests):
            if i % 3 == 0:
                world.servers[DEAR].script += [openai_server.fails(400), openai_server.fails(400)][: 1 + i % 2]
            world.service.complete(f"Which river is number {i}?")
            trip.answered += 1
        all_told(world.service, trip)
    payloads, *_ = trip.written(tmp_path)
    command(tmp_path, "export", "--ledger", trip.ledger, "-o", "export.parquet")
    command(tmp_path, "import", payloads, "-o", "payloads.parquet")
    ours = table(tmp_path / "export.parquet", "request_id")
    theirs = table(tmp_path / "payloads.parquet", "decision_id")
    assert len(ours) == trip.requests and ours.keys() == theirs.keys() and any(r["served_by"] for r in ours.values())
    for key, row in ours.items():
        # litellm knows no price of two of the three names; the ledger takes the catalog's.
        assert_same({**row, "cost_usd": None}, {**theirs[key], "cost_usd": None})


@pytest.mark.slow
def test_all_three_train_and_evaluate_alike(workshop: Workshop, tmp_path: Path) -> None:
    """Six hundred requests: the same estimates of the same policies from export and payloads, and bundles that load."""
    trip = trip_of(workshop, tmp_path, 400)
    assert_agrees(tmp_path, trip)
    options = ("--base", workshop.folder / "base", "--recipe", workshop.folder / "recipe.toml", "--no-track")
    policies = ("--judged-by", "human", "--policy", "gpt-4o-mini", "--policy", "gpt-4o", "--policy", workshop.bundle)
    said = {}
    for name in ("export", "payloads", "spend"):
        assert run_in(tmp_path, "train", f"{name}.parquet", "-o", f"bundle-{name}", *options).status == 0
        said[name] = command(tmp_path, "evaluate", f"{name}.parquet", *policies)["rows"]
    for ours, theirs in zip(said["export"], said["payloads"], strict=True):
        one, two = ours["outcomes"]["quality"], theirs["outcomes"]["quality"]
        assert ours["name"] == theirs["name"]
        # The doubly robust estimates differ by the folds of their models, which follow the order of the log.
        assert abs(one["value"] - two["value"]) < 0.5 * (one["high"] - one["low"])
    assert inverse_propensity(tmp_path / "export.parquet") == inverse_propensity(tmp_path / "payloads.parquet")
