"""The commands that compare and count: compare, compare-costs, status, metrics, stats by strategy, calibrate."""

import json
import shutil
from pathlib import Path

import pytest
from command_runs import Done, Workshop, run_here

from arbiter.bundle import load_bundle
from arbiter.catalog import Catalog
from arbiter.vocabulary import Criterion, Strategy


def here(folder: Path, *arguments: object) -> Done:
    return run_here(folder, *arguments)


def refused(done: Done) -> str:
    assert done.out == "" and done.err.startswith("arbiter: ") and done.err.count("\n") == 1, done.err
    return done.err


@pytest.fixture
def ledger(tmp_path: Path, workshop: Workshop) -> Path:
    """Give a ledger of three decisions under two strategies, one of them judged."""
    path = tmp_path / "l.db"
    made = [
        json.loads(here(tmp_path, "route", text, "--bundle", workshop.bundle, "--ledger", path, *more, "--json").out)
        for text, more in (("theorem", ()), ("river", ()), ("proof", ("--strategy", "quality_first")))
    ]
    here(tmp_path, "feedback", made[0]["id"], "--ledger", path, "--quality", 0.4)
    return path


def test_compare_shows_every_candidate_with_ten_bars(tmp_path: Path, workshop: Workshop) -> None:
    """Estimates, criteria and exclusions, for people and for programs; nothing is written."""
    options = ("compare", "theorem proof", "--bundle", workshop.bundle, "--max-cost-usd", 0.005)
    text, told = here(tmp_path, *options).out, json.loads(here(tmp_path, *options, "--json").out)
    assert [len(row["card"]["scores"]) for row in told["candidates"]] == [10, 10, 10]
    for row in told["candidates"]:
        assert row["model"] in text and f"weakest {row['card']['weakest']}" in text
        assert (row["excluded"] is None) == (row["probability"] > 0)
        assert row["estimate"]["latency_p90_s"] > 0
    dear = next(row for row in told["candidates"] if row["excluded"])
    assert f"excluded: {dear['excluded']}" in text
    assert sum(row["probability"] for row in told["candidates"]) == pytest.approx(1.0)
    assert all(f"    {criterion:<12} " in text for criterion in Criterion)
    assert list(tmp_path.iterdir()) == []


def test_compare_takes_weights_limits_and_a_ledger(tmp_path: Path, workshop: Workshop, ledger: Path) -> None:
    """A weight is renormalised with the others; a capability and a language exclude; the ledger moves the scores."""
    options = ("compare", "theorem", "--bundle", workshop.bundle, "--json")
    plain = json.loads(here(tmp_path, *options).out)["candidates"]
    heavy = json.loads(here(tmp_path, *options, "--weight", "cost=0.5").out)["candidates"]
    assert heavy[0]["card"]["weights"]["cost"] > 0.5  # safety then gives way to the little risk
    assert sum(heavy[0]["card"]["weights"].values()) == pytest.approx(1.0)
    learned = json.loads(here(tmp_path, *options, "--ledger", ledger).out)["candidates"]
    scores = [{row["model"]: row["card"]["scores"]["consistency"] for row in rows} for rows in (plain, learned)]
    assert scores[0] != scores[1]
    assert "unknown criterion 'beauty'" in refused(here(tmp_path, *options, "--weight", "beauty=1"))
    assert "must be like cost=0.4" in refused(here(tmp_path, *options, "--weight", "cost=much"))
    assert "unknown capability telepathy" in refused(here(tmp_path, *options, "--capability", "telepathy"))
    assert "does not exist" in refused(here(tmp_path, *options, "--ledger", tmp_path / "no.db"))


def test_compare_costs_lists_every_model_from_the_cheapest(tmp_path: Path) -> None:
    """With cached and batch prices where a model has them."""
    options = ("compare-costs", "--input", 2000, "--output", 500, "--cached", 1500)
    rows = json.loads(here(tmp_path, *options, "--json").out)
    assert {row["model"] for row in rows} == set(Catalog.default().names)
    assert [row["list_usd"] for row in rows] == sorted(row["list_usd"] for row in rows)
    opus = next(row for row in rows if row["model"] == "claude-opus-4-5")
    assert opus["list_usd"] == pytest.approx((2000 * 5 + 500 * 25) / 1e6)
    assert opus["cached_usd"] == pytest.approx((500 * 5 + 1500 * 0.5 + 500 * 25) / 1e6)
    assert opus["batch_usd"] == pytest.approx((500 * 2.5 + 1500 * 0.5 + 500 * 12.5) / 1e6)
    text = here(tmp_path, *options).out.splitlines()
    assert len(text) == len(rows) + 1 and "0.022500" in next(line for line in text if "claude-opus-4-5" in line)
    assert "--cached 3 is above --input 2" in refused(
        here(tmp_path, "compare-costs", "--input", 2, "--output", 1, "--cached", 3)
    )


