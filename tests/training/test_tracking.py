"""MLflow as arbiter uses it: a local store that needs nothing, runs that say what they did, bundles as models."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import arbiter
from arbiter.errors import BundleError, InvalidInputError, MissingExtraError
from arbiter.integrations.quiet_mlflow import calm
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


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the database once: its migrations take two seconds, a copy takes none."""
    folder = tmp_path_factory.mktemp("template")
    Tracker(folder)
    return folder / "mlflow.db"


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    shutil.copy(migrated, folder / "mlflow.db")
    return folder


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
        versions = [tracker.register(bundle, "router") for _ in (1, 2)]
        tracker.log_metrics({"after": 1.0})
    assert versions == [1, 2] and run_of(tracker).info.status == "FINISHED"
    registry = tracker.registry
    assert registry.version_of("router", CHAMPION) is None and registry.version_of("nobody", CHAMPION) is None
    registry.set_alias("router", CHALLENGER, 2)
    registry.set_alias("router", CHAMPION, 1)
    registry.set_alias("router", CHAMPION, 2)
    assert registry.version_of("router", CHAMPION) == registry.version_of("router", CHALLENGER) == 2
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


def test_the_registered_model_routes(store: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's own pyfunc gives a decision per prompt, and loads the bundle only when the first prompt comes."""
    import mlflow
    import pandas as pd

    loaded: list[str] = []

    class Router:
        def route_batch(self, prompts: list[str]) -> list[SimpleNamespace]:
            return [SimpleNamespace(id=p, model="m", propensity=0.5, confidence=0.9) for p in prompts]

    def load(folder: str) -> Router:
        loaded.append(Path(folder, "manifest.json").read_text())
        return Router()

    monkeypatch.setattr(arbiter, "load", load, raising=False)
    with Tracker(store) as tracker:
        tracker.register(bundle, "router")
    loaded.clear()  # MLflow has tried the example with it
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with calm(), connect(store).current():
        model = mlflow.pyfunc.load_model("models:/router/1")
        assert loaded == []
        answer = model.predict(pd.DataFrame({"prompt": ["a", "b"]}))
    assert answer["id"].tolist() == ["a", "b"] and answer["propensity"].tolist() == [0.5, 0.5]
    assert loaded == ['{"schema": 1}']


def test_stores_are_apart(store: Path, bundle: Path, migrated: Path, tmp_path: Path) -> None:
    """Two trackers of one process do not write into each other's store."""
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(migrated, other / "mlflow.db")
    with Tracker(store) as first:
        first.register(bundle, "router")
        with Tracker(other) as second:
            assert second.register(bundle, "router") == 1
        assert first.register(bundle, "router") == 2
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
