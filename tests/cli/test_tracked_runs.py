"""What MLflow shows of runs: in words, linked to the model and to the data, and without the paths of who ran them."""

import getpass
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_runs import Workshop, run_here

from arbiter.integrations.quiet_mlflow import calm
from arbiter_training.bundle_registry import fingerprint_of
from arbiter_training.evaluation.noted import renamed, shown_names
from arbiter_training.mlflow_connection import connect
from arbiter_training.tracking import CHAMPION
from arbiter_training.tracking_labels import EXPERIMENTS, MAIN, NOTE, command_tags, shown_source

PARENT = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A store in which a bundle was trained, evaluated, and asked twice to be promoted.

    Attributes
    ----------
    folder : of the store and the bundle.
    client : of MLflow.
    runs : command to its runs, the latest first; those inside of others are under ``inside``.
    """

    folder: Path
    client: Any
    runs: dict[str, list[Any]]


@pytest.fixture(scope="module")
def tracked(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    """Train is the workshop's; the rest is done in a copy, with absolute paths."""
    folder = tmp_path_factory.mktemp("secret") / "store"
    shutil.copytree(workshop.folder, folder)
    later, bundle = folder / "later.jsonl", folder / "bundle"
    named = ("--policy", bundle, "--policy", "best-single", "--tracking", folder)
    assert run_here(folder, "evaluate", later, *named).status == 0
    for status, budget in enumerate((1.0, 1e-6)):
        gate = ("--tracking", folder, "--margin", 0.5, "--budget", budget, "--json")
        asked = run_here(folder, "promote", bundle, "--traffic", later, *gate)
        assert asked.status == status, asked.err
    client = connect(folder).client
    runs: dict[str, list[Any]] = {}
    with calm():
        for experiment in client.search_experiments():
            for run in client.search_runs([experiment.experiment_id]):
                name = "inside" if PARENT in run.data.tags else run.data.tags["arbiter.command"]
                runs.setdefault(name, []).append(client.get_run(run.info.run_id))
    return Tracked(folder=folder, client=client, runs=runs)


def test_every_run_says_what_it_is(tracked: Tracked) -> None:
    """By its name, the command that made it, and a description; so does the experiment."""
    assert Counter({name: len(found) for name, found in tracked.runs.items()}) == Counter(
        train=1, evaluate=1, promote=2, inside=14
    )
    for name, found in tracked.runs.items():
        for run in found:
            assert run.data.tags[NOTE].endswith(".") and len(run.data.tags[NOTE]) > 40
            assert name == "inside" or command_tags(name).items() <= run.data.tags.items()
            assert run.info.status == "FINISHED"
    note = tracked.runs["train"][0].data.tags[NOTE]
    assert "A router learned from 360 requests of `log.jsonl`, registered as [arbiter version 1]" in note
    assert "| policy | quality | USD per 1,000 requests |" in note and "| blend | 0." in note
    assert tracked.client.get_experiment_by_name(MAIN).tags[NOTE] == EXPERIMENTS[MAIN]


def test_settings_that_were_compared_are_runs_inside(tracked: Tracked) -> None:
    """All of them, with the error by which they were compared; the one of least error is the one chosen."""
    (train,) = tracked.runs["train"]
    inside = tracked.runs["inside"]
    assert {run.data.tags[PARENT] for run in inside} == {train.info.run_id}
    for member, count, measure in (("linear", 5, "log_loss"), ("neighbours", 9, "mse")):
        own = [run for run in inside if run.data.params["member"] == member]
        errors = {run.info.run_id: run.data.metrics[f"out_of_fold/{measure}"] for run in own}
        chosen = [run.info.run_id for run in own if run.data.metrics["chosen"]]
        assert len(own) == count and len(chosen) == 1 and errors[chosen[0]] == min(errors.values())


def test_data_are_logged_with_what_is_known_of_them(tracked: Tracked) -> None:
    """Name, digest, columns and use; the part that was held out is data of its own."""
    (train,), (evaluate,) = tracked.runs["train"], tracked.runs["evaluate"]
    used = {each.tags[0].value: each.dataset for each in train.inputs.dataset_inputs}
    assert [used[use].name for use in ("training", "evaluation")] == ["log.jsonl", "log.jsonl (held out)"]
    assert all(train.data.tags[f"data.{use}.sha256"].startswith(data.digest) for use, data in used.items())
    (later,) = (each.dataset for each in evaluate.inputs.dataset_inputs)
    assert later.name == "later.jsonl" and '"propensity"' in later.schema and '"requests": 60' in later.profile


