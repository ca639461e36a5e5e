"""From a log to a bundle, a run, a report and a decision, through the installed command."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_runs import Run, Workshop, run_here, run_in
from small_world import CHEAP, DEAR, small_records, write_jsonl

import arbiter
from arbiter.bundle import load_bundle
from arbiter_training.mlflow_connection import connect
from arbiter_training.tracking import Tracker


def strict(text: str) -> Any:
    """Read JSON as the standard has it: no NaN, no infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_train_writes_a_bundle_and_says_what_it_is_worth(workshop: Workshop) -> None:
    """JSON on standard output, nothing on standard error where nobody looks, a bundle that loads."""
    assert (workshop.trained.status, workshop.trained.err) == (0, "")
    told = strict(workshop.trained.out)
    assert told["bundle"] == "bundle"
    assert told["metrics"]["quality/mse_blend"] < told["metrics"]["quality/mse_constant"]
    assert told["traffic"]["requests"] == 360
    assert told["evaluation"]["log"]["n_requests"] == 108
    router, manifest = load_bundle(workshop.bundle)
    assert router.catalog.names == ("claude-opus-4-5", "gpt-4o", "gpt-4o-mini")
    assert manifest["data"]["requests"] == 360
    assert manifest["created"].startswith("20")


def outer_runs(client: Any, experiment: str) -> list[Any]:
    """Give the runs of an experiment that lie in no other."""
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return [run for run in found if "mlflow.parentRunId" not in run.data.tags]


def test_train_logs_a_run_with_everything(workshop: Workshop) -> None:
    """Parameters, metrics, data, figures, report and a registered version, in a store beside the log."""
    tracker = Tracker(workshop.folder, "small")
    client = tracker._client
    (run,) = outer_runs(client, "small")
    assert run.info.status == "FINISHED"
    assert run.data.params["learn.folds"] == "3" and run.data.params["test_share"] == "0.3"
    assert run.data.metrics["router/quality"] > 0.5 and "quality/mse_blend" in run.data.metrics
    assert run.data.tags["data.training.sha256"] == load_bundle(workshop.bundle)[1]["data"]["fingerprint"]
    artifacts = {a.path for folder in ("", "figures") for a in client.list_artifacts(run.info.run_id, folder)}
    assert {"figures/frontier.png", "figures/shares.png", "report.html"} <= artifacts
    assert client.get_model_version("arbiter", "1").run_id == run.info.run_id
    assert {p.name for p in workshop.folder.iterdir()} >= {"mlflow.db", "artifacts", "bundle"}


