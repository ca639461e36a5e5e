"""Fixtures that several test modules share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the folder of real data that is kept outside the project; skip where there is none."""
    folder = Path(os.environ.get("ARBITER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set ARBITER_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """Give a PostgreSQL server that runs for the session; skip where it is not installed."""
    with postgres_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an empty database of MLflow, made once: its migrations take seconds, a copy takes none."""
    from arbiter_training.mlflow_connection import connect

    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            patch.delenv(name, raising=False)
        folder = tmp_path_factory.mktemp("template")
        connect(folder).client.search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Path:
    """Give a folder with an empty database of MLflow."""
    folder = tmp_path / "store"
    folder.mkdir()
    shutil.copy(migrated, folder / "mlflow.db")
    return folder