def test_status_shows_tiers_and_what_was_learned(tmp_path: Path, workshop: Workshop, ledger: Path) -> None:
    """Every candidate once, under its tier; judged answers per model from the ledger."""
    options = ("status", "--bundle", workshop.bundle)
    told = json.loads(here(tmp_path, *options, "--ledger", ledger, "--json").out)
    assert sum(row["decisions"] for row in told["models"]) == 3
    assert sum(row["learned"] for row in told["models"]) == 1
    text = here(tmp_path, *options, "--ledger", ledger).out
    assert {"frontier", "balanced", "fast"} <= set(text.splitlines())
    assert "1 judged answers learned" in text
    assert "decisions" not in here(tmp_path, *options).out


def test_metrics_and_stats_count_the_ledger(tmp_path: Path, ledger: Path) -> None:
    """By model and by strategy; what is not known is a dash, and null in JSON."""
    models = json.loads(here(tmp_path, "metrics", "--ledger", ledger, "--json").out)
    assert sum(row["decisions"] for row in models) == 3
    assert [row["quality"] for row in models if row["judged"]] == [0.4]
    assert all(row["cost_usd"] is None for row in models)
    assert " - " in here(tmp_path, "metrics", "--ledger", ledger).out
    rows = json.loads(here(tmp_path, "stats", "--strategies", "--ledger", ledger, "--json").out)
    assert {row["strategy"]: row["decisions"] for row in rows} == {"single_best": 2, "quality_first": 1}
    assert "quality_first" in here(tmp_path, "stats", "--strategies", "--ledger", ledger).out
    assert "does not exist" in refused(here(tmp_path, "metrics", "--ledger", tmp_path / "no.db"))


def test_calibrate_sets_the_bundle_and_says_what_it_reaches(tmp_path: Path, workshop: Workshop) -> None:
    """In place: the setting and a note in the manifest; everything else of the bundle as it was."""
    shutil.copytree(workshop.bundle, tmp_path / "mine")
    options = ("calibrate", workshop.later, "--bundle", "mine", "--budget", 0.004)
    told = json.loads(here(tmp_path, *options, "--json").out)
    router, manifest = load_bundle(tmp_path / "mine")
    before, old = load_bundle(workshop.bundle)
    assert router.settings == before.settings.valuing(told["quality_per_usd"])
    assert router.settings.strategy is Strategy.SINGLE_BEST
    assert manifest["notes"]["calibration"]["target"] == told["target"] == "at most $0.004 per request"
    assert {name: manifest[name] for name in ("data", "metrics", "created", "components")} == {
        name: old[name] for name in ("data", "metrics", "created", "components")
    }
    assert told["reached"]["cost_usd"]["low"] < told["reached"]["cost_usd"]["high"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_calibrate_refuses_what_is_out_of_reach_and_writes_nothing(tmp_path: Path, workshop: Workshop) -> None:
    """Status 1 with the range within reach; wrong input is status 2."""
    shutil.copytree(workshop.bundle, tmp_path / "mine")
    before = (tmp_path / "mine" / "manifest.json").read_bytes()
    low = here(tmp_path, "calibrate", workshop.later, "--bundle", "mine", "--budget", 1e-9)
    assert low.status == 1 and "cannot be reached" in refused(low)
    assert (tmp_path / "mine" / "manifest.json").read_bytes() == before
    none = here(tmp_path, "calibrate", workshop.later)
    assert none.status == 2 and "give one of --budget" in refused(none)


def test_a_log_that_the_bundle_has_seen_is_looked_at_by_routers_that_have_not(
    tmp_path: Path, workshop: Workshop
) -> None:
    """The protocol says so, and the setting is written all the same."""
    shutil.copytree(workshop.bundle, tmp_path / "mine")
    log = workshop.folder / "log.jsonl"
    done = here(tmp_path, "calibrate", log, "--bundle", "mine", "--quality", "0.9-of claude-opus-4-5")
    assert done.status == 0, done.err
    assert "estimates by routers learned on the other folds" in done.out and "bundle: mine" in done.out


def test_an_ensemble_is_planned_and_held_against_the_best_alone(tmp_path: Path, workshop: Workshop) -> None:
    """Members, joint cost and a verdict, for people and programs; too many members are refused in one line."""
    options = ("ensemble", "theorem proof", "--bundle", workshop.bundle)
    text, told = here(tmp_path, *options).out, json.loads(here(tmp_path, *options, "--json").out)
    assert len(told["members"]) == 3 and all(member["model"] in text for member in told["members"])
    assert told["aggregation"] == "majority_vote" and "verdict: " in text
    assert told["cost_usd"] == pytest.approx(sum(member["estimate"]["cost_usd"] for member in told["members"]))
    assert "4 members are asked for" in refused(here(tmp_path, *options, "--members", 4))
    assert "unknown aggregation 'x'" in refused(here(tmp_path, *options, "--aggregation", "x"))