def test_the_registered_version_loads_and_decides_the_same(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """By version and by alias, through MLflow's own environment variable."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{workshop.folder / 'mlflow.db'}")
    Tracker(workshop.folder).registry.set_alias("arbiter", "champion", 1)
    direct = arbiter.load(workshop.bundle)
    for source in ("models:/arbiter/1", "models:/arbiter@champion"):
        loaded = arbiter.load(source)
        for text in ("theorem proof tensor", "capital river"):
            assert loaded.route(text).estimates == direct.route(text).estimates


def test_a_registered_bundle_routes_from_the_command_line(workshop: Workshop) -> None:
    """In the store's folder no variable is needed; one clear line where the name is wrong."""
    done = run_in(workshop.folder, "route", "theorem proof", "--bundle", "models:/arbiter/1", "--json")
    assert (done.status, done.err) == (0, "")
    assert strict(done.out)["model"] in (CHEAP, DEAR, "gpt-4o")
    done = run_here(workshop.folder, "route", "x", "--bundle", "models:/nobody@champion")
    assert done.status == 2 and done.err.count("\n") == 1 and "models:/nobody@champion" in done.err


def test_without_a_store_none_is_made(run: Run, tmp_path: Path) -> None:
    """Asking for a registered bundle in an empty folder leaves it empty."""
    done = run("route", "x", "--bundle", "models:/arbiter@champion")
    assert done.status == 2 and "no MLflow store" in done.err and done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_evaluate_on_later_traffic(workshop: Workshop, run: Run, tmp_path: Path) -> None:
    """Exact values on full information; the router keeps the dear model's quality for less; a page and a picture."""
    names = ("--policy", workshop.bundle, "--policy", "best-single", "--policy", "random", "--policy", "random")
    done = run(
        "evaluate", workshop.later, *names, "--policy", CHEAP, "--report", "r.html", "--figure", "f.png", "--json"
    )
    assert (done.status, done.err) == (0, "")
    report = strict(done.out)
    rows = {row["name"]: row for row in report["rows"]}
    assert len(rows) == len(report["rows"])
    assert {str(workshop.bundle), f"{workshop.bundle} (greedy)", CHEAP, f"best-single ({DEAR})", "random"} == set(rows)
    router, best = rows[str(workshop.bundle)]["outcomes"], rows[f"best-single ({DEAR})"]["outcomes"]
    assert router["quality"]["estimator"] == "exact"
    assert router["quality"]["value"] > best["quality"]["value"] - 0.05
    assert router["cost_usd"]["value"] < best["cost_usd"]["value"]
    page = (tmp_path / "r.html").read_text()
    assert page.startswith("<!doctype html>") and DEAR in page
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.png", "r.html"]


def test_evaluate_for_people_is_plain_text(workshop: Workshop, run: Run) -> None:
    """No escape codes where nobody looks, whatever the terminal could."""
    done = run("evaluate", workshop.later, "--policy", workshop.bundle, TERM="xterm-256color")
    assert (done.status, done.err) == (0, "")
    assert "\x1b" not in done.out and "random" in done.out


def test_a_log_without_propensities_is_refused_with_the_reason(workshop: Workshop, run: Run, tmp_path: Path) -> None:
    """Exit status 1, one line, no number, no page."""
    one = [r for i, r in enumerate(small_records(60, seed=1)) if i % 3 == (i // 3) % 3]
    log = write_jsonl(tmp_path / "plain.jsonl", one)
    done = run("evaluate", log, "--policy", workshop.bundle, "--report", "r.html")
    assert (done.status, done.out) == (1, "")
    assert done.err.count("\n") == 1 and "60 of 60 logged answers carry no propensity" in done.err
    assert not (tmp_path / "r.html").exists()


def test_training_goes_on_where_evaluation_is_refused(workshop: Workshop, run: Run, tmp_path: Path) -> None:
    """A log without propensities still teaches; the reason why it proves nothing is told."""
    one = [r for i, r in enumerate(small_records(60, seed=1)) if i % 3 == (i // 3) % 3]
    log = write_jsonl(tmp_path / "plain.jsonl", one)
    options = ("-o", "b", "--base", workshop.folder / "base", "--recipe", workshop.folder / "recipe.toml", "--no-track")
    done = run("train", log, *options)
    assert (done.status, done.err) == (0, "")
    assert "note: not evaluated:" in done.out and "no propensity" in done.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "plain.jsonl"]


def test_a_log_without_costs_is_judged_on_quality(workshop: Workshop, run: Run, tmp_path: Path) -> None:
    """Cost is optional in a log: no frontier then, but no crash either."""
    records = [{k: v for k, v in r.items() if k not in ("cost_usd", "latency_s")} for r in small_records(60, seed=1)]
    log = write_jsonl(tmp_path / "log.jsonl", records)
    options = ("--policy", workshop.bundle, "--report", "r.html", "--figure", "f.png")
    done = run("evaluate", log, *options)
    assert (done.status, done.err) == (0, "")
    assert f"best-single ({DEAR})" in done.out and (tmp_path / "r.html").is_file()


def test_simulate_plays_a_scenario_and_writes_a_page(workshop: Workshop, run: Run, tmp_path: Path) -> None:
    """A model's answers become worthless: the page and the lines say what learning would have done; slips are named."""
    scenario = tmp_path / "drop.toml"
    scenario.write_text('[[quality]]\nmodel = "claude-opus-4-5"\nat = 0.3\nfactor = 0.01\n')
    options = ("--bundle", workshop.bundle, "--scenario", scenario, "--seeds", 2, "--report", "s.html", "--track", ".")
    done = run("simulate", workshop.later, *options, "--json")
    assert done.status == 0, done.err
    told = strict(done.out)
    assert [row["name"] for row in told["rows"]][:2] == ["as configured", "offline policy alone"]
    assert [row["name"] for row in told["rows"]][-3:-1] == ["LinUCB, cold", "LinUCB, warm"]
    assert told["requests"] == 48 and told["rows"][1]["gain"]["value"] == 0.0
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert "0.01 times its quality" in page and "quality x 0.01" in page
    client = connect(tmp_path).client
    (run_of,) = outer_runs(client, "arbiter")
    lead = client.get_metric_history(run_of.info.run_id, "as configured/along/lead")
    assert [point.step for point in lead] == list(range(1, 26))
    assert lead[-1].value == pytest.approx(48 * told["rows"][0]["gain"]["value"])
    for wrong, message in (
        (("--scenario", "none.toml"), "the scenario none.toml cannot be read"),
        (("--seeds", 0), "seeds must be 1 or more"),
        (("--rival", "nobody"), "no rival nobody; there are linucb-cold"),
        (("--report", "no/s.html"), "which does not exist"),
    ):
        refused = run("simulate", workshop.later, "--bundle", workshop.bundle, *wrong)
        assert (refused.status, refused.out) == (2, "") and message in refused.err
    partial = run("simulate", workshop.folder / "log.jsonl", "--bundle", workshop.bundle)
    assert (
        partial.status == 2 and "every model's quality and cost" in partial.err
    ) or "trained on this very" in partial.err


def test_simulate_learns_from_one_half_and_plays_the_other(workshop: Workshop, run: Run) -> None:
    """Without a bundle; lines for people end in a verdict."""
    done = run("simulate", workshop.later, "--recipe", workshop.folder / "recipe.toml", "--seeds", 2, "--rival", "none")
    assert done.status == 0, done.err
    assert "LinUCB" not in done.out
    assert "2 streams of 30 requests" in done.out and "Learning online would have" in done.out


def test_evaluate_logs_to_the_store_that_is_there(workshop: Workshop, run: Run, tmp_path: Path) -> None:
    """The report's figures, pictures, page and JSON; without a store and without being asked, nothing is written."""
    done = run("evaluate", workshop.later, "--policy", workshop.bundle, "--tracking", "store", "--json")
    assert (done.status, done.err) == (0, "")
    told = strict(done.out)
    client = connect(tmp_path / "store").client
    (run_of,) = outer_runs(client, "arbiter")
    row = next(row for row in told["rows"] if row["name"] == str(workshop.bundle))
    name = "bundle/quality"  # of absolute paths, the name
    assert run_of.data.metrics[name] == pytest.approx(row["outcomes"]["quality"]["value"])
    assert run_of.data.metrics[f"{name} difference/low"] == pytest.approx(row["differences"]["quality"]["low"])
    assert {a.path for a in client.list_artifacts(run_of.info.run_id)} == {"evaluation.json", "figures", "report.html"}
