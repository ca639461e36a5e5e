"""MLflow as arbiter uses it: a local store that needs nothing, runs that say what they did, bundles as models."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import CHEAP, small_learned

from arbiter.bundle import save_bundle
from arbiter.errors import BundleError, InvalidInputError, MissingExtraError
from arbiter.intake import read_request
from arbiter.integrations.quiet_mlflow import calm
from arbiter.ledger import SqliteLedger
from arbiter.policies import GreedyPolicy
from arbiter_training.bundle_registry import EXAMPLE, OPTIONS
from arbiter_training.mlflow_connection import connect
from arbiter_training.tracking import CHALLENGER, CHAMPION, DataNote, Tracker, metric_name

pytest.importorskip("mlflow", reason="mlflow is not installed (extra [train])")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run in an empty folder, without MLflow's variables; whatever is left in it was left by accident."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"schema": 1}')
    return folder


def run_of(tracker: Tracker) -> Any:
    import mlflow

    return mlflow.MlflowClient(tracking_uri=tracker.uri).get_run(tracker.run_id)


def test_a_run_says_what_it_did(store: Path) -> None:
    """Parameters, metrics, data and status are read back as they were written."""
    note = DataNote(name="log", fingerprint="0123456789abcdef" * 4, source="log.parquet", profile={"rows": 3})
    with Tracker(store, run_name="first", tags={"kind": "test"}, clock=lambda: 12.0) as tracker:
        tracker.log_params({"seed": 3, "model": {"depth": 4, "names": ["a", "b"]}, "text": "x"})
        tracker.log_metrics({"value": 0.5, "share/judged": 1})
        tracker.log_data(note, "training")
    run = run_of(tracker)
    assert run.info.status == "FINISHED" and run.info.run_name == "first"
    assert run.data.params == {"seed": "3", "model.depth": "4", "model.names": '["a", "b"]', "text": "x"}
    assert run.data.metrics == {"value": 0.5, "share/judged": 1.0}
    assert run.data.tags["kind"] == "test" and run.data.tags["data.training.sha256"] == note.fingerprint
    [used] = run.inputs.dataset_inputs
    assert used.dataset.name == "log" and note.fingerprint.startswith(used.dataset.digest)


def test_many_parameters_are_split_over_calls(store: Path) -> None:
    """More than MLflow takes in one call is written all the same."""
    with Tracker(store) as tracker:
        tracker.log_params({f"p{i}": i for i in range(230)})
    assert len(run_of(tracker).data.params) == 230


def test_a_run_that_raises_has_failed(store: Path) -> None:
    """The error passes through and the run is marked."""
    tracker = Tracker(store)
    with pytest.raises(ZeroDivisionError), tracker:
        _ = 1 / 0
    assert run_of(tracker).info.status == "FAILED"


def test_artifacts_lie_beside_the_store(store: Path, bundle: Path) -> None:
    """Figures, texts and folders are kept in the store's folder, not in the working folder."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    with Tracker(store) as tracker:
        tracker.log_figure(figure, "figures/line.png")
        tracker.log_text("<p>report</p>", "report.html")
        tracker.log_folder(bundle, "bundle")
    kept = {path.name for path in (store / "artifacts").rglob("*") if path.is_file()}
    assert kept == {"line.png", "report.html", "manifest.json"}


def test_a_bundle_becomes_a_version_and_comes_back(store: Path, bundle: Path, tmp_path: Path) -> None:
    """Registered, found by alias and version, downloaded byte for byte; the run goes on after it."""
    with Tracker(store) as tracker:
        versions = [tracker.register(bundle, "router").version for _ in (1, 2)]
        tracker.log_metrics({"after": 1.0})
    assert versions == [1, 2] and run_of(tracker).info.status == "FINISHED"
    registry = tracker.registry
    assert registry.version_of("router", CHAMPION) is None and registry.version_of("nobody", CHAMPION) is None
    registry.set_alias("router", CHALLENGER, 2)
    registry.set_alias("router", CHAMPION, 1)
    registry.set_alias("router", CHAMPION, 2)
    assert registry.version_of("router", CHAMPION) == registry.version_of("router", CHALLENGER) == 2
    assert [each and each.version for each in map(registry.of, ("models:/router@champion", "models:/router/1"))] == [
        2,
        1,
    ]
    assert [registry.of(uri) for uri in ("models:/router@nobody", "models:/router/9", "models:/nobody/1")] == [None] * 3
    same, other = registry.of(str(bundle)), registry.find(bundle, "another name")
    assert same is not None and same.version == 2 and other is None
    for uri in ("models:/router@champion", "models:/router/1"):
        folder = registry.download(uri, tmp_path / "down" / uri[-1])
        assert (folder / "manifest.json").read_bytes() == (bundle / "manifest.json").read_bytes()
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_what_is_not_there_is_said(store: Path, tmp_path: Path) -> None:
    """No folder, no such model, no run: each in one line."""
    with Tracker(store) as tracker, pytest.raises(BundleError, match="no such folder"):
        tracker.register(tmp_path / "absent", "router")
    with pytest.raises(BundleError, match=r"models:/router@champion: not in sqlite.*check name and alias"):
        tracker.registry.download("models:/router@champion")
    with pytest.raises(InvalidInputError, match="with statement"):
        Tracker(store).log_metrics({"a": 1})
    with pytest.raises(InvalidInputError, match="another Tracker"), tracker:
        pass


