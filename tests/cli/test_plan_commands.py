"""`arbiter plan` from end to end."""

import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_runs import Done, Run, run_here, run_in

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.intake import read_request
from arbiter.ledger import Event, SqliteLedger
from arbiter.records import Decision, Outcome

FILE = """
[plan]
start = 2027-01-01
months = 3
[[use_case]]
name = "support"
workload = "interactive"
requests_per_day = 5000
input_tokens = 800
output_tokens = 300
quality_floor = 0.8
max_latency_s = 10
latency_quantile = 0.9
criticality = 8
incumbent = "claude-haiku-3-5"
[[use_case]]
name = "summaries"
workload = "batch"
requests_per_day = 1000
input_tokens = 3000
output_tokens = 400
deferrable = 0.5
"""
READING = ("strategy", "compare", "cost", "fallback", "vendors", "upgrades")


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Give a file of two use cases."""
    (tmp_path / "use.toml").write_text(FILE)
    return tmp_path / "use.toml"


def test_from_a_fresh_file_to_a_strategy(run: Run, tmp_path: Path) -> None:
    """`init` writes a file that `strategy` takes as it is; it is not overwritten."""
    assert run("plan", "init", "mine.toml").status == 0
    done = run("plan", "strategy", "mine.toml", "-o", "plan.json")
    assert done.status == 0 and "support" in done.out and "serve " in done.out, done.err
    assert json.loads((tmp_path / "plan.json").read_text())["name"] == "first plan"
    again = run("plan", "init", "mine.toml")
    assert again.status == 2 and "exists" in again.err
    assert run("plan", "init", "mine.toml", "--force", "--json").status == 0


@pytest.mark.parametrize("command", READING)
def test_every_command_speaks_to_people_and_programs(tmp_path: Path, cases: Path, command: str) -> None:
    """Status 0, something said of every use case, and JSON that parses."""
    said = run_here(tmp_path, "plan", command, cases)
    assert (said.status, said.err) == (0, "")
    assert "support" in said.out and len(said.out.splitlines()) > 3
    told = run_here(tmp_path, "plan", command, cases, "--json")
    assert told.status == 0 and json.loads(told.out)


def test_cost_tells_what_it_costs(tmp_path: Path, cases: Path) -> None:
    """The sums of the JSON are those of the text; every budget and technique is there."""
    told = json.loads(run_here(tmp_path, "plan", "cost", cases, "--json").out)
    text = run_here(tmp_path, "plan", "cost", cases).out
    assert f"${told['totals']['all']['usd']:,.0f}" in text
    assert len(told["budgets"]) == 6 and all(len(each["rows"]) == 8 for each in told["savings"])
    assert set(told["totals"]["month"]) == {"2027-01", "2027-02", "2027-03"}
    assert all(month in text for month in told["totals"]["month"])


def test_the_catalog_is_searched(tmp_path: Path) -> None:
    """By all criteria together; none found is no error."""
    rows = json.loads(run_here(tmp_path, "plan", "catalog", "--capability", "vision", "--max-cost", 1, "--json").out)
    assert rows and all("vision" in row["capabilities"] and row["usd_per_mtok_in"] <= 1 for row in rows)
    none = run_here(tmp_path, "plan", "catalog", "--provider", "nobody")
    assert none.status == 0 and "0 models" in none.out
    assert "gpt-4o" in run_here(tmp_path, "plan", "catalog", "--category", "multimodal").out


def test_all_problems_a_line_each_and_status_2(run: Run, tmp_path: Path) -> None:
    """A floor that no model reaches, no volume, an unknown model and a circle, at once."""
    bad = FILE.replace("= 0.8", "= 0.99").replace("= 1000\n", "= 0\n").replace("claude-haiku-3-5", "claude-haiku-9")
    (tmp_path / "bad.toml").write_text(
        bad.replace('incumbent = "claude-haiku-9"\n', "")
        + 'incumbent = "claude-haiku-9"\n[fallbacks]\n"gpt-5" = "gpt-4o"\n"gpt-4o" = "gpt-5"\n'
    )
    done = run("plan", "cost", "bad.toml")
    lines = done.err.splitlines()
    assert (done.status, done.out, len(lines)) == (2, "", 4), done.err
    assert all(line.startswith("arbiter: ") for line in lines)
    for told in ("quality_floor = 0.99", "requests_per_day = 0", "'claude-haiku-9'", "go in a circle"):
        assert told in done.err


def refused(done: Done) -> str:
    """Give the one line of a refusal."""
    assert done.status == 2 and done.err.count("\n") == 1, done.err
    return done.err


def test_wrong_inputs_of_the_commands(tmp_path: Path, cases: Path) -> None:
    """A missing file, a router without traffic, a review of nothing, a page in no folder."""
    assert "cannot read the plan" in refused(run_here(tmp_path, "plan", "cost", "none.toml"))
    assert "give --traffic" in refused(run_here(tmp_path, "plan", "cost", cases, "--policy", "x"))
    assert "give one plan" in refused(run_here(tmp_path, "plan", "review"))
    assert "does not exist" in refused(run_here(tmp_path, "plan", "strategy", cases, "--report", "no/x.html"))
    assert run_here(tmp_path, "plan", "strategy", cases, "-o", "p.json").status == 0
    assert "give what was spent" in refused(run_here(tmp_path, "plan", "review", "p.json"))
    assert "no such file" in refused(run_here(tmp_path, "plan", "cost", cases, "--traffic", "none.parquet"))
    assert run_here(tmp_path, "plan").status == 0 and "review" in run_here(tmp_path, "plan").out


def spend(folder: Path, usd: float) -> Path:
    """Write ten days of traffic with times and costs."""
    rows = [
        {
            "request_id": f"{day}-{i}",
            "prompt": "x",
            "model": "openai/gpt-4o",
            "timestamp": f"2027-01-{day:02d}T10:00:00Z",
            "cost_usd": usd,
        }
        for day in range(1, 11)
        for i in range(50)
    ]
    path = folder / "spent.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_plan_is_reviewed(tmp_path: Path, cases: Path) -> None:
    """Ten days at $40 a day against the file that `strategy` wrote."""
    assert run_here(tmp_path, "plan", "strategy", cases, "-o", "plan.json", "--report", "plan.html").status == 0
    assert (tmp_path / "plan.html").read_text().startswith("<!doctype html>")
    options = ("plan", "review", "plan.json", "--traffic", spend(tmp_path, 0.8))
    found = json.loads(run_here(tmp_path, *options, "--json").out)
    assert found["rows"][0]["actual_usd"] == pytest.approx(400.0)
    assert found["rows"][0]["planned_requests"] == pytest.approx(60_000, rel=0.01)
    assert (found["start"], found["end"]) == ("2027-01-01", "2027-01-10")
    assert {row["name"] for row in found["rows"]} >= {"all", "gpt-4o"}
    said = run_here(tmp_path, *options).out
    assert "above the band" in said and "by requests" in said and "too little to tell" in said


def test_a_review_of_segments_says_which_use_case_it_was(tmp_path: Path) -> None:
    """Every second request carries the label of the desk, and costs twice as much; without labels that is told."""
    cases = FILE.replace("deferrable = 0.5", 'segment = { task = "summary" }').replace(
        'incumbent = "claude-haiku-3-5"', 'segment = { task = "help" }'
    )
    (tmp_path / "use.toml").write_text(cases)
    assert run_here(tmp_path, "plan", "strategy", "use.toml", "-o", "plan.json").status == 0
    rows = [json.loads(line) for line in spend(tmp_path, 0.5).read_text().splitlines()]
    labelled = [
        {**row, "task": ("help", "summary")[i % 2], "cost_usd": 0.5 * (1 + i % 2)} for i, row in enumerate(rows)
    ]
    (tmp_path / "labelled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labelled))
    found = json.loads(run_here(tmp_path, "plan", "review", "plan.json", "--traffic", "labelled.jsonl", "--json").out)
    assert {row["name"]: row["actual_usd"] for row in found["use_cases"]} == {"support": 125.0, "summaries": 250.0}
    said = run_here(tmp_path, "plan", "review", "plan.json", "--traffic", "labelled.jsonl").out
    assert "use case" in said and "summaries" in said
    plain = run_here(tmp_path, "plan", "review", "plan.json", "--traffic", "spent.jsonl").out
    assert "note: use cases cannot be told apart: no request matches just one segment (task)" in plain


@pytest.mark.slow
def test_a_plan_is_tracked_and_reviewed(tmp_path: Path, cases: Path) -> None:
    """The latest run of the store is held against what came; a store without a plan says how to make one."""
    done = run_in(tmp_path, "plan", "strategy", cases, "--track", "store")
    assert done.status == 0 and "MLflow: run " in done.out, done.err
    run = re.search(r"MLflow: run (\w+)", done.out)[1]  # type: ignore[index]  # it is there
    spent = ("--traffic", spend(tmp_path, 0.4), "--json")
    latest = run_in(tmp_path, "plan", "review", "--track", "store", *spent)
    named = run_in(tmp_path, "plan", "review", "--track", "store", "--run", run, *spent)
    assert latest.out == named.out and json.loads(latest.out)["rows"][0]["actual_usd"] == pytest.approx(200.0)
    empty = run_in(tmp_path, "plan", "review", "--track", "other", *spent)
    assert empty.status == 2 and "holds no plan" in empty.err and not (tmp_path / "other").exists()
    strange = run_in(tmp_path, "plan", "review", "--track", "store", "--run", "none", *spent)
    assert strange.status == 2 and "holds no plan" in strange.err


def test_a_ledgers_spend_is_carried_on(tmp_path: Path, cases: Path) -> None:
    """Four weeks at a dollar a day are 31 in January; five days are too few, and that is told."""
    for days, path in ((28, tmp_path / "long.db"), (5, tmp_path / "short.db")):
        with SqliteLedger(path) as ledger:
            ledger.append_many(Event(record=record, timestamp=at) for record, at in served(days))
    told = json.loads(run_here(tmp_path, "plan", "cost", cases, "--ledger", "long.db", "--json").out)
    assert told["forecast"]["months"]["2027-01"]["mean"] == pytest.approx(31.0)
    assert "forecast from 4 weeks" in run_here(tmp_path, "plan", "cost", cases, "--ledger", "long.db").out
    assert "known costs in the ledger: 5;" in run_here(tmp_path, "plan", "cost", cases, "--ledger", "short.db").out
    review = run_here(tmp_path, "plan", "strategy", cases, "-o", "p.json", "--ledger", "long.db")
    assert review.status == 0
    past = run_here(tmp_path, "plan", "review", "p.json", "--ledger", "long.db")
    assert past.status == 2 and "no day in common" in past.err


def served(days: int) -> Iterator[tuple[Decision | Outcome, float]]:
    """Give a decision a day in November 2026 and its outcome, of a dollar."""
    made = cold_start_router(Catalog.default()).route(read_request("hi"), np.random.default_rng(0))
    start = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC).timestamp()
    for day in range(days):
        at, name = start + day * 86400.0, f"d{day}"
        yield replace(made, id=name, model="gpt-4o"), at
        yield Outcome(decision_id=name, model="gpt-4o", ok=True, cost_usd=1.0), at + 1.0