def test_evaluations_are_linked_to_the_model_and_to_the_data(tracked: Tracked) -> None:
    """The bundle is known by its content: its registered version is the run's input, the figures are the model's."""
    (train,), (evaluate,) = tracked.runs["train"], tracked.runs["evaluate"]
    (made,) = train.outputs.model_outputs
    assert [each.model_id for each in evaluate.inputs.model_inputs] == [made.model_id]
    with calm():
        found = tracked.client.get_logged_model(made.model_id).metrics
    (later,) = (each.dataset for each in evaluate.inputs.dataset_inputs)
    own = {m.key: m.value for m in found if (m.run_id, m.dataset_digest) == (evaluate.info.run_id, later.digest)}
    assert own["headline/quality"] == evaluate.data.metrics["headline/quality"] > 0.5
    assert evaluate.data.metrics["headline/quality"] == evaluate.data.metrics["bundle/quality"]
    cost, base = (evaluate.data.metrics[f"{name}/cost_usd"] for name in ("bundle", "best-single _claude-opus-4-5_"))
    assert evaluate.data.metrics["headline/saving"] == pytest.approx(1.0 - cost / base)
    assert "`bundle` is [arbiter version 1](#/models/arbiter/versions/1)." in evaluate.data.tags[NOTE]
    assert {m.run_id for m in found} == {run.info.run_id for name in ("train", "evaluate", "promote")
                                         for run in tracked.runs[name]}  # fmt: skip


def test_the_gate_moves_the_aliases_and_says_why(tracked: Tracked) -> None:
    """No second version of one bundle; the champion no longer asks; the version tells of the gate."""
    with calm():
        (version,) = tracked.client.search_model_versions("name = 'arbiter'")
        aliases = tracked.client.get_registered_model("arbiter").aliases
    assert {alias: int(number) for alias, number in aliases.items()} == {CHAMPION: 1}
    assert version.tags["arbiter.bundle"] == fingerprint_of(tracked.folder / "bundle")
    assert version.tags["arbiter.gate"] == "refused" and "cost" in version.tags["arbiter.gate_reason"]
    assert version.description.startswith("Learned from `log.jsonl`")
    passed, refused = sorted(tracked.runs["promote"], key=lambda run: -run.data.metrics["gate/passed"])
    assert version.tags["arbiter.gate_run"] == refused.info.run_id
    assert "promoted" in passed.data.tags[NOTE] and "not promoted" in refused.data.tags[NOTE]
    assert "| check | what was found |" in refused.data.tags[NOTE]


def test_no_run_tells_who_works_where(tracked: Tracked) -> None:
    """Absolute paths and users are in no tag, parameter, metric or dataset, and not in the pages and JSON of a run."""
    database = sqlite3.connect(tracked.folder / "mlflow.db")
    tables = ("tags", "params", "metrics", "datasets", "logged_model_tags", "model_version_tags")
    try:
        told = {table: repr(database.execute(f"SELECT * FROM {table}").fetchall()) for table in tables}
    finally:
        database.close()
    (evaluate,) = tracked.runs["evaluate"]
    for name in ("report.html", "evaluation.json"):
        told[name] = Path(tracked.client.download_artifacts(evaluate.info.run_id, name)).read_text()
    for name, text in told.items():
        assert str(tracked.folder) not in text and str(tracked.folder.parent.parent) not in text, name
        assert "mlflow.user" not in text and f"'{getpass.getuser()}'" not in text, name


def test_paths_are_told_by_their_names() -> None:
    """Absolute ones, and those that lead upwards; what the user named beneath his folder stays as he named it."""
    told = {
        "june.parquet": "june.parquet",
        "logs/june.parquet": "logs/june.parquet",
        "/home/ada/june.parquet": "june.parquet",
        "../ada/june.parquet": "june.parquet",
        "/home/ada/may.csv, logs/june.csv": "may.csv, logs/june.csv",
        r"C:\Users\ada\june.csv": "june.csv",
        "models:/arbiter@champion": "models:/arbiter@champion",
        "google/gemini-2.5-pro": "google/gemini-2.5-pro",
    }
    assert {path: shown_source(path) for path in told} == told


def test_policies_are_renamed_wherever_they_stand() -> None:
    """Variants follow; two folders of one name keep their paths, or nobody could tell them apart."""
    names = shown_names(("/a/mine", "/b/other", "best-single"))
    assert names == {"/a/mine": "mine", "/b/other": "other"}
    assert shown_names(("/a/mine", "/b/mine")) == {}
    assert renamed({"/a/mine (greedy)": ("/a/mine", 1.0, "/a/mined")}, names) == {
        "mine (greedy)": ("mine", 1.0, "/a/mined")
    }