def test_the_registered_model_routes(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's own pyfunc gives the bundle's decision per prompt, under options, without any pickle."""
    import mlflow
    import pandas as pd

    prompts = pd.DataFrame({"prompt": ["theorem proof", "capital river", "tensor"]})
    own = replace(small_learned().router, policy=GreedyPolicy())
    save_bundle(own, tmp_path / "real")
    with Tracker(store) as tracker:
        tracker.register(tmp_path / "real", "router")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with calm(), connect(store).current():
        model = mlflow.pyfunc.load_model("models:/router/1")
        answer = model.predict(prompts)
        cheap = model.predict(prompts, params={"max_cost_usd": 1e-3, "strategy": "cost_first"})
        with pytest.raises(mlflow.exceptions.MlflowException, match="missing inputs"):
            model.predict(pd.DataFrame({"text": ["a"]}))
    wanted = own.route_batch([read_request(p) for p in prompts["prompt"]], np.random.default_rng(0))
    assert answer["model"].tolist() == [d.model for d in wanted] and answer["propensity"].tolist() == [1.0] * 3
    assert len(set(answer["id"])) == 3 and set(cheap["model"]) == {CHEAP}


def test_the_registered_model_says_what_it_takes_and_gives(store: Path, tmp_path: Path) -> None:
    """Signature, options and an example that it was tried with."""
    import mlflow

    save_bundle(small_learned().router, tmp_path / "real")
    with Tracker(store) as tracker:
        tracker.register(tmp_path / "real", "router")
    with calm(), connect(store).current():
        info = mlflow.models.get_model_info("models:/router/1")
        local = mlflow.artifacts.download_artifacts("models:/router/1")
    assert info.signature.inputs.input_names() == ["prompt"]
    assert info.signature.outputs.input_names() == ["id", "model", "propensity", "confidence"]
    assert [(p.name, p.default) for p in info.signature.params.params] == [(name, None) for name in OPTIONS]
    assert mlflow.models.Model.load(local).load_input_example(local).to_dict("list") == EXAMPLE


def test_the_registered_model_keeps_decisions_where_it_has_a_ledger(store: Path, tmp_path: Path) -> None:
    """What it decided can be judged later, by anybody with the ledger."""
    import mlflow
    import pandas as pd

    save_bundle(small_learned().router, tmp_path / "real")
    with Tracker(store) as tracker:
        tracker.register(tmp_path / "real", "router")
    ledger = tmp_path / "ledger.db"
    with calm(), connect(store).current():
        model = mlflow.pyfunc.load_model("models:/router/1", model_config={"ledger": str(ledger)})
        answer = model.predict(pd.DataFrame({"prompt": ["theorem"]}))
    with SqliteLedger(ledger) as opened:
        until = time.monotonic() + 30.0
        while not opened.counts() and time.monotonic() < until:  # written in the background
            time.sleep(0.01)
        assert opened.decision(answer["id"][0]).model == answer["model"][0]


def test_stores_are_apart(store: Path, bundle: Path, migrated: Path, tmp_path: Path) -> None:
    """Two trackers of one process do not write into each other's store."""
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(migrated, other / "mlflow.db")
    with Tracker(store) as first:
        first.register(bundle, "router")
        with Tracker(other) as second:
            assert second.register(bundle, "router").version == 1
        assert first.register(bundle, "router").version == 2
    assert first.uri != second.uri


def test_the_environment_names_the_store(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLFLOW_TRACKING_URI wins, and the folder is then not made."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    assert Tracker(tmp_path / "unused").uri.endswith("store/mlflow.db")
    assert not (tmp_path / "unused").exists()


def test_without_mlflow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where MLflow is not installed the error gives the pip command."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[train\]'"):
        Tracker(tmp_path)


def test_importing_tracking_imports_no_mlflow() -> None:
    """The heavy import waits for the first tracker."""
    imports = "import sys, arbiter_training.tracking, arbiter_training.traffic"
    code = f"{imports}; print({{'mlflow', 'pyarrow', 'pandas'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "name", ["../b/quality", "/abs/b/quality", "./b//quality", "b/.../quality", "x" * 400, "..", "a%:@b"]
)
def test_any_policys_name_makes_a_metric(store: Path, name: str) -> None:
    """Folders above, absolute ones and long names are metrics that MLflow takes; plain ones stay as they are."""
    with Tracker(store) as tracker:
        tracker.log_metrics({metric_name(name): 1.0})
    assert metric_name("models/mine/quality") == "models/mine/quality"
    assert metric_name("../b/quality") == "b/quality"
